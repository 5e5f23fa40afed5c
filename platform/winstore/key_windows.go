package winstore

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha1" // #nosec G505: see signCAPI
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"slices"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

// Key looks at the private key of the very certificate: whether it opens without
// asking anybody, and signs what the certificate's public key verifies. It
// changes nothing. An error means that the look at the store failed or that the
// certificate is not in it (Number 0x80092004); what is wrong with the key is in
// the Key.
func (s Store) Key(der []byte) (Key, error) {
	key := Key{State: KeyUnknown}
	found := false
	err := s.read(own, func(h windows.Handle) error {
		cert, err := find(h, der)
		if cert == nil {
			return err
		}
		defer freeCert(cert)
		found = true
		key = s.keyOf(cert)
		return nil
	})
	if err == nil && !found {
		err = fail("look for a certificate in", s, syscall.Errno(cryptNotFound))
	}
	return key, err
}

// keyOf goes where the certificate says that its key is kept, the way that
// CryptAcquireCertificatePrivateKey goes on Windows. Wine's looks for every key
// among the user's, and Windows' may mend what it finds.
func (s Store) keyOf(cert *windows.CertContext) Key {
	var key Key
	words, err := property(cert, propKeyProvInfo)
	if words == nil {
		if err == nil {
			err = syscall.Errno(cryptNoKeyProperty)
		}
		return s.judgeKey(key, err)
	}
	info := (*keyProvInfo)(unsafe.Pointer(&words[0]))
	key.Container = windows.UTF16PtrToString(info.container)
	key.Provider = windows.UTF16PtrToString(info.provider)
	key.Machine = info.flags&windows.CRYPT_MACHINE_KEYSET != 0
	key.Type = info.provType
	key = s.judgeKey(key, tryKey(cert, info))
	if key.Number == nteBadKeyset && key.Machine && !elevated() {
		files, err := machineKeys()
		key.State = hidden(key, files, err)
	}
	return key
}

// judgeKey fills in the state that goes with the outcome of trying the key.
func (s Store) judgeKey(key Key, err error) Key {
	key.State = stateOf(err)
	if err != nil {
		key.Err = fail("open the private key in", s, err)
		key.Number = numberOf(err)
	}
	return key
}

// elevated is asked only to know what "there is no such key" is worth.
func elevated() bool { return windows.GetCurrentProcessToken().IsElevated() }

// machineKeys lists the files of the machine's RSA keys, which everyone may list
// and few may open.
func machineKeys() ([]fs.DirEntry, error) {
	folder, err := windows.KnownFolderPath(windows.FOLDERID_ProgramData, 0)
	if err != nil {
		return nil, err
	}
	return os.ReadDir(folder + `\Microsoft\Crypto\RSA\MachineKeys`)
}

// errMismatch: the key opens and is not the certificate's.
var errMismatch error = syscall.Errno(nteBadPublicKey)

// tryKey opens the private key, signs with it and verifies with the certificate:
// that it opens does not prove that it can sign, nor whose it is.
func tryKey(cert *windows.CertContext, info *keyProvInfo) error {
	parsed, err := x509.ParseCertificate(bytes.Clone(encoded(cert)))
	if err != nil {
		return err
	}
	message := []byte("devcert asks whether this key belongs to its certificate")
	if info.provType == 0 {
		return withCNG(info.provider, info.container, info.flags&windows.CRYPT_MACHINE_KEYSET != 0, func(key windows.Handle) (bool, error) {
			return false, tryCNG(key, parsed.PublicKey, message)
		})
	}
	var prov windows.Handle
	flags := info.flags&windows.CRYPT_MACHINE_KEYSET | windows.CRYPT_SILENT
	if err := windows.CryptAcquireContext(&prov, info.container, info.provider, info.provType, flags); err != nil {
		return err
	}
	defer func() { _ = windows.CryptReleaseContext(prov, 0) }()
	return tryCAPI(prov, info.keySpec, parsed.PublicKey, message)
}

// tryCAPI signs with SHA-1, the one hash that the oldest RSA provider has, which
// is the one PFX files are imported to. Nothing rests on the signature.
func tryCAPI(prov windows.Handle, keySpec uint32, public crypto.PublicKey, message []byte) error {
	pub, ok := public.(*rsa.PublicKey)
	if !ok {
		return errMismatch // these providers sign with RSA and DSA
	}
	signature, err := signCAPI(prov, keySpec, message)
	if err != nil {
		return err
	}
	digest := sha1.Sum(message) // #nosec G401: see above
	if rsa.VerifyPKCS1v15(pub, crypto.SHA1, digest[:], signature) != nil {
		return errMismatch
	}
	return nil
}

func signCAPI(prov windows.Handle, keySpec uint32, message []byte) ([]byte, error) {
	if keySpec != atSignature {
		keySpec = atKeyExchange // Wine names both at once, and signs with one only
	}
	var hash windows.Handle
	if err := cryptCreateHash(prov, calgSHA1, 0, 0, &hash); err != nil {
		return nil, err
	}
	defer cryptDestroyHash(hash)
	if err := cryptHashData(hash, &message[0], size32(message), 0); err != nil {
		return nil, err
	}
	signature := make([]byte, 2048) // RSA of 16384 bits, the most there is
	size := size32(signature)
	if err := cryptSignHash(hash, keySpec, nil, 0, &signature[0], &size); err != nil {
		return nil, err
	}
	signature = signature[:size]
	slices.Reverse(signature) // CAPI's integers are little-endian
	return signature, nil
}

func tryCNG(key windows.Handle, public crypto.PublicKey, message []byte) error {
	digest := sha256.Sum256(message)
	switch pub := public.(type) {
	case *rsa.PublicKey:
		name, err := windows.UTF16PtrFromString("SHA256")
		if err != nil {
			return err
		}
		signature, err := signCNG(key, unsafe.Pointer(&pkcs1Padding{name}), padPKCS1, digest[:])
		if err == nil && rsa.VerifyPKCS1v15(pub, crypto.SHA256, digest[:], signature) != nil {
			return errMismatch
		}
		return err
	case *ecdsa.PublicKey:
		signature, err := signCNG(key, nil, 0, digest[:])
		if err != nil {
			return err
		}
		half := len(signature) / 2 // r and s, of the curve's length each
		r, s := new(big.Int).SetBytes(signature[:half]), new(big.Int).SetBytes(signature[half:])
		if !ecdsa.Verify(pub, digest[:], r, s) {
			return errMismatch
		}
		return nil
	}
	return fmt.Errorf("a key of kind %T: %w", public, errors.ErrUnsupported)
}

func signCNG(key windows.Handle, padding unsafe.Pointer, flags uint32, digest []byte) ([]byte, error) {
	signature := make([]byte, 2048)
	var size uint32
	err := ncryptSignHash(key, padding, &digest[0], size32(digest), &signature[0], size32(signature), &size, flags|ncryptSilent)
	if err != nil {
		return nil, err
	}
	return signature[:size], nil
}

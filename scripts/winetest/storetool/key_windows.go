package main

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"encoding/binary"
	"fmt"
	"math/big"
	"slices"
	"unsafe"

	"golang.org/x/sys/windows"

	"devcert/platform/winstore"
)

// Wine imports every PFX into one and the same key container, where the next
// takes the place of the last. A key that is to stay, as IIS Express's does on
// Windows, gets a container of its own here.

var (
	importKey   = windows.NewLazySystemDLL("advapi32.dll").NewProc("CryptImportKey")
	setProperty = windows.NewLazySystemDLL("crypt32.dll").NewProc("CertSetCertificateContextProperty")
)

// keyProvInfo is CRYPT_KEY_PROV_INFO of wincrypt.h.
type keyProvInfo struct {
	container, provider *uint16
	provType, flags     uint32
	params              uint32
	param               uintptr
	keySpec             uint32
}

const (
	keyProvInfoProperty  = 2
	friendlyNameProperty = 11
	keyExchange          = 1
)

const rsaProvider = "Microsoft Enhanced RSA and AES Cryptographic Provider"

// keySet is where the keys of a store's certificates are.
func keySet(s winstore.Store) uint32 {
	if s.Location == winstore.LocalMachine {
		return windows.CRYPT_MACHINE_KEYSET
	}
	return 0
}

// addWithKey adds a certificate to a store, with its key in a container of that
// name.
func addWithKey(store winstore.Store, der []byte, key *rsa.PrivateKey, container, friendlyName string) error {
	name, err := windows.UTF16PtrFromString(container)
	if err != nil {
		return err
	}
	provider, err := windows.UTF16PtrFromString(rsaProvider)
	if err != nil {
		return err
	}
	if err := fill(name, provider, windows.PROV_RSA_AES, windows.CRYPT_NEWKEYSET|keySet(store), key); err != nil {
		return err
	}
	cert, err := windows.CertCreateCertificateContext(windows.X509_ASN_ENCODING, &der[0], uint32(len(der)))
	if err != nil {
		return err
	}
	defer func() { _ = windows.CertFreeCertificateContext(cert) }()
	info := keyProvInfo{container: name, provider: provider, provType: windows.PROV_RSA_AES, flags: keySet(store), keySpec: keyExchange}
	if err := set(cert, keyProvInfoProperty, unsafe.Pointer(&info)); err != nil {
		return err
	}
	title, err := windows.UTF16FromString(friendlyName)
	if err != nil {
		return err
	}
	if err := set(cert, friendlyNameProperty, unsafe.Pointer(&windows.CryptDataBlob{
		Size: uint32(2 * len(title)), Data: (*byte)(unsafe.Pointer(&title[0])),
	})); err != nil {
		return err
	}
	return addContext(store, cert)
}

// fill imports a key into a container.
func fill(container, provider *uint16, provType, flags uint32, key *rsa.PrivateKey) error {
	var context windows.Handle
	if err := windows.CryptAcquireContext(&context, container, provider, provType, flags); err != nil {
		return fmt.Errorf("open a container: %w", err)
	}
	defer func() { _ = windows.CryptReleaseContext(context, 0) }()
	blob := privateKeyBlob(key)
	var handle windows.Handle
	ok, _, err := importKey.Call(uintptr(context), uintptr(unsafe.Pointer(&blob[0])), uintptr(len(blob)), 0, 1, uintptr(unsafe.Pointer(&handle)))
	if ok == 0 {
		return fmt.Errorf("import the key: %w", err)
	}
	return nil
}

// spoilKey deletes the private key of a certificate, or puts another one into its
// container. The certificate stays, and stays linked to it.
func spoilKey(s winstore.Store, der []byte, other bool) error {
	key, err := s.Key(der)
	if err != nil {
		return err
	}
	container, err := windows.UTF16PtrFromString(key.Container)
	if err != nil {
		return err
	}
	provider, err := windows.UTF16PtrFromString(key.Provider)
	if err != nil {
		return err
	}
	if !other {
		var none windows.Handle
		return windows.CryptAcquireContext(&none, container, provider, key.Type, windows.CRYPT_DELETEKEYSET|keySet(s))
	}
	stray, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	return fill(container, provider, key.Type, keySet(s), stray)
}

func set(cert *windows.CertContext, property uintptr, value unsafe.Pointer) error {
	ok, _, err := setProperty.Call(uintptr(unsafe.Pointer(cert)), property, 0, uintptr(value))
	if ok == 0 {
		return fmt.Errorf("set property %d: %w", property, err)
	}
	return nil
}

func addContext(s winstore.Store, cert *windows.CertContext) error {
	name, err := windows.UTF16PtrFromString(s.Name)
	if err != nil {
		return err
	}
	location := uint32(windows.CERT_SYSTEM_STORE_CURRENT_USER)
	if s.Location == winstore.LocalMachine {
		location = windows.CERT_SYSTEM_STORE_LOCAL_MACHINE
	}
	handle, err := windows.CertOpenStore(windows.CERT_STORE_PROV_SYSTEM, 0, 0, location, uintptr(unsafe.Pointer(name)))
	if err != nil {
		return err
	}
	defer func() { _ = windows.CertCloseStore(handle, 0) }()
	return windows.CertAddCertificateContextToStore(handle, cert, windows.CERT_STORE_ADD_NEW, nil)
}

// privateKeyBlob is a PRIVATEKEYBLOB of wincrypt.h: every number little-endian.
func privateKeyBlob(key *rsa.PrivateKey) []byte {
	size := (key.N.BitLen() + 7) / 8
	var b bytes.Buffer
	for _, field := range []any{
		byte(7), byte(2), uint16(0), uint32(0xa400), // PRIVATEKEYBLOB, version, CALG_RSA_KEYX
		[]byte("RSA2"), uint32(key.N.BitLen()), uint32(key.E),
	} {
		_ = binary.Write(&b, binary.LittleEndian, field)
	}
	for _, number := range []struct {
		value *big.Int
		size  int
	}{
		{key.N, size}, {key.Primes[0], size / 2}, {key.Primes[1], size / 2}, {key.Precomputed.Dp, size / 2},
		{key.Precomputed.Dq, size / 2}, {key.Precomputed.Qinv, size / 2}, {key.D, size},
	} {
		digits := number.value.FillBytes(make([]byte, number.size))
		slices.Reverse(digits)
		b.Write(digits)
	}
	return b.Bytes()
}

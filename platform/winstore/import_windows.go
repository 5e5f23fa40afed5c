package winstore

import (
	"errors"
	"runtime"
	"unsafe"

	"golang.org/x/sys/windows"

	"devcert/devcert/chain"
)

// AddKey puts a certificate and its private key into the store, normally My, and
// says whether that was necessary. The key is kept for the machine in
// LocalMachine, for the user in CurrentUser. One that is there with a key that
// opens is left as it is; one without is given its key. Afterwards the key has
// opened and signed, or there is an *Error and neither a certificate nor a key
// that was not there before.
//
// RSA keys go to the provider that .NET Framework can read (it fails on CNG keys
// with "Invalid provider type specified"), which PFX import chooses by itself.
func (s Store) AddKey(pair chain.Pair, o KeyOptions) (added bool, err error) {
	password, err := chain.NewPassword(nil)
	if err != nil {
		return false, err
	}
	pfx, err := chain.EncodePFX(chain.PFXLegacy, pair, nil, password) // Server 2016 reads nothing newer
	if err != nil {
		return false, err
	}
	defer clear(pfx)
	return s.addPFX(pfx, password, pair.Cert.Raw, o)
}

// addPFX imports a PFX that is said to hold the certificate der and its key.
func (s Store) addPFX(pfx []byte, password string, der []byte, o KeyOptions) (added bool, err error) {
	there, err := s.Has(der)
	if err != nil {
		return false, err
	}
	if there {
		if key, err := s.Key(der); err != nil || key.State == KeyOpens {
			return false, err
		}
	}
	// before the import, which leaves a key on the disk
	if err := errors.Join(s.mayChange(toAdd), s.Writable()); err != nil {
		return false, err
	}
	imported, err := s.importPFX(pfx, password, o.Exportable)
	if err != nil {
		return false, err
	}
	defer closeStore(imported)
	cert, err := s.pick(imported, der, o.FriendlyName)
	if err == nil {
		defer freeCert(cert)
		added, err = s.putWithKey(cert, there)
	}
	if !added {
		err = errors.Join(err, s.dropImported(imported))
	}
	return added, err
}

// pick finds the very certificate among the imported ones, for the caller to
// free. It has its key and its name when it is added: Wine keeps no name that
// comes later.
func (s Store) pick(imported windows.Handle, der []byte, name string) (*windows.CertContext, error) {
	cert, err := find(imported, der)
	if err != nil {
		return nil, fail("read what was imported for", s, err)
	}
	if cert == nil {
		return nil, fail("add to", s, errors.New("windows took another certificate out of the PKCS#12 file"))
	}
	key := s.keyOf(cert)
	if key.State == KeyMissing || key.State == KeyWrong {
		err = key.Err
	} else {
		err = fail("name a certificate for", s, setFriendlyName(cert, name))
	}
	if err != nil {
		freeCert(cert)
		return nil, err
	}
	return cert, nil
}

// ofMachine sees to it that imported keys are looked for where they were put:
// Wine forgets to say that they are among the machine's. Windows never does.
func ofMachine(imported windows.Handle) (err error) {
	walked := each(imported, func(cert *windows.CertContext) bool {
		var words []uint64
		if words, err = property(cert, propKeyProvInfo); err != nil || words == nil {
			return err == nil
		}
		info := (*keyProvInfo)(unsafe.Pointer(&words[0]))
		if info.flags&windows.CRYPT_MACHINE_KEYSET == 0 {
			info.flags |= windows.CRYPT_MACHINE_KEYSET
			err = certSetCertificateContextProperty(cert, propKeyProvInfo, 0, unsafe.Pointer(info))
		}
		return err == nil
	})
	return errors.Join(err, walked)
}

// putWithKey adds a certificate and looks whether the key came with it. What it
// added without one it takes away again. One that is there without its key is
// deleted first: what replaces itself keeps its old properties on Wine.
func (s Store) putWithKey(cert *windows.CertContext, there bool) (added bool, err error) {
	der := encoded(cert)
	if there {
		if err := s.remove(der); err != nil {
			return false, err
		}
	}
	added, err = s.put(cert)
	if err != nil {
		return false, err
	}
	key, err := s.Key(der)
	if err == nil {
		err = key.Err
	}
	if err != nil && added {
		err = errors.Join(err, s.remove(der))
	}
	return added && err == nil, err
}

// importPFX makes a store in memory of a PFX; its keys are kept on the disk from
// then on, which PKCS12_NO_PERSIST_KEY would prevent.
func (s Store) importPFX(pfx []byte, password string, exportable bool) (windows.Handle, error) {
	text, err := windows.UTF16FromString(password)
	if err != nil {
		return 0, fail("import a private key for", s, err)
	}
	defer clear(text)
	flags := uint32(windows.CRYPT_USER_KEYSET)
	if s.Location == LocalMachine {
		flags = windows.CRYPT_MACHINE_KEYSET
	}
	if exportable {
		flags |= windows.CRYPT_EXPORTABLE
	}
	if len(pfx) == 0 {
		return 0, fail("import a private key for", s, errors.New("an empty PKCS#12 file"))
	}
	blob := windows.CryptDataBlob{Size: size32(pfx), Data: &pfx[0]}
	h, err := windows.PFXImportCertStore(&blob, &text[0], flags)
	runtime.KeepAlive(pfx)
	if err != nil {
		return 0, fail("import a private key for", s, err)
	}
	if s.Location == LocalMachine {
		err = ofMachine(h)
	}
	if err != nil {
		closeStore(h)
		return 0, fail("link a private key for", s, err)
	}
	return h, nil
}

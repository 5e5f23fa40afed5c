package winstore

import (
	"fmt"
	"strings"
	"unsafe"

	"golang.org/x/sys/windows"
)

// dropKey deletes the private key of a certificate that was removed.
func (s Store) dropKey(key Key) error {
	switch key.State {
	case KeyMissing, KeyWrong: // nothing, or somebody else's
		return nil
	case KeyOpens:
		return s.dropContainer(key)
	}
	return &Error{Op: "delete the private key in", Store: s.String(), Number: key.Number,
		Err: fmt.Errorf("the certificate is removed, its key stays: %w", key.Err)}
}

// dropContainer deletes a key for good, unless another certificate needs it.
func (s Store) dropContainer(key Key) error {
	used, err := key.inUse()
	if err != nil {
		return fmt.Errorf("the certificate is removed, its key stays, for whether another one uses it cannot be seen: %w", err)
	}
	if used {
		return nil
	}
	return fail("delete the private key in", s, key.delete())
}

// dropImported deletes the keys that a PFX import has left, when its
// certificates are not wanted after all.
func (s Store) dropImported(imported windows.Handle) error {
	var keys []Key
	err := each(imported, func(cert *windows.CertContext) bool {
		if key := s.keyOf(cert); key.Container != "" {
			keys = append(keys, key)
		}
		return true
	})
	if err != nil {
		return fail("read what was imported for", s, err)
	}
	for _, key := range keys {
		if err := s.dropContainer(key); err != nil {
			return err
		}
	}
	return nil
}

// keyStores are where certificates with keys are kept; WebHosting is IIS's.
var keyStores = []Store{
	{Location: LocalMachine, Name: My},
	{Location: LocalMachine, Name: "WebHosting"},
	{Location: CurrentUser, Name: My},
}

// inUse says whether a certificate in one of the stores is linked to the key.
// Providers are not compared: those for RSA share their containers.
func (k Key) inUse() (used bool, err error) {
	for _, s := range keyStores {
		err := s.read(own, func(h windows.Handle) error {
			return each(h, func(cert *windows.CertContext) bool {
				words, err := property(cert, propKeyProvInfo)
				if err == nil && words != nil {
					info := (*keyProvInfo)(unsafe.Pointer(&words[0]))
					machine := info.flags&windows.CRYPT_MACHINE_KEYSET != 0
					used = used || machine == k.Machine && strings.EqualFold(windows.UTF16PtrToString(info.container), k.Container)
				}
				return !used
			})
		})
		if used || err != nil {
			return used, err
		}
	}
	return false, nil
}

func (k Key) delete() error {
	container, err := windows.UTF16PtrFromString(k.Container)
	if err != nil {
		return err
	}
	provider, err := windows.UTF16PtrFromString(k.Provider)
	if err != nil {
		return err
	}
	if k.Type == 0 {
		return withCNG(provider, container, k.Machine, func(key windows.Handle) (bool, error) {
			err := ncryptDeleteKey(key, ncryptSilent)
			return err == nil, err // a delete that worked has freed the handle
		})
	}
	flags := uint32(windows.CRYPT_DELETEKEYSET | windows.CRYPT_SILENT)
	if k.Machine {
		flags |= windows.CRYPT_MACHINE_KEYSET
	}
	var none windows.Handle
	return windows.CryptAcquireContext(&none, container, provider, k.Type, flags)
}

// withCNG opens a key of a key storage provider without asking anybody, and
// frees it after use unless that has done so.
func withCNG(provider, container *uint16, machine bool, use func(windows.Handle) (freed bool, err error)) error {
	var prov, key windows.Handle
	if err := ncryptOpenStorageProvider(&prov, provider, 0); err != nil {
		return err
	}
	defer ncryptFreeObject(prov)
	flags := uint32(ncryptSilent)
	if machine {
		flags |= ncryptMachine
	}
	if err := ncryptOpenKey(prov, &key, container, 0, flags); err != nil {
		return err
	}
	freed, err := use(key)
	if !freed {
		ncryptFreeObject(key)
	}
	return err
}

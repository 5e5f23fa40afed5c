package winstore

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"runtime"
	"strings"
	"sync"
	"unsafe"

	"golang.org/x/sys/windows"
)

// view is which of the physical stores behind a store is opened.
type view int

const (
	// own is what is in the store itself: of CurrentUser\CA, what is in the
	// user's registry and nothing of the machine's.
	own view = iota
	// merged is what programs see.
	merged
)

// provider chooses how a store is opened. CurrentUser\Root and CurrentUser\CA
// are collections that include the machine's stores, so that a delete by an
// administrator could hit those; the registry provider opens the user's part
// alone. CurrentUser\My has one part only, and Windows keeps it in the roaming
// profile, which the system provider knows how to find; Wine keeps it in the
// registry, and makes a collection of it too. The machine's stores are always
// opened whole: what group policy put there counts.
func (s Store) provider(v view) uintptr {
	alone := v == own
	if s.is(My) {
		alone = onWine()
	}
	if s.Location == CurrentUser && alone {
		return windows.CERT_STORE_PROV_SYSTEM_REGISTRY
	}
	return windows.CERT_STORE_PROV_SYSTEM
}

// onWine says whether this is Wine, which asks nobody and forgets some things.
var onWine = sync.OnceValue(func() bool {
	return windows.NewLazySystemDLL("ntdll.dll").NewProc("wine_get_version").Find() == nil
})

// asks says whether Windows asks a person before it changes this store.
func (s Store) asks() bool { return s.Location == CurrentUser && s.is(Root) }

func (s Store) is(name string) bool { return strings.EqualFold(s.Name, name) }

func (s Store) locationFlag() (uint32, error) {
	switch s.Location {
	case LocalMachine:
		return windows.CERT_SYSTEM_STORE_LOCAL_MACHINE, nil
	case CurrentUser:
		return windows.CERT_SYSTEM_STORE_CURRENT_USER, nil
	}
	return 0, &Error{Op: "open", Store: s.String(), Err: fmt.Errorf("no such location: %q", s.Location)}
}

// open opens the store for reading, or with flags 0 for writing, in which case
// it is made where it does not exist. Close the handle with close.
func (s Store) open(v view, flags uint32) (windows.Handle, error) {
	location, err := s.locationFlag()
	if err != nil {
		return 0, err
	}
	if s.Name == "" {
		return 0, &Error{Op: "open", Store: s.String(), Err: errors.New("a store without a name")}
	}
	name, err := windows.UTF16PtrFromString(s.Name)
	if err != nil {
		return 0, &Error{Op: "open", Store: s.String(), Err: err}
	}
	h, err := windows.CertOpenStore(s.provider(v), 0, 0, location|flags, uintptr(unsafe.Pointer(name)))
	runtime.KeepAlive(name)
	if err != nil {
		op := "open for writing"
		if flags&windows.CERT_STORE_READONLY_FLAG != 0 {
			op = "open"
		}
		return 0, fail(op, s, err)
	}
	return h, nil
}

// reading opens without making anything: a look changes nothing.
const reading = windows.CERT_STORE_READONLY_FLAG | windows.CERT_STORE_OPEN_EXISTING_FLAG

func closeStore(h windows.Handle) { _ = windows.CertCloseStore(h, 0) }

func freeCert(cert *windows.CertContext) { _ = windows.CertFreeCertificateContext(cert) }

// commit writes what was changed. Windows does so by itself; Wine forgets a
// delete without it. Whether it was written, the next look tells.
func commit(h windows.Handle) { _ = certControlStore(h, 0, ctrlCommit, nil) }

// each calls visit with every certificate of a store until it returns false. The
// context is only valid during the call, unless it is duplicated.
func each(h windows.Handle, visit func(*windows.CertContext) bool) error {
	var cert *windows.CertContext
	for {
		next, err := windows.CertEnumCertificatesInStore(h, cert) // frees cert
		if next == nil {
			if n := numberOf(err); n == cryptNotFound || n == errorNoMoreFiles || n == errorFileNotFound {
				return nil
			}
			return err
		}
		cert = next
		if !visit(cert) {
			freeCert(cert)
			return nil
		}
	}
}

// find returns the certificate with these very bytes, for the caller to free;
// nil when there is none.
func find(h windows.Handle, der []byte) (found *windows.CertContext, err error) {
	err = each(h, func(cert *windows.CertContext) bool {
		if bytes.Equal(encoded(cert), der) {
			found = windows.CertDuplicateCertificateContext(cert)
		}
		return found == nil
	})
	return found, err
}

// encoded is the certificate's own memory.
func encoded(cert *windows.CertContext) []byte {
	return unsafe.Slice(cert.EncodedCert, cert.Length)
}

// property reads a property of a certificate; nil when it has none. The result
// is made of words so that a structure in it is aligned.
func property(cert *windows.CertContext, id uint32) ([]uint64, error) {
	var size uint32
	err := certGetCertificateContextProperty(cert, id, nil, &size)
	if numberOf(err) == cryptNotFound || err == nil && size == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	words := make([]uint64, (size+7)/8)
	if err := certGetCertificateContextProperty(cert, id, unsafe.Pointer(&words[0]), &size); err != nil {
		return nil, err
	}
	return words, nil
}

func friendlyName(cert *windows.CertContext) string {
	words, err := property(cert, propFriendlyName)
	if err != nil || words == nil {
		return "" // decoration: not worth an error
	}
	return windows.UTF16ToString(unsafe.Slice((*uint16)(unsafe.Pointer(&words[0])), len(words)*4))
}

func setFriendlyName(cert *windows.CertContext, name string) error {
	if name == "" {
		return nil
	}
	text, err := windows.UTF16FromString(name)
	if err != nil {
		return err
	}
	blob := windows.CryptDataBlob{Size: uint32(len(text) * 2), Data: (*byte)(unsafe.Pointer(&text[0]))}
	return certSetCertificateContextProperty(cert, propFriendlyName, 0, unsafe.Pointer(&blob))
}

// size32 is the length of what is known to be short, or was too long for Windows
// anyway: no certificate has 4 GB.
func size32(b []byte) uint32 { return uint32(min(len(b), math.MaxUint32)) } // #nosec G115: see above

package winstore

import (
	"bytes"

	"golang.org/x/sys/windows"
)

// List returns every certificate that is in the store itself. For
// CurrentUser\Root and CurrentUser\CA these are the user's own, without the
// machine's, which programs see there too (ListMerged). A store that does not
// exist is empty; one that cannot be opened is an *Error. Archived certificates
// are hidden, as from other programs.
func (s Store) List() ([]Entry, error) { return s.list(own) }

// ListMerged returns what programs see in the store: for CurrentUser also what
// the machine has. For LocalMachine and for My it is the same as List.
func (s Store) ListMerged() ([]Entry, error) { return s.list(merged) }

func (s Store) list(v view) ([]Entry, error) {
	var entries []Entry
	err := s.read(v, func(h windows.Handle) error {
		return each(h, func(cert *windows.CertContext) bool {
			info, err := property(cert, propKeyProvInfo)
			entries = append(entries, Entry{
				DER:          bytes.Clone(encoded(cert)),
				FriendlyName: friendlyName(cert),
				HasKey:       err == nil && info != nil,
			})
			return true
		})
	})
	if err != nil {
		return nil, err
	}
	return entries, nil
}

// Has says whether the very certificate is in the store itself; see List.
func (s Store) Has(der []byte) (bool, error) { return s.has(own, der) }

func (s Store) has(v view, der []byte) (there bool, err error) {
	err = s.read(v, func(h windows.Handle) error {
		cert, err := find(h, der)
		if cert != nil {
			there = true
			freeCert(cert)
		}
		return err
	})
	return there, err
}

// read opens the store for one look. A store that does not exist is not looked
// into: there is nothing in it.
func (s Store) read(v view, look func(windows.Handle) error) error {
	h, err := s.open(v, reading)
	if numberOf(err) == errorFileNotFound {
		return nil
	}
	if err != nil {
		return err
	}
	defer closeStore(h)
	if err := look(h); err != nil {
		return fail("read", s, err)
	}
	return nil
}

// Writable says whether this process may change the store: nil, or an *Error
// that errors.Is(err, windows.ERROR_ACCESS_DENIED) tells from others. It makes
// and changes nothing, and does not say whether a person would be asked.
func (s Store) Writable() error {
	h, err := s.open(own, windows.CERT_STORE_OPEN_EXISTING_FLAG)
	if numberOf(err) == errorFileNotFound {
		return nil // it will be made; the key above it belongs to the same owner
	}
	if err != nil {
		return err
	}
	closeStore(h)
	return nil
}

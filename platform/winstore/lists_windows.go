package winstore

import (
	"bytes"
	"crypto/x509"
	"errors"
	"slices"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"

	"devcert/devcert"
)

// Lists returns every revocation list that is in the store itself, each as DER; see
// List.
func (s Store) Lists() ([][]byte, error) { return s.lists(own) }

func (s Store) lists(v view) (all [][]byte, err error) {
	err = s.read(v, func(h windows.Handle) error {
		crl, err := nextList(h, nil)
		for ; crl != nil; crl, err = nextList(h, crl) {
			all = append(all, bytes.Clone(crl.bytes()))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// Listed says whether the user's programs find in CA that none of the certificates
// between a server's leaf and the root was revoked. In a store that cannot be read
// they find nothing.
func Listed(m devcert.Material, now time.Time) bool {
	var all [][]byte
	for _, l := range []Location{LocalMachine, CurrentUser} {
		has, err := Store{Location: l, Name: CA}.lists(merged)
		if err != nil {
			return false
		}
		all = append(all, has...)
	}
	return m.RootCRL != nil && lacking(m, all, now) == lacks{}
}

// bytes is the list's own memory.
func (c *crlContext) bytes() []byte { return unsafe.Slice(c.encoded, c.size) }

// nextList is the list after last, which it frees, and the first where that is nil;
// it is nil after the last one.
func nextList(h windows.Handle, last *crlContext) (*crlContext, error) {
	next, err := certEnumCRLsInStore(h, last)
	if next != 0 {
		return *(**crlContext)(unsafe.Pointer(&next)), nil // Windows' memory, which Go's never moves
	}
	if n := numberOf(err); n == cryptNotFound || n == errorNoMoreFiles || n == errorFileNotFound {
		return nil, nil
	}
	return nil, err
}

// AddList puts a revocation list into the store and says whether that was
// necessary. It stands beside others of the same issuer: none is replaced, except
// by Wine.
func (s Store) AddList(der []byte) (added bool, err error) {
	if has, err := s.Lists(); err != nil || holdsList(has, der) {
		return false, err
	}
	if len(der) == 0 {
		return false, fail("add to", s, errors.New("an empty revocation list"))
	}
	h, err := s.open(own, 0)
	if err != nil {
		return false, err
	}
	err = certAddEncodedCRLToStore(h, windows.X509_ASN_ENCODING, &der[0], size32(der), windows.CERT_STORE_ADD_ALWAYS, nil)
	commit(h)
	closeStore(h)
	if err != nil {
		return false, fail("add a revocation list to", s, err)
	}
	has, err := s.Lists()
	if err == nil && !holdsList(has, der) {
		err = &Error{Op: "add a revocation list to", Store: s.String(), Err: errors.New("windows said that it did, and the list is not there"),
			Remedy: "see whether a policy or another program removes it"}
	}
	return err == nil, err
}

func holdsList(lists [][]byte, der []byte) bool {
	return slices.ContainsFunc(lists, func(l []byte) bool { return bytes.Equal(l, der) })
}

// DeleteList removes the very list and says whether it was there; that it was not
// is no error.
func (s Store) DeleteList(der []byte) (deleted bool, err error) {
	if has, err := s.Lists(); err != nil || !holdsList(has, der) {
		return false, err
	}
	for range copies {
		there, err := s.removeList(der)
		if err != nil {
			return deleted, fail("delete a revocation list from", s, err)
		}
		if !there {
			return deleted, nil
		}
		deleted = true
	}
	return deleted, &Error{Op: "delete a revocation list from", Store: s.String(), Err: errors.New("the list is there again after every delete"),
		Remedy: "see whether a group policy or another program puts it there"}
}

// removeList deletes one copy; see remove.
func (s Store) removeList(der []byte) (there bool, err error) {
	h, err := s.open(own, 0)
	if err != nil {
		return false, err
	}
	defer closeStore(h)
	crl, err := nextList(h, nil)
	for crl != nil && !bytes.Equal(crl.bytes(), der) {
		crl, err = nextList(h, crl)
	}
	if crl == nil {
		return false, err
	}
	if onWine() {
		certDuplicateCRLContext(crl) // which it frees twice
	}
	err = certDeleteCRLFromStore(crl) // frees it, whatever it returns
	commit(h)
	return true, err
}

// addLists adds lists that come with an intermediate, and first removes those that
// they take the place of: Wine keeps one of each issuer's, and not always the last.
func (s Store) addLists(lists [][]byte, intermediate *x509.Certificate) error {
	for _, der := range lists {
		if err := s.dropListsThat(func(other []byte) bool { return supersedes(der, other, intermediate) }); err != nil {
			return err
		}
		if _, err := s.AddList(der); err != nil {
			return err
		}
	}
	return nil
}

// dropLists removes the lists that go with an intermediate, and nothing where that
// is nil.
func (s Store) dropLists(intermediate *x509.Certificate) error {
	if intermediate == nil {
		return nil
	}
	return s.dropListsThat(func(der []byte) bool { return goesWith(intermediate, der) })
}

func (s Store) dropListsThat(leaves func([]byte) bool) error {
	has, err := s.Lists()
	for _, der := range has {
		if err == nil && leaves(der) {
			_, err = s.DeleteList(der)
		}
	}
	return err
}

package winstore

import (
	"bytes"
	"encoding/asn1"
	"errors"

	"golang.org/x/sys/windows"
)

// Add puts a certificate into the store and says whether that was necessary: one
// that is there already, byte for byte, is left as it is, with its name. Another
// one is never replaced; where Windows keeps no two with the same issuer and
// serial number, that is an *Error. A friendly name may be empty.
//
// CurrentUser\Root takes a Store with MayAsk; a person's no is an *Error with
// errors.Is(err, windows.ERROR_CANCELLED). It counts as there when programs see
// it there because the machine has it.
func (s Store) Add(der []byte, friendlyName string) (added bool, err error) {
	if there, err := s.has(s.adding(), der); there || err != nil {
		return false, err
	}
	if err := s.mayChange(toAdd); err != nil {
		return false, err
	}
	cert, err := newContext(der)
	if err != nil {
		return false, fail("add to", s, err)
	}
	defer freeCert(cert)
	if err := setFriendlyName(cert, friendlyName); err != nil {
		return false, fail("name a certificate for", s, err)
	}
	return s.put(cert)
}

// adding is the view that certificates are added through. For CurrentUser\Root
// that is the way every program goes, so that Windows protects and asks as
// usual; through it the machine's roots count as there.
func (s Store) adding() view {
	if s.asks() {
		return merged
	}
	return own
}

func (s Store) mayChange(op string) error {
	if !s.asks() || s.MayAsk {
		return nil
	}
	otherwise := "trust it for the whole machine: devcert setup --scope machine"
	if op == toDelete {
		otherwise = "delete it in certmgr.msc"
	}
	return &Error{Op: op, Store: s.String(), Err: ErrWouldAsk,
		Remedy: "run the command on a terminal, where the dialog can be answered, or " + otherwise}
}

// What is tried, for errors.
const (
	toAdd    = "add to"
	toDelete = "delete from"
)

// newContext parses a certificate the way Windows does, and insists that Windows
// took all of the bytes. The caller frees it.
func newContext(der []byte) (*windows.CertContext, error) {
	var whole asn1.RawValue
	if rest, err := asn1.Unmarshal(der, &whole); err != nil || len(rest) > 0 {
		return nil, errors.New("not a certificate, or not one alone") // Wine would keep what follows it
	}
	cert, err := windows.CertCreateCertificateContext(windows.X509_ASN_ENCODING, &der[0], size32(der))
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(encoded(cert), der) {
		freeCert(cert)
		return nil, errors.New("windows reads the certificate as another one")
	}
	return cert, nil
}

// put adds a certificate with its properties and looks whether it arrived.
func (s Store) put(cert *windows.CertContext) (added bool, err error) {
	h, err := s.open(s.adding(), 0)
	if err != nil {
		return false, err
	}
	err = windows.CertAddCertificateContextToStore(h, cert, windows.CERT_STORE_ADD_NEW, nil)
	commit(h)
	closeStore(h)
	der := encoded(cert)
	if err != nil {
		if there, lookErr := s.has(s.adding(), der); there && lookErr == nil && numberOf(err) == cryptExists {
			return false, nil // somebody else was faster
		}
		return false, fail("add to", s, err)
	}
	there, err := s.has(s.adding(), der)
	if err != nil {
		return false, err
	}
	if !there {
		return false, &Error{Op: "add to", Store: s.String(), Err: errors.New("windows said that it did, and the certificate is not there"),
			Remedy: "see whether a policy or another program removes it"}
	}
	return true, nil
}

// Delete removes the very certificate and says whether it was there; that it was
// not is no error. It never reaches from CurrentUser into the machine's stores.
//
// With key it also deletes the private key, for good: only where that opens, is
// this certificate's, and is used by no other certificate in My. A key that
// fails this stays, and is only an error when it could not be looked at.
func (s Store) Delete(der []byte, key bool) (deleted bool, err error) {
	there, err := s.Has(der)
	if err != nil || !there {
		return false, err
	}
	if err := s.mayChange(toDelete); err != nil {
		return false, err
	}
	var kept Key
	if key {
		if kept, err = s.Key(der); err != nil {
			return false, err
		}
	}
	if err := s.remove(der); err != nil {
		return false, err
	}
	if !key {
		return true, nil
	}
	return true, s.dropKey(kept)
}

// copies is how often a certificate can be in one store: a machine's Root has
// five physical parts.
const copies = 8

// remove deletes every copy. A context is gone after its delete and an
// enumeration cannot go on from there: each is found afresh.
func (s Store) remove(der []byte) error {
	for range copies {
		h, err := s.open(own, 0)
		if err != nil {
			return err
		}
		cert, err := find(h, der)
		if cert != nil {
			err = windows.CertDeleteCertificateFromStore(cert) // frees it, whatever it returns
			commit(h)
		}
		closeStore(h)
		if err != nil {
			return fail("delete from", s, err)
		}
		if cert == nil {
			return nil
		}
	}
	return &Error{Op: "delete from", Store: s.String(), Err: errors.New("the certificate is there again after every delete"),
		Remedy: "see whether a group policy or another program puts it there"}
}

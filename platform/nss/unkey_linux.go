package nss

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"devcert/devcert/chain"
)

// Withdraw takes cert and its private key out of the database in dir, whatever
// they are called there, and the certificates of devcert's above it once none
// that the database can offer needs them. With the last of devcert's goes a
// database that devcert made.
//
// A key that another certificate there has too stays, as does cert then: certutil
// cannot tell the two.
func (k Keys) Withdraw(ctx context.Context, dir string, cert *x509.Certificate) error {
	ctx, cancel := context.WithTimeout(ctx, changeLimit)
	defer cancel()
	was, err := k.withdraw(ctx, dir, cert)
	if err == nil && (was || vacant(dir)) {
		err = k.settle(ctx, dir)
	}
	return failedKey("take a certificate and its key out of the NSS database in "+dir, dir, "-F -n NICKNAME", err)
}

// withdraw says whether there was anything to look for.
func (k Keys) withdraw(ctx context.Context, dir string, cert *x509.Certificate) (was bool, err error) {
	held, err := readHeld(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil || !held.mayHave(cert) && !mayHaveKey(dir, cert) {
		return false, err
	}
	if err := k.take(ctx, dir, cert); err != nil {
		return true, err
	}
	return true, k.takeAbove(ctx, dir, cert)
}

// take removes cert with its key, or the key alone where the certificate is gone.
func (k Keys) take(ctx context.Context, dir string, cert *x509.Certificate) error {
	if !exists(filepath.Join(dir, keyFile)) {
		return &noKeysError{filepath.Join(dir, keyFile)}
	}
	there, err := k.has(ctx, dir, cert)
	if err != nil || !there && !mayHaveKey(dir, cert) {
		return err
	}
	ids, err := k.keyIDs(ctx, dir)
	if err != nil {
		return err
	}
	hasKey := slices.Contains(ids, keyID(cert))
	if !there && !hasKey {
		return nil
	}
	if err := changeable(ctx, dir); err != nil {
		return err
	}
	all, err := k.withKeys(ctx, dir)
	if err != nil {
		return err
	}
	there = there || has(all, cert)
	others := slices.ContainsFunc(all, func(c *x509.Certificate) bool { return sameKey(c, cert) && !c.Equal(cert) })
	switch {
	case others && !there:
		return nil // the key is theirs as well
	case others:
		return &ambiguousError{dir: dir}
	case !there:
		_, err = k.run(ctx, dir, nil, "-F", "-k", keyID(cert))
	case hasKey:
		_, err = k.run(ctx, dir, nil, "-F", "-n", keyURI(cert))
	default:
		err = k.delete(ctx, dir, cert)
	}
	return err
}

// mayHaveKey says whether the private key of cert can be in the database: where it
// says no, it is not. The id of a key is kept as it is, beside what is encrypted.
func mayHaveKey(dir string, cert *x509.Certificate) bool {
	for _, suffix := range []string{"", "-wal", "-journal"} {
		data, err := readFile(filepath.Join(dir, keyFile+suffix))
		if err != nil && !errors.Is(err, fs.ErrNotExist) || bytes.Contains(data, idOf(cert)) {
			return true
		}
	}
	return false
}

// takeAbove removes what Offer put above a certificate that is gone, from below.
func (k Keys) takeAbove(ctx context.Context, dir string, gone *x509.Certificate) error {
	for {
		above, err := k.issuerOf(ctx, dir, gone)
		if err != nil || above == nil {
			return err
		}
		needed, err := k.issues(ctx, dir, above)
		if err != nil || needed {
			return err
		}
		if err := k.delete(ctx, dir, above); err != nil {
			return err
		}
		gone = above
	}
}

// issuerOf is the certificate above cert that Offer put there: of devcert's
// organization, no root, and with no trust bits, which only somebody else gives it.
// It is nil where there is none.
func (k Keys) issuerOf(ctx context.Context, dir string, cert *x509.Certificate) (*x509.Certificate, error) {
	listing, err := k.run(ctx, dir, nil, "-L")
	if err != nil {
		return nil, err
	}
	for _, e := range parseListing(listing) {
		if e.trust != ",," || !strings.HasPrefix(e.name, cert.Issuer.CommonName) {
			continue
		}
		certs, err := k.named(ctx, dir, e.name)
		if err != nil {
			return nil, err
		}
		for _, c := range certs {
			if c.IsCA && slices.Contains(c.Subject.Organization, chain.Organization) &&
				c.CheckSignatureFrom(c) != nil && cert.CheckSignatureFrom(c) == nil {
				return c, nil
			}
		}
	}
	return nil, nil
}

// issues says whether the database can offer a certificate that above has issued.
func (k Keys) issues(ctx context.Context, dir string, above *x509.Certificate) (bool, error) {
	all, err := k.withKeys(ctx, dir)
	return slices.ContainsFunc(all, func(c *x509.Certificate) bool { return c.CheckSignatureFrom(above) == nil }), err
}

// withKeys are the certificates that the database has keys for, which certutil
// marks with a u.
func (k Keys) withKeys(ctx context.Context, dir string) ([]*x509.Certificate, error) {
	listing, err := k.run(ctx, dir, nil, "-L")
	if err != nil {
		return nil, err
	}
	l := &search{entries: parseListing(listing), certs: make(map[string][]*x509.Certificate)}
	l.ask = func(name string) ([]*x509.Certificate, error) { return k.named(ctx, dir, name) }
	marked := make(map[string]bool)
	for _, e := range l.entries {
		marked[e.name] = marked[e.name] || strings.ContainsRune(e.trust, 'u')
	}
	err = l.names(func(name string) bool { return marked[name] })
	return l.found, err
}

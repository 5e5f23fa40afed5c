package winstore

import (
	"bytes"
	"context"
	"crypto/x509"
	"fmt"
	"io/fs"
	"slices"

	"devcert/devcert/chain"
)

// Lookup finds certificates in the stores for those who ask what a server would
// make of them. It only reads, and asks nobody. It implements
// [devcert.Certificates].
type Lookup struct{}

// Find looks into the user's personal store, then into the machine's. Behind the
// certificate stand the intermediates that Windows would send along. A store that
// cannot be read is an error unless the other one has the certificate.
func (Lookup) Find(ctx context.Context, thumbprint string) (chain.Credential, error) {
	var failed error
	for _, l := range []Location{CurrentUser, LocalMachine} {
		store := Store{Location: l, Name: My}
		entries, err := store.List()
		if err != nil {
			failed = err
			continue
		}
		at := slices.IndexFunc(entries, func(e Entry) bool { return chain.Thumbprint(&x509.Certificate{Raw: e.DER}) == thumbprint })
		if at >= 0 && ctx.Err() == nil {
			return store.credential(entries[at].DER)
		}
	}
	switch {
	case ctx.Err() != nil:
		return chain.Credential{}, context.Cause(ctx)
	case failed != nil:
		return chain.Credential{}, failed
	}
	return chain.Credential{}, fmt.Errorf("find the certificate %s: %w", thumbprint, fs.ErrNotExist)
}

func (s Store) credential(der []byte) (chain.Credential, error) {
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return chain.Credential{}, fmt.Errorf("read a certificate of %s: %w", s, err)
	}
	key, err := s.Key(der)
	if err != nil {
		return chain.Credential{}, err
	}
	if key.State == KeyDenied || key.State == KeyUnknown {
		return chain.Credential{}, fmt.Errorf("look at the private key of %q in %s: %w", cert.Subject.CommonName, s, key.Err)
	}
	known, err := certificates(Store{Location: CurrentUser, Name: CA}.ListMerged())
	return chain.Credential{Leaf: cert, Chain: above(cert, known), HasKey: key.State == KeyOpens}, err
}

// above are the intermediates between cert and a root, as far as they are known.
func above(cert *x509.Certificate, known []*x509.Certificate) (all []*x509.Certificate) {
	const most = 8
	for len(all) < most && !bytes.Equal(cert.RawIssuer, cert.RawSubject) {
		at := slices.IndexFunc(known, func(c *x509.Certificate) bool {
			return bytes.Equal(c.RawSubject, cert.RawIssuer) && cert.CheckSignatureFrom(c) == nil
		})
		if at < 0 {
			break
		}
		cert = known[at]
		all = append(all, cert)
	}
	return all
}

// Trusted are Root and CA without what Disallowed has: the machine's, which
// services see, or with user those that programs of this user see. Windows puts
// the machine's among the user's; Wine does not always.
func (Lookup) Trusted(_ context.Context, user bool) (roots, between []*x509.Certificate, err error) {
	locations := []Location{LocalMachine}
	if user {
		locations = append(locations, CurrentUser)
	}
	var banned []*x509.Certificate
	for _, l := range locations {
		for _, want := range []struct {
			name string
			list *[]*x509.Certificate
		}{{Root, &roots}, {CA, &between}, {disallowed, &banned}} {
			more, err := certificates(Store{Location: l, Name: want.name}.ListMerged())
			if err != nil {
				return nil, nil, err
			}
			*want.list = append(*want.list, more...)
		}
	}
	isBanned := func(c *x509.Certificate) bool { return slices.ContainsFunc(banned, c.Equal) }
	return slices.DeleteFunc(roots, isBanned), slices.DeleteFunc(between, isBanned), nil
}

// certificates are those that Go reads; the others are in no chain that it builds.
func certificates(entries []Entry, err error) ([]*x509.Certificate, error) {
	var all []*x509.Certificate
	for _, e := range entries {
		if c, err := x509.ParseCertificate(e.DER); err == nil && !slices.ContainsFunc(all, c.Equal) {
			all = append(all, c)
		}
	}
	return all, err
}

package nss

import (
	"context"
	"crypto/x509"
	"errors"
	"slices"

	"devcert/devcert"
)

// Personal is the certificates with keys that Chromium and the browsers made from
// it offer to servers: those in the NSS databases where they find their roots,
// which no policy replaces. It implements [devcert.Personal].
type Personal struct {
	// Env is the environment of the user whose databases are meant, as a Store's.
	Env []string
	// Root is put before every path of the system's. It is empty but in tests.
	Root string
}

var _ devcert.Personal = (*Personal)(nil)

// Name is "chromium".
func (p *Personal) Name() string { return "chromium" }

// noBrowserError is a user without a browser that reads NSS databases.
type noBrowserError struct{}

func (*noBrowserError) Error() string {
	return "there is no browser of Chromium's kind, nor an NSS database of one"
}
func (*noBrowserError) Unwrap() error { return devcert.ErrUnsupported }

// Remedy says what a person can do.
func (*noBrowserError) Remedy() string {
	return "install Chromium, Chrome or another browser of that kind" + again
}

// base is a database that there is, or that the browser of its home will make.
type base struct {
	home home
	dir  string
}

// bases are all of them, of every home.
func (p *Personal) bases() []base {
	s := &Store{Env: p.Env, Root: p.Root}
	var all []base
	browsers := governed(p.Root)
	for _, h := range homes(p.Env) {
		for _, dir := range s.databases(h, browsers) {
			all = append(all, base{h, dir})
		}
	}
	return all
}

// Offer gives every database the certificate with its key. Beside an error are
// the folders of those that have it all the same.
func (p *Personal) Offer(ctx context.Context, o devcert.Offered) ([]string, error) {
	bases := p.bases()
	if len(bases) == 0 {
		return nil, &noBrowserError{}
	}
	keys, err := findKeys(p.Root)
	if err != nil {
		return nil, failedKey("give the browser's NSS database a certificate with its key", bases[0].dir, "", err)
	}
	var places []string
	var all []error
	for _, b := range bases {
		dir := b.dir
		if len(b.home.databases()) == 0 {
			dir = b.home.place(ctx, p.Root)
		}
		if err := keys.Offer(ctx, dir, o); err != nil {
			all = append(all, err)
		} else if !slices.Contains(places, dir) {
			places = append(places, dir)
		}
	}
	return places, errors.Join(all...)
}

// Offers lists the folders of the databases that have cert with its key.
func (p *Personal) Offers(ctx context.Context, cert *x509.Certificate) ([]string, error) {
	var places []string
	err := p.each(cert, func(keys Keys, dir string) error {
		there, err := keys.Offers(ctx, dir, cert)
		if there {
			places = append(places, dir)
		}
		return err
	})
	return places, err
}

// Withdraw takes cert and its key out of every database.
func (p *Personal) Withdraw(ctx context.Context, cert *x509.Certificate) error {
	return p.each(cert, func(keys Keys, dir string) error { return keys.Withdraw(ctx, dir, cert) })
}

// each goes to the databases there are. For one that cannot have cert, no tool is
// needed to know it.
func (p *Personal) each(cert *x509.Certificate, do func(keys Keys, dir string) error) error {
	keys, missing := findKeys(p.Root)
	var all []error
	for _, b := range p.bases() {
		switch {
		case keys.Path != "":
			all = append(all, do(keys, b.dir))
		case MayHold(b.dir, cert):
			all = append(all, failedKey("look for a certificate with its key in "+b.dir, b.dir, "", missing))
		}
	}
	return errors.Join(all...)
}

package firefox

import (
	"context"
	"crypto/x509"
	"errors"

	"devcert/devcert"
	"devcert/platform/nss"
)

// Personal is the certificates with keys that Firefox offers to servers: those in
// the database of each profile, also where the profile's trust comes by a policy
// or from the system's store. It implements [devcert.Personal].
//
// A Firefox that runs shares its database with the tools, as it does for roots. It
// may go on with the certificates it has seen until it is started anew.
type Personal struct {
	// Home is the user's home folder, ConfigHome their XDG_CONFIG_HOME; "" for the
	// usual one. Without a home there are no profiles.
	Home, ConfigHome string
	// Tools finds the tools that are to be used. It is for tests; nil finds the
	// machine's.
	Tools func() (nss.Keys, error)
}

var _ devcert.Personal = (*Personal)(nil)

// Name is "firefox".
func (p *Personal) Name() string { return "firefox" }

func (p *Personal) tools() (nss.Keys, error) {
	if p.Tools != nil {
		return p.Tools()
	}
	return nss.FindKeys()
}

// profiles are those that a Store finds.
func (p *Personal) profiles() ([]found, error) {
	return (&Store{Home: p.Home, ConfigHome: p.ConfigHome}).profiles()
}

// noProfileError is a user without a profile.
type noProfileError struct{}

func (*noProfileError) Error() string { return "there is no Firefox profile" }
func (*noProfileError) Unwrap() error { return devcert.ErrUnsupported }

// Remedy says what a person can do.
func (*noProfileError) Remedy() string { return "start Firefox once, which makes a profile" + again }

// Offer gives every profile the certificate with its key. Beside an error are the
// folders of those that have it all the same.
func (p *Personal) Offer(ctx context.Context, o devcert.Offered) ([]string, error) {
	profiles, failed := p.profiles()
	if len(profiles) == 0 && failed == nil {
		return nil, &noProfileError{}
	}
	keys, missing := p.tools()
	var places []string
	for _, one := range profiles {
		err := missing
		if why := one.unfit(); why != nil {
			err = why
		} else if err != nil {
			err = withoutTool("give a certificate with its key to", one, err)
		} else {
			err = keys.Offer(ctx, one.Path, o)
		}
		if err == nil {
			places = append(places, one.Path)
		}
		failed = errors.Join(failed, err)
	}
	return places, failed
}

// Offers lists the profiles that have cert with its key.
func (p *Personal) Offers(ctx context.Context, cert *x509.Certificate) ([]string, error) {
	var places []string
	err := p.each(cert, func(keys nss.Keys, dir string) error {
		there, err := keys.Offers(ctx, dir, cert)
		if there {
			places = append(places, dir)
		}
		return err
	})
	return places, err
}

// Withdraw takes cert and its key out of every profile.
func (p *Personal) Withdraw(ctx context.Context, cert *x509.Certificate) error {
	return p.each(cert, func(keys nss.Keys, dir string) error { return keys.Withdraw(ctx, dir, cert) })
}

// each goes to the profiles there are. Of one that cannot have cert no more than
// its file is read.
func (p *Personal) each(cert *x509.Certificate, do func(keys nss.Keys, dir string) error) error {
	profiles, failed := p.profiles()
	keys, missing := p.tools()
	for _, one := range profiles {
		why := one.unfit()
		switch {
		case why != nil && nss.MayHold(one.Path, cert):
			failed = errors.Join(failed, why)
		case why != nil:
		case keys.Path != "":
			failed = errors.Join(failed, do(keys, one.Path))
		case nss.MayHold(one.Path, cert):
			failed = errors.Join(failed, withoutTool("look for a certificate with its key in", one, missing))
		}
	}
	return failed
}

// withoutTool is the error of what takes a tool that is not installed.
func withoutTool(what string, p found, missing error) error {
	return &problem{what + " the Firefox profile " + p.String(), missing, nss.Remedy(missing)}
}

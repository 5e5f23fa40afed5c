package winstore

import (
	"context"
	"crypto/x509"
	"errors"

	"devcert/devcert"
)

// Personal is the certificates that the user's programs offer to servers: those
// in CurrentUser\My. What stands above them goes to CurrentUser\CA, from where
// Schannel takes what it sends behind a certificate. It implements
// [devcert.Personal], and needs no rights.
type Personal struct{}

var _ devcert.Personal = Personal{}

var (
	userMy = Store{Location: CurrentUser, Name: My}
	userCA = Store{Location: CurrentUser, Name: CA}
)

// Name is "windows-my".
func (Personal) Name() string { return "windows-my" }

// Offer imports a certificate with its key, and adds what is above it.
func (Personal) Offer(ctx context.Context, o devcert.Offered) ([]string, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if _, err := userMy.AddKey(o.Pair, KeyOptions{FriendlyName: o.Label}); err != nil {
		return nil, translate(err)
	}
	places := []string{userMy.String()}
	for _, cert := range o.Chain {
		if _, err := userCA.Add(cert.Raw, ""); err != nil {
			return places, translate(err)
		}
	}
	return places, nil
}

// Offers says whether cert is there with a key that opens and is its own.
func (Personal) Offers(_ context.Context, cert *x509.Certificate) ([]string, error) {
	there, err := userMy.Has(cert.Raw)
	if err != nil || !there {
		return nil, translate(err)
	}
	key, err := userMy.Key(cert.Raw)
	switch {
	case err != nil:
		return nil, translate(err)
	case key.State == KeyOpens:
		return []string{userMy.String()}, nil
	case key.State == KeyMissing, key.State == KeyWrong:
		return nil, nil
	}
	return nil, translate(key.Err)
}

// Withdraw deletes cert and its key, and what devcert put above it once no other
// certificate with a key needs that.
func (Personal) Withdraw(ctx context.Context, cert *x509.Certificate) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	_, err := userMy.Delete(cert.Raw, true)
	return errors.Join(translate(err), translate(withdrawAbove(cert)))
}

// withdrawAbove works from below, until there is nothing above or it is needed.
func withdrawAbove(gone *x509.Certificate) error {
	for {
		authorities, err := userCA.List()
		if err != nil {
			return err
		}
		above := aboveOf(gone, authorities)
		if above == nil {
			return nil
		}
		mine, err := userMy.List()
		if err != nil || needed(above, mine) {
			return err
		}
		if _, err := userCA.Delete(above.Raw, false); err != nil {
			return err
		}
		gone = above
	}
}

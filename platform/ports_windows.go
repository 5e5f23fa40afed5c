package platform

import (
	"crypto/x509"
	"errors"
	"strings"
	"time"

	"devcert/devcert"
	"devcert/devcert/chain"
	"devcert/platform/httpsys"
	"devcert/platform/winstore"
)

// What HTTP.sys's table says by thumbprint, the machine's stores say in full.

var errNotThere = errors.New("it is not in the store")

// certificate finds one in a store of the machine by its thumbprint.
func certificate(store, thumbprint string) (*x509.Certificate, error) {
	entries, err := winstore.Store{Location: winstore.LocalMachine, Name: store}.List()
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		cert, err := x509.ParseCertificate(e.DER)
		if err == nil && strings.EqualFold(chain.Thumbprint(cert), thumbprint) {
			return cert, nil
		}
	}
	return nil, errNotThere
}

// unusable says why a server could not present a certificate of the machine: it
// or its key is not there. That a store or key could not be looked at is no
// reason: HTTP.sys will say so itself.
func unusable(store, thumbprint string) string {
	cert, err := certificate(store, thumbprint)
	if errors.Is(err, errNotThere) {
		return err.Error()
	}
	if err != nil {
		return ""
	}
	key, err := winstore.Store{Location: winstore.LocalMachine, Name: store}.Key(cert.Raw)
	switch {
	case err != nil:
		return ""
	case key.State == winstore.KeyMissing:
		return "its private key is not there"
	case key.State == winstore.KeyWrong:
		return "its private key is another certificate's"
	}
	return ""
}

// broken is unusable for what is bound now: one that is expired helps nobody.
func broken(thumbprint string, now time.Time) string {
	if why := unusable(winstore.My, thumbprint); why != "" {
		return why
	}
	cert, err := certificate(winstore.My, thumbprint)
	if err == nil && now.After(cert.NotAfter) {
		return "it expired on " + cert.NotAfter.UTC().Format(time.DateOnly)
	}
	return ""
}

// leafOwner is the user whose devcert made the leaf with this thumbprint; "" for
// every other certificate.
func leafOwner(thumbprint string) string {
	cert, err := certificate(winstore.My, thumbprint)
	if err != nil || chain.PartOf(cert) != chain.PartLeaf {
		return ""
	}
	return loginOf(chain.OwnerOf(cert))
}

func loginOf(owner string) string {
	login, _, _ := strings.Cut(owner, "@")
	return login
}

// whoseFor tells the leaves of one user from those of others.
func whoseFor(login string) func(thumbprint string) httpsys.Whose {
	return func(thumbprint string) httpsys.Whose {
		switch owner := leafOwner(thumbprint); owner {
		case "":
			return httpsys.Stranger
		case login:
			return httpsys.Own
		}
		return httpsys.Another
	}
}

// binder is HTTP.sys's table as seen for owner.
func binder(netsh *httpsys.Netsh, privileged httpsys.Privileged, owner devcert.Owner, now func() time.Time) *httpsys.Binder {
	return &httpsys.Binder{
		Netsh: netsh, Privileged: privileged, Now: now,
		Broken: func(thumbprint string) string { return broken(thumbprint, now()) },
		Whose:  whoseFor(loginOf(chain.ReduceOwner(owner.User + "@" + owner.Host))),
	}
}

// checks are what the privileged child knows of certificates. What it binds is in
// LocalMachine\My with its key, where only administrators put anything.
func checks() httpsys.Checks {
	return httpsys.Checks{
		Bindable: func(thumbprint string) error {
			if _, err := certificate(winstore.My, thumbprint); err != nil {
				return err
			}
			if why := unusable(winstore.My, thumbprint); why != "" {
				return errors.New(why)
			}
			return nil
		},
		Usable: unusable,
		Whose: func(thumbprint, wanted string) httpsys.Whose {
			owner := leafOwner(wanted)
			if owner == "" { // nothing is to be bound: a leaf of anybody's is devcert's
				owner = leafOwner(thumbprint)
			}
			return whoseFor(owner)(thumbprint)
		},
	}
}

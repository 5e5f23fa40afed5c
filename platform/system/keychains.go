package system

import (
	"cmp"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"devcert/devcert"
	"devcert/devcert/chain"
	"devcert/platform/elevate"
	"devcert/platform/keychain"
)

// Keychains is the trust store of macOS, for one user.
type Keychains struct {
	Tool keychain.Tool // run as that user
	// Privileged changes the machine's keychain, with the Handlers of a
	// [KeychainChanger].
	Privileged Privileged
	// Interactive says that a person is there, whom macOS may ask for a password.
	// Without one, nothing is done that macOS would ask about.
	Interactive bool
	Say         func(line string) // tells that person one line; may be nil
	Now         func() time.Time
}

// Stores are "system", the administrators' keychain, and "keychain", the user's.
func (k *Keychains) Stores() []devcert.Store {
	return []devcert.Store{&systemKeychain{k}, &loginKeychain{k}}
}

// What the privileged child can be asked for.
const (
	trustInKeychain      = "system/keychain-trust"
	distrustFromKeychain = "system/keychain-distrust"
)

// at is the path of a keychain of the machine's.
func (k *Keychains) at(path string) string { return filepath.Join(k.Tool.Root, path) }

func (k *Keychains) login() string { return keychain.Login(k.Tool.Home) }

// may says why a change of trust settings is not to be tried: macOS would ask a
// person, and nobody is there. Somebody who is there is told what comes.
func (k *Keychains) may(ctx context.Context, what string, d keychain.Domain) error {
	asks, err := k.Tool.Asks(ctx, d, d == keychain.Admin)
	if !asks {
		return nil
	}
	if !k.Interactive {
		return keychain.Declined(what, cmp.Or(err, errWouldAsk))
	}
	if k.Say != nil {
		k.Say("macOS asks for your password before it changes whom it trusts")
	}
	return nil
}

var errWouldAsk = errors.New("macOS would ask for a password, and nobody is there to give it")

// systemKeychain is the administrators' keychain and trust settings.
type systemKeychain struct{ *Keychains }

// Name is "system".
func (s *systemKeychain) Name() string { return devcert.SystemStore }

func (s *systemKeychain) path() string { return s.at(keychain.System) }

// Ready says whether the keychain can be changed, without asking anybody.
func (s *systemKeychain) Ready(ctx context.Context) error {
	if err := s.Tool.Find(); err != nil {
		return err
	}
	if err := s.Privileged.Ready(ctx); err != nil {
		return err
	}
	if s.Interactive {
		return nil
	}
	return s.may(ctx, "trust a root in "+s.path(), keychain.Admin)
}

// Look reports the one place there is.
func (s *systemKeychain) Look(ctx context.Context, m devcert.Material) []devcert.Place {
	seen := s.see(ctx, s.path(), keychain.Admin, m)
	place := seen.place(chain.PartRoot, m.Root)
	place.Machine = true
	return []devcert.Place{place}
}

// Deploy has the root trusted, and takes the user's own "never" from it: nobody
// but a person can have said that, and Deploy is a person's wish too. What is right
// already is left alone, so that nobody is asked about it.
func (s *systemKeychain) Deploy(ctx context.Context, m devcert.Material) error {
	if m.UserOnly || m.Root == nil {
		return nil
	}
	seen := s.see(ctx, s.path(), keychain.Admin, m)
	if seen.place(chain.PartRoot, m.Root).State == devcert.Trusted {
		return nil
	}
	if seen.user.said == keychain.Denied {
		if err := s.forgetUser(ctx, m.Root); err != nil {
			return err
		}
		if seen = s.see(ctx, s.path(), keychain.Admin, m); seen.place(chain.PartRoot, m.Root).State == devcert.Trusted {
			return nil
		}
	}
	if err := s.may(ctx, "trust the root in "+s.path(), keychain.Admin); err != nil {
		return err
	}
	return s.Privileged.Do(ctx, trustInKeychain, elevate.Certificate{DER: m.Root.Raw})
}

// forgetUser takes what the user's settings say of root out of them.
func (k *Keychains) forgetUser(ctx context.Context, root *x509.Certificate) error {
	if err := k.may(ctx, "change your trust settings", keychain.User); err != nil {
		return err
	}
	return k.Tool.Distrust(ctx, keychain.User, root)
}

// Withdraw has a root removed, from the settings and from the keychain.
func (s *systemKeychain) Withdraw(ctx context.Context, cert *x509.Certificate) error {
	if chain.PartOf(cert) != chain.PartRoot {
		return nil // what is none never came there
	}
	named, held, err := holdings(ctx, s.Tool, s.path(), keychain.Admin, cert)
	if err != nil || !named && !held {
		return err
	}
	if named {
		if err := s.may(ctx, "take the trust from a root in "+s.path(), keychain.Admin); err != nil {
			return err
		}
	}
	return s.Privileged.Do(ctx, distrustFromKeychain, elevate.Certificate{DER: cert.Raw})
}

// holdings says what there is of a certificate: whether the settings of d name it,
// and whether the keychain has it.
func holdings(ctx context.Context, tool keychain.Tool, path string, d keychain.Domain, cert *x509.Certificate) (named, held bool, err error) {
	ders, err := tool.Certificates(ctx, path)
	if err != nil {
		return false, false, fmt.Errorf("look into %s: %w", path, err)
	}
	settings, err := tool.Settings(ctx, d)
	if err != nil && !errors.Is(err, keychain.ErrNoSettings) {
		return false, false, fmt.Errorf("look at the trust settings of the %s: %w", d, err)
	}
	return settings.Of(cert) != keychain.Unset, keychain.Holds(ders, cert), nil
}

// loginKeychain is the user's own keychain and trust settings: what stands in for
// the machine's where only the user's may be changed; and where a server of this
// user's finds the intermediate that it is to send along.
type loginKeychain struct{ *Keychains }

// Name is "keychain".
func (s *loginKeychain) Name() string { return devcert.KeychainStore }

// Ready says whether there is a tool. Adding the intermediate asks nobody.
func (s *loginKeychain) Ready(context.Context) error { return s.Tool.Find() }

// Look reports the keychain twice, for root and intermediate. An account that has
// never logged in at the screen has none.
func (s *loginKeychain) Look(ctx context.Context, m devcert.Material) []devcert.Place {
	seen := s.see(ctx, s.login(), keychain.User, m)
	if errors.Is(seen.err, keychain.ErrNoKeychain) {
		return nil
	}
	root := seen.place(chain.PartRoot, m.Root)
	root.UserOnly = true
	intermediate := seen.place(chain.PartIntermediate, m.Intermediate)
	intermediate.Path += " (intermediate)" // one path each
	return []devcert.Place{root, intermediate}
}

// Deploy adds the intermediate, and the root where the machine's keychain is left
// out.
func (s *loginKeychain) Deploy(ctx context.Context, m devcert.Material) error {
	var failed error
	if m.Intermediate != nil {
		failed = s.Tool.Add(ctx, s.login(), m.Intermediate)
	}
	if !m.UserOnly || m.Root == nil {
		return failed
	}
	seen := s.see(ctx, s.login(), keychain.User, m)
	if seen.place(chain.PartRoot, m.Root).State == devcert.Trusted {
		return failed
	}
	if err := s.may(ctx, "trust the root in "+s.login(), keychain.User); err != nil {
		return errors.Join(failed, err)
	}
	return errors.Join(failed, s.Tool.Trust(ctx, keychain.User, s.login(), m.Root))
}

// Withdraw removes a certificate of devcert's profile, the trust in it first: while
// that stays, the certificate does too, so that it can be seen.
func (s *loginKeychain) Withdraw(ctx context.Context, cert *x509.Certificate) error {
	part := chain.PartOf(cert)
	if part != chain.PartRoot && part != chain.PartIntermediate {
		return nil
	}
	named, _, err := holdings(ctx, s.Tool, s.login(), keychain.User, cert)
	if errors.Is(err, keychain.ErrNoKeychain) {
		return nil
	}
	if err == nil && named {
		err = s.forgetUser(ctx, cert)
	}
	if err != nil {
		return err
	}
	return s.Tool.Delete(ctx, s.login(), cert)
}

// Roots returns Apple's roots, and those that administrators trust, in PEM, without
// what somebody distrusts and without the roots of devcert's profile.
func (k *Keychains) Roots() ([]byte, error) {
	ctx := context.Background()
	apple, err := k.Tool.Certificates(ctx, k.at(keychain.SystemRoots))
	if errors.Is(err, keychain.ErrNoKeychain) {
		return nil, nil
	}
	admins, adminsErr := k.Tool.Certificates(ctx, k.at(keychain.System))
	user, userErr := k.settings(ctx, keychain.User)
	admin, adminErr := k.settings(ctx, keychain.Admin)
	if err := errors.Join(err, adminsErr, userErr, adminErr); err != nil {
		return nil, fmt.Errorf("read the system's roots: %w", err)
	}
	var out []byte
	for i, der := range append(apple, admins...) {
		cert, err := x509.ParseCertificate(der)
		if err != nil { // Go cannot, and others may
			if i < len(apple) {
				out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
			}
			continue
		}
		said := cmp.Or(user.Of(cert), admin.Of(cert))
		if said == keychain.Denied || i >= len(apple) && said != keychain.Trusted || chain.PartOf(cert) != "" {
			continue
		}
		out = append(out, chain.EncodeCertificates(cert)...)
	}
	return out, nil
}

func (k *Keychains) settings(ctx context.Context, d keychain.Domain) (keychain.Settings, error) {
	s, err := k.Tool.Settings(ctx, d)
	if errors.Is(err, keychain.ErrNoSettings) {
		err = nil
	}
	return s, err
}

//go:build linux || darwin

package system

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/devcert/chain"
	"devcert/platform/elevate"
	"devcert/platform/internal/standin"
	"devcert/platform/keychain"
)

func TestMain(m *testing.M) { os.Exit(standin.Run(m)) }

// mac is a machine with a user and root's half of devcert.
type mac struct {
	*standin.Machine
	t        *testing.T
	settings standin.Settings
	k        *Keychains
	m        devcert.Material
	refused  error // of the privileged child
}

func newMac(t *testing.T) *mac {
	w := &mac{Machine: standin.New(t), t: t, settings: standin.Settings{Answer: "yes", Rule: "ask"}}
	w.k = &Keychains{Tool: keychain.Tool{Home: w.Home, Root: w.Root}, Privileged: w, Interactive: true, Now: time.Now}
	h := hierarchy(t, "anna@birch")
	w.m = devcert.Material{Root: h.Root, Intermediate: h.Intermediate.Cert, Leaf: h.Leaf.Cert, LeafKey: h.Leaf.Key}
	return w
}

func (w *mac) system() devcert.Store { return w.k.Stores()[0] }
func (w *mac) login() devcert.Store  { return w.k.Stores()[1] }

func (w *mac) set(change func(*standin.Settings)) {
	change(&w.settings)
	w.Set(w.settings)
}

func (w *mac) Ready(context.Context) error { return w.refused }

// Do is root's half: the real handlers.
func (w *mac) Do(ctx context.Context, what string, body any) error {
	if w.refused != nil {
		return w.refused
	}
	data, err := json.Marshal(body)
	require.NoError(w.t, err)
	root := w.settings
	root.Root = true
	w.Set(root)
	defer w.Set(w.settings)
	return KeychainChanger{Root: w.Root}.Handlers()[what](ctx, data, func() {})
}

func (w *mac) look(s devcert.Store, m devcert.Material) devcert.Place {
	places := s.Look(w.t.Context(), m)
	require.NotEmpty(w.t, places)
	require.Zero(w.t, w.Asked(), "a look asks nobody")
	require.Empty(w.t, w.Calls(), "a look changes nothing")
	return places[0]
}

func (w *mac) take() (asked int, calls []string) { return w.Asked(), w.Calls() }

func (w *mac) file(cert *x509.Certificate) string {
	path := filepath.Join(w.t.TempDir(), "certificate.pem")
	require.NoError(w.t, os.WriteFile(path, chain.EncodeCertificates(cert), 0o600))
	return path
}

func TestSystemKeychain(t *testing.T) {
	w := newMac(t)
	require.Equal(t, devcert.Missing, w.look(w.system(), w.m).State)
	require.NoError(t, w.system().Ready(t.Context()))
	require.NoError(t, w.system().Deploy(t.Context(), w.m))
	asked, _ := w.take()
	require.Equal(t, 1, asked)
	place := w.look(w.system(), w.m)
	require.Equal(t, devcert.Trusted, place.State, place.Evidence)
	require.Equal(t, "chain built by macOS", place.VerifiedBy)
	require.True(t, place.Machine)

	require.NoError(t, w.system().Deploy(t.Context(), w.m), "again")
	asked, calls := w.take()
	require.Zero(t, asked)
	require.Empty(t, calls)

	require.NoError(t, w.system().Withdraw(t.Context(), w.m.Root))
	_, calls = w.take()
	require.Equal(t, []string{"remove-trusted-cert", "delete-certificate"}, calls)
	require.Equal(t, devcert.Missing, w.look(w.system(), w.m).State)
	require.Empty(t, w.look(w.system(), devcert.Material{}).Others)
	require.NoError(t, w.system().Withdraw(t.Context(), w.m.Root), "what is not there")
	require.NoError(t, w.system().Withdraw(t.Context(), w.m.Leaf), "what never was")
	_, calls = w.take()
	require.Empty(t, calls)
	require.NoDirExists(t, filepath.Join(w.Root, machineFolder))
}

// An update of macOS drops trust settings and keeps the certificate, people turn
// knobs in Keychain Access, and delete things there: each is named and cured.
func TestSystemKeychainBreaks(t *testing.T) {
	for _, row := range []struct {
		name string
		do   func(*mac)
		want devcert.PlaceState
		says string
	}{
		{"settings dropped", func(w *mac) { w.Run("remove-trusted-cert", "-d", w.file(w.m.Root)) }, devcert.Denied, "do not name it"},
		{"certificate deleted, settings left", func(w *mac) { w.Run("delete-certificate", "-Z", chain.Thumbprint(w.m.Root), w.System()) }, devcert.Missing, ""},
		{"both gone", func(w *mac) {
			w.Run("remove-trusted-cert", "-d", w.file(w.m.Root))
			w.Run("delete-certificate", "-Z", chain.Thumbprint(w.m.Root), w.System())
		}, devcert.Missing, ""},
		{"never trust", func(w *mac) { w.Run("add-trusted-cert", "-d", "-r", "deny", w.file(w.m.Root)) }, devcert.Denied, "administrators' trust settings say never"},
		{"system defaults", func(w *mac) { w.Run("add-trusted-cert", "-d", "-r", "unspecified", w.file(w.m.Root)) }, devcert.Denied, "not as a root"},
		{"for mail only", func(w *mac) { w.Run("add-trusted-cert", "-d", "-p", "smime", w.file(w.m.Root)) }, devcert.Denied, "not as a root"},
		{"for one host only", func(w *mac) { w.Run("add-trusted-cert", "-d", "-p", "ssl", "-s", "example.com", w.file(w.m.Root)) }, devcert.Denied, "not as a root"},
		{"the user says never", func(w *mac) { w.Run("add-trusted-cert", "-r", "deny", w.file(w.m.Root)) }, devcert.Denied, "your own trust settings say never"},
		{"moved into the user's settings", func(w *mac) {
			w.Run("add-trusted-cert", w.file(w.m.Root))
			w.Run("remove-trusted-cert", "-d", w.file(w.m.Root))
		}, devcert.Denied, "only your own"},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newMac(t)
			require.NoError(t, w.system().Deploy(t.Context(), w.m))
			row.do(w)
			w.take()
			place := w.look(w.system(), w.m)
			require.Equal(t, row.want, place.State, place.Evidence)
			require.Contains(t, place.Evidence, row.says)
			require.NoError(t, w.system().Deploy(t.Context(), w.m))
			w.take()
			place = w.look(w.system(), w.m)
			require.Equal(t, devcert.Trusted, place.State, place.Evidence)
			require.NoError(t, w.system().Withdraw(t.Context(), w.m.Root))
			w.take()
			require.Equal(t, devcert.Missing, w.look(w.system(), w.m).State)
		})
	}
}

// A look that fails is no answer.
func TestKeychainsUnknown(t *testing.T) {
	w := newMac(t)
	require.NoError(t, w.system().Deploy(t.Context(), w.m))
	require.NoError(t, w.login().Deploy(t.Context(), w.m))
	w.take()
	w.set(func(s *standin.Settings) { s.Broken = []string{"find-certificate"} })
	require.Equal(t, devcert.Unknown, w.look(w.system(), w.m).State)
	require.Equal(t, devcert.Unknown, w.look(w.login(), w.m).State)
	require.Error(t, w.system().Withdraw(t.Context(), w.m.Root))
	require.Error(t, w.login().Withdraw(t.Context(), w.m.Intermediate))
	w.set(func(s *standin.Settings) { s.Broken = []string{"trust-settings-export"} })
	require.Equal(t, devcert.Trusted, w.look(w.system(), w.m).State, "macOS says so itself")
	m := w.m
	m.Leaf = nil
	require.Equal(t, devcert.Unknown, w.look(w.system(), m).State, "nobody says anything")
	require.NoError(t, os.Remove(filepath.Join(w.Root, "usr/bin/security")))
	require.Equal(t, devcert.Unknown, w.look(w.system(), w.m).State)
	require.Equal(t, devcert.Unknown, w.look(w.login(), w.m).State)
	require.Error(t, w.system().Ready(t.Context()))
}

// Nobody is there: nothing is done that macOS would ask about, and the error is a
// person's matter. Where the machine's owner has allowed it, it is done.
func TestKeychainsNonInteractive(t *testing.T) {
	w := newMac(t)
	w.k.Interactive = false
	w.m.UserOnly = true
	require.ErrorIs(t, w.system().Ready(t.Context()), devcert.ErrDeclined)
	require.ErrorIs(t, w.login().Deploy(t.Context(), w.m), devcert.ErrDeclined)
	w.m.UserOnly = false
	require.ErrorIs(t, w.system().Deploy(t.Context(), w.m), devcert.ErrDeclined)
	asked, calls := w.take()
	require.Zero(t, asked)
	require.Equal(t, []string{"add-certificates"}, calls, "the intermediate alone")

	for _, rule := range []string{"allow", "allow-root"} {
		w.set(func(s *standin.Settings) { s.Rule = rule })
		require.NoError(t, w.system().Ready(t.Context()))
		require.NoError(t, w.system().Deploy(t.Context(), w.m))
		require.Equal(t, devcert.Trusted, w.system().Look(t.Context(), w.m)[0].State)
		if rule == "allow" {
			w.set(func(s *standin.Settings) { s.Rule = "ask" })
			require.ErrorIs(t, w.system().Withdraw(t.Context(), w.m.Root), devcert.ErrDeclined)
			require.Equal(t, devcert.Trusted, w.system().Look(t.Context(), w.m)[0].State, "all or nothing")
			w.set(func(s *standin.Settings) { s.Rule = rule })
		}
		require.NoError(t, w.system().Withdraw(t.Context(), w.m.Root))
		require.Zero(t, w.Asked())
	}
}

// The person says no, or rights are lacking: the keychain is as it was.
func TestSystemKeychainRefused(t *testing.T) {
	w := newMac(t)
	w.set(func(s *standin.Settings) { s.Answer = "no" })
	require.ErrorIs(t, w.system().Deploy(t.Context(), w.m), devcert.ErrDeclined)
	w.take()
	require.Equal(t, devcert.Missing, w.look(w.system(), w.m).State, "no certificate is left there untrusted")
	w.refused = devcert.ErrNeedsAdmin
	require.ErrorIs(t, w.system().Ready(t.Context()), devcert.ErrNeedsAdmin)
	require.ErrorIs(t, w.system().Deploy(t.Context(), w.m), devcert.ErrNeedsAdmin)
}

// Only a root of devcert's profile is added by root, and only one is removed.
func TestKeychainHandlersRefuse(t *testing.T) {
	w := newMac(t)
	for _, cert := range []*x509.Certificate{w.m.Intermediate, w.m.Leaf} {
		for _, what := range []string{trustInKeychain, distrustFromKeychain} {
			require.ErrorContains(t, w.Do(t.Context(), what, elevate.Certificate{DER: cert.Raw}), "refused")
		}
	}
	require.Empty(t, w.Calls())
}

func TestLoginKeychain(t *testing.T) {
	w := newMac(t)
	places := w.login().Look(t.Context(), w.m)
	require.Len(t, places, 2)
	require.True(t, places[0].UserOnly)
	require.Equal(t, chain.PartIntermediate, places[1].Part)
	require.Equal(t, devcert.Missing, places[1].State)

	require.NoError(t, w.login().Deploy(t.Context(), w.m))
	asked, calls := w.take()
	require.Zero(t, asked, "the intermediate trusts nobody")
	require.Equal(t, []string{"add-certificates"}, calls)
	w.m.UserOnly = true
	require.NoError(t, w.login().Deploy(t.Context(), w.m))
	asked, _ = w.take()
	require.Equal(t, 1, asked)
	for _, place := range w.login().Look(t.Context(), w.m) {
		require.Equal(t, devcert.Trusted, place.State, place.Evidence)
		require.False(t, place.Machine)
	}
	require.NoError(t, w.login().Deploy(t.Context(), w.m), "again")
	_, calls = w.take()
	require.Empty(t, calls)

	w.Run("remove-trusted-cert", w.file(w.m.Root))
	w.take()
	require.Equal(t, devcert.Denied, w.look(w.login(), w.m).State)
	require.NoError(t, w.login().Deploy(t.Context(), w.m))
	w.take()
	require.Equal(t, devcert.Trusted, w.look(w.login(), w.m).State)

	w.set(func(s *standin.Settings) { s.Answer = "no" })
	require.ErrorIs(t, w.login().Withdraw(t.Context(), w.m.Root), devcert.ErrDeclined)
	require.Equal(t, devcert.Trusted, w.login().Look(t.Context(), w.m)[0].State, "all or nothing")
	w.set(func(s *standin.Settings) { s.Answer = "yes" })
	for _, cert := range []*x509.Certificate{w.m.Root, w.m.Intermediate, w.m.Leaf} {
		require.NoError(t, w.login().Withdraw(t.Context(), cert))
	}
	data, err := os.ReadFile(w.Login())
	require.NoError(t, err)
	require.Empty(t, data)

	require.NoError(t, os.Remove(w.Login()))
	require.Empty(t, w.login().Look(t.Context(), w.m), "an account without one")
	require.NoError(t, w.login().Withdraw(t.Context(), w.m.Root))
}

// bundle.pem is Apple's roots and the administrators', not what somebody distrusts,
// and not what devcert put there.
func TestKeychainRoots(t *testing.T) {
	w := newMac(t)
	others := make([]*x509.Certificate, 4)
	for i, owner := range []string{"apple", "banned", "company", "stray"} {
		others[i] = somebodys(t, owner)
	}
	apple := filepath.Join(w.Root, keychain.SystemRoots)
	require.NoError(t, os.WriteFile(apple, chain.EncodeCertificates(others[0], others[1]), 0o600))
	w.Run("add-trusted-cert", "-d", "-r", "deny", w.file(others[1]))
	w.Run("add-trusted-cert", "-d", "-k", w.System(), w.file(others[2]))
	w.Run("add-certificates", "-k", w.System(), w.file(others[3]))
	require.NoError(t, w.system().Deploy(t.Context(), w.m))
	roots, err := w.k.Roots()
	require.NoError(t, err)
	require.Equal(t, string(chain.EncodeCertificates(others[0], others[2])), string(roots))
	w.set(func(s *standin.Settings) { s.Broken = []string{"find-certificate"} })
	_, err = w.k.Roots()
	require.Error(t, err)
	require.NoError(t, os.Remove(apple))
	roots, err = w.k.Roots()
	require.NoError(t, err)
	require.Nil(t, roots)
}

// somebodys is a root of somebody's.
func somebodys(t *testing.T, name string) *x509.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return cert
}

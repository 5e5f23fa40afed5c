package firefox

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/devcert/chain"
	"devcert/platform/nss"
)

// personal are the user's certificates, kept by the real tools.
func (w *world) personal() *Personal {
	w.t.Helper()
	if _, err := nss.FindKeys(); err != nil {
		w.t.Skip(err)
	}
	return &Personal{Home: w.home}
}

// newOffer is a certificate for clients that its own key has signed.
func newOffer(t *testing.T, name string) devcert.Offered {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return devcert.Offered{Pair: chain.Pair{Cert: cert, Key: key}, Label: name}
}

func TestPersonal(t *testing.T) {
	w := newWorld(t).withCertutil()
	p, paths := w.personal(), w.profiles("one", "two")
	require.NoError(t, os.Remove(filepath.Join(paths[1], "cert9.db")), "one that was never started has no database")
	require.NoError(t, os.Remove(filepath.Join(paths[1], "key4.db")))
	alice, bob := newOffer(t, "alice"), newOffer(t, "bob")
	for range 2 {
		places, err := p.Offer(t.Context(), alice)
		require.NoError(t, err)
		require.Equal(t, paths, places)
	}
	before := w.listing()
	places, err := p.Offers(t.Context(), alice.Cert)
	require.NoError(t, err)
	require.Equal(t, paths, places)
	places, err = p.Offers(t.Context(), bob.Cert)
	require.NoError(t, err)
	require.Empty(t, places)
	require.NoError(t, p.Withdraw(t.Context(), bob.Cert))
	require.Equal(t, before, w.listing(), "looking changed something")
	for range 2 {
		require.NoError(t, p.Withdraw(t.Context(), alice.Cert))
		places, err = p.Offers(t.Context(), alice.Cert)
		require.NoError(t, err)
		require.Empty(t, places)
	}
}

func TestPersonalWithoutAProfile(t *testing.T) {
	p, alice := newWorld(t).personal(), newOffer(t, "alice")
	_, err := p.Offer(t.Context(), alice)
	require.ErrorIs(t, err, devcert.ErrUnsupported)
	places, err := p.Offers(t.Context(), alice.Cert)
	require.NoError(t, err)
	require.Empty(t, places)
	require.NoError(t, p.Withdraw(t.Context(), alice.Cert))
}

// What cannot be read or is no profile is said, and keeps no other from its turn.
func TestPersonalInOddProfiles(t *testing.T) {
	w := newWorld(t).withCertutil()
	p, paths, alice := w.personal(), w.profiles("one", "two"), newOffer(t, "alice")
	outside := t.TempDir()
	list := "[Profile0]\nName=one\nIsRelative=1\nPath=abcdefgh.one\n[Profile1]\nName=mine\nIsRelative=0\nPath=" + outside + "\n"
	write(t, list, w.home, ".mozilla/firefox/profiles.ini")
	places, err := p.Offer(t.Context(), alice)
	require.ErrorContains(t, err, "use "+outside)
	require.Equal(t, paths[:1], places)
	entries, err := os.ReadDir(outside)
	require.NoError(t, err)
	require.Empty(t, entries)
	require.NoError(t, p.Withdraw(t.Context(), alice.Cert))

	write(t, "no list\n", w.home, ".config/mozilla/firefox/profiles.ini")
	_, err = p.Offers(t.Context(), alice.Cert)
	require.ErrorContains(t, err, "read the Firefox profiles of")
}

// A missing tool is no missing Firefox.
func TestPersonalWithoutTools(t *testing.T) {
	w := newWorld(t).withCertutil()
	p, alice, bob := w.personal(), newOffer(t, "alice"), newOffer(t, "bob")
	w.profiles("one")
	_, err := p.Offer(t.Context(), alice)
	require.NoError(t, err)
	p.Tools = func() (nss.Keys, error) { return nss.Keys{}, errors.New("certutil is not installed") }
	_, err = p.Offer(t.Context(), bob)
	require.ErrorContains(t, err, "give a certificate with its key to the Firefox profile one (")
	require.ErrorContains(t, err, "certutil is not installed")
	require.NotErrorIs(t, err, devcert.ErrUnsupported)
	require.NoError(t, p.Withdraw(t.Context(), bob.Cert), "it is not there")
	_, err = p.Offers(t.Context(), alice.Cert)
	require.ErrorContains(t, err, "certutil is not installed")
	require.ErrorContains(t, p.Withdraw(t.Context(), alice.Cert), "certutil is not installed")
}

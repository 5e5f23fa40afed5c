package winstore

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/devcert/chain"
)

// newOffer is a certificate for clients with an RSA key, which Wine can keep.
func newOffer(t *testing.T, name string, issuer chain.Pair) devcert.Offered {
	t.Helper()
	pair := chain.Pair{}
	for pair.Key == nil || !importable(pair.Key) {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		require.NoError(t, err)
		pair.Key = key
	}
	template := localhost()
	template.Subject.CommonName, template.ExtKeyUsage = name, []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	der, err := x509.CreateCertificate(rand.Reader, template, issuer.Cert, pair.Key.Public(), issuer.Key)
	require.NoError(t, err)
	pair.Cert, err = x509.ParseCertificate(der)
	require.NoError(t, err)
	return devcert.Offered{Pair: pair, Chain: []*x509.Certificate{issuer.Cert}, Label: name + " of devcert"}
}

func requireOffers(t *testing.T, want bool, cert *x509.Certificate) {
	t.Helper()
	places, err := Personal{}.Offers(t.Context(), cert)
	require.NoError(t, err)
	if !want {
		require.Empty(t, places)
		return
	}
	require.Equal(t, []string{`CurrentUser\My`}, places)
}

func TestPersonalOfferAndWithdraw(t *testing.T) {
	useMachine(t)
	root := newAuthority(t, "devcert root of a test", chain.Organization, chain.Pair{})
	above := newAuthority(t, "devcert client intermediate of a test", chain.Organization, root)
	alice := newOffer(t, "alice", above)
	p := Personal{}
	userMy.forget(t, alice.Cert.Raw)
	userCA.forget(t, above.Cert.Raw)
	requireOffers(t, false, alice.Cert)
	for range 2 {
		places, err := p.Offer(t.Context(), alice)
		require.NoError(t, err)
		require.Equal(t, []string{`CurrentUser\My`}, places)
	}
	requireOffers(t, true, alice.Cert)
	require.Equal(t, "alice of devcert", userMy.requireEntry(t, alice.Cert.Raw).FriendlyName)
	userCA.requireEntry(t, above.Cert.Raw)
	key := userMy.requireKey(t, KeyOpens, alice.Cert.Raw)
	require.False(t, key.Machine)

	for range 2 {
		require.NoError(t, p.Withdraw(t.Context(), alice.Cert))
		requireOffers(t, false, alice.Cert)
		userMy.requireMissing(t, alice.Cert.Raw)
		userCA.requireMissing(t, above.Cert.Raw)
	}
	require.Equal(t, KeyMissing, stateOf(key.delete()), "the key is gone with it")
}

// What others have stays, and what is above them.
func TestPersonalLeavesOthers(t *testing.T) {
	useMachine(t)
	root := newAuthority(t, "devcert root of a test", chain.Organization, chain.Pair{})
	above := newAuthority(t, "devcert client intermediate of a test", chain.Organization, root)
	theirs := newAuthority(t, "devcert client intermediate of a test", "somebody", root)
	alice, twin, stranger := newOffer(t, "alice", above), newOffer(t, "alice", above), newOffer(t, "alice", theirs)
	for _, o := range []devcert.Offered{alice, twin, stranger} {
		userMy.forget(t, o.Cert.Raw)
		userCA.forget(t, o.Chain[0].Raw)
	}
	p := Personal{}
	for _, o := range []devcert.Offered{twin, stranger, alice} {
		_, err := p.Offer(t.Context(), o)
		require.NoError(t, err)
	}
	require.NoError(t, p.Withdraw(t.Context(), alice.Cert))
	userMy.requireMissing(t, alice.Cert.Raw)
	userMy.requireEntry(t, twin.Cert.Raw)
	userMy.requireEntry(t, stranger.Cert.Raw)
	userCA.requireEntry(t, above.Cert.Raw)
	require.NoError(t, p.Withdraw(t.Context(), twin.Cert))
	userCA.requireMissing(t, above.Cert.Raw)
	require.NoError(t, p.Withdraw(t.Context(), stranger.Cert))
	userCA.requireEntry(t, theirs.Cert.Raw)
}

// A certificate whose key somebody deleted is no offer, and gets it back.
func TestPersonalWithoutItsKey(t *testing.T) {
	useMachine(t)
	above := newAuthority(t, "devcert client intermediate of a test", chain.Organization, chain.Pair{})
	alice := newOffer(t, "alice", above)
	alice.Chain = nil
	userMy.forget(t, alice.Cert.Raw)
	_, err := userMy.Add(alice.Cert.Raw, "")
	require.NoError(t, err)
	requireOffers(t, false, alice.Cert)
	_, err = Personal{}.Offer(t.Context(), alice)
	require.NoError(t, err)
	requireOffers(t, true, alice.Cert)
}

package nss

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/devcert/chain"
)

func realKeys(t testing.TB) Keys {
	t.Helper()
	keys, err := FindKeys()
	if err != nil {
		t.Skip(err)
	}
	return keys
}

func newKey(t testing.TB, kind chain.KeyType) crypto.Signer {
	t.Helper()
	if kind == chain.RSA {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		require.NoError(t, err)
		return key
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return key
}

// clients issues certificates for clients, below a root that is nowhere.
type clients struct {
	t            testing.TB
	intermediate chain.Pair
}

func newClients(t testing.TB) clients {
	t.Helper()
	h, err := chain.New(chain.Options{Owner: "anna@birch", Key: chain.ECDSA, ClientCerts: true, Now: time.Now()})
	require.NoError(t, err)
	return clients{t, h.ClientIntermediate}
}

func (c clients) issue(name string, key crypto.Signer) devcert.Offered {
	c.t.Helper()
	cert, err := chain.IssueClient(c.intermediate, key.Public(), chain.ClientOptions{Name: name, Now: time.Now()})
	require.NoError(c.t, err)
	return devcert.Offered{
		Pair: chain.Pair{Cert: cert, Key: key}, Chain: []*x509.Certificate{c.intermediate.Cert}, Label: name + " of devcert",
	}
}

// requireOffers asks, and requires that asking changed nothing.
func (k Keys) requireOffers(t testing.TB, want bool, dir string, cert *x509.Certificate) {
	t.Helper()
	before := files(t, dir)
	got, err := k.Offers(context.Background(), dir, cert)
	require.NoError(t, err)
	require.Equal(t, want, got)
	require.Equal(t, before, files(t, dir), "looking changed something")
}

// requireHas asks certutil for the very certificate.
func (k Keys) requireHas(t testing.TB, want bool, dir string, cert *x509.Certificate) {
	t.Helper()
	got, err := k.has(context.Background(), dir, cert)
	require.NoError(t, err)
	require.Equal(t, want, got, cert.Subject.CommonName)
}

func requireEmpty(t testing.TB, dir string) {
	t.Helper()
	require.True(t, vacant(dir), "something is left in the database")
}

func TestOfferAndWithdraw(t *testing.T) {
	keys := realKeys(t)
	ca := newClients(t)
	for _, kind := range []chain.KeyType{chain.RSA, chain.ECDSA} {
		t.Run(string(kind), func(t *testing.T) {
			dir, alice := newDatabase(t, keys.Tool), ca.issue("alice", newKey(t, kind))
			keys.requireOffers(t, false, dir, alice.Cert)
			require.NoError(t, keys.Offer(t.Context(), dir, alice))
			keys.requireOffers(t, true, dir, alice.Cert)
			require.Regexp(t, `(?m)^alice of devcert +u,u,u *$`, certutil(t, keys.Tool, dir, nil, "-L"))
			require.Regexp(t, `(?m)^`+ca.intermediate.Cert.Subject.CommonName+` +,, *$`, certutil(t, keys.Tool, dir, nil, "-L"))

			before := files(t, dir)
			require.NoError(t, keys.Offer(t.Context(), dir, alice))
			require.Equal(t, before, files(t, dir), "offering it once more changed something")

			for range 2 { // once more is no error
				require.NoError(t, keys.Withdraw(t.Context(), dir, alice.Cert))
				keys.requireOffers(t, false, dir, alice.Cert)
				requireEmpty(t, dir)
			}
		})
	}
}

// The intermediate stays for as long as one of its certificates is offered.
func TestIntermediateStaysWhileItIsNeeded(t *testing.T) {
	keys := realKeys(t)
	dir, ca := newDatabase(t, keys.Tool), newClients(t)
	alice, bob := ca.issue("alice", newKey(t, chain.ECDSA)), ca.issue("bob", newKey(t, chain.RSA))
	other := newClients(t).issue("alice", newKey(t, chain.ECDSA)) // of another hierarchy
	for _, o := range []devcert.Offered{alice, bob, other} {
		require.NoError(t, keys.Offer(t.Context(), dir, o))
	}
	require.NoError(t, keys.Withdraw(t.Context(), dir, alice.Cert))
	keys.requireHas(t, true, dir, ca.intermediate.Cert)
	keys.requireOffers(t, true, dir, bob.Cert)
	require.NoError(t, keys.Withdraw(t.Context(), dir, bob.Cert))
	keys.requireHas(t, false, dir, ca.intermediate.Cert)
	keys.requireOffers(t, true, dir, other.Cert)
	keys.requireHas(t, true, dir, other.Chain[0])
	require.NoError(t, keys.Withdraw(t.Context(), dir, other.Cert))
	requireEmpty(t, dir)
}

// A database that devcert made stays for as long as a root or a client's
// certificate of devcert's is there, whichever goes first. That a certificate is
// offered is no matter of trust.
func TestMadeForRootsAndClients(t *testing.T) {
	keys := realKeys(t)
	for _, rootFirst := range []bool{true, false} {
		home, root := t.TempDir(), newRoot(t)
		dir, alice := filepath.Join(home, ".pki", "nssdb"), newClients(t).issue("alice", newKey(t, chain.RSA))
		require.NoError(t, keys.Install(t.Context(), dir, root))
		require.NoError(t, keys.Offer(t.Context(), dir, alice))
		seen := requireState(t, keys.Tool, dir, devcert.Trusted, root)
		require.Empty(t, seen.Others)
		require.Len(t, seen.Clients, 2)
		if rootFirst {
			require.NoError(t, keys.Remove(t.Context(), dir, root))
			keys.requireOffers(t, true, dir, alice.Cert)
			require.NoError(t, keys.Withdraw(t.Context(), dir, alice.Cert))
		} else {
			require.NoError(t, keys.Withdraw(t.Context(), dir, alice.Cert))
			requireState(t, keys.Tool, dir, devcert.Trusted, root)
			require.NoError(t, keys.Remove(t.Context(), dir, root))
		}
		require.NoDirExists(t, filepath.Dir(dir), "what was made stays")
	}
}

// Whoever trusts the intermediate keeps it.
func TestIntermediateThatIsTrustedStays(t *testing.T) {
	keys := realKeys(t)
	dir, ca := newDatabase(t, keys.Tool), newClients(t)
	alice := ca.issue("alice", newKey(t, chain.ECDSA))
	certutil(t, keys.Tool, dir, ca.intermediate.Cert.Raw, "-A", "-t", ",C,", "-n", "mine")
	require.NoError(t, keys.Offer(t.Context(), dir, alice))
	require.NoError(t, keys.Withdraw(t.Context(), dir, alice.Cert))
	keys.requireHas(t, true, dir, ca.intermediate.Cert)
}

// What others have is as it was, whatever its names.
func TestOthersStay(t *testing.T) {
	keys := realKeys(t)
	ca := newClients(t)
	for _, row := range []struct {
		name  string
		label string // that the other one has, "" for its own
		who   string
		from  clients
	}{
		{"the same subject", "", "alice", ca},
		{"the same nickname", "alice of devcert", "somebody", newClients(t)},
		{"the nickname of the second choice", "alice of devcert (00000000)", "alice", newClients(t)},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir, theirs := newDatabase(t, keys.Tool), row.from.issue(row.who, newKey(t, chain.RSA))
			theirs.Chain, theirs.Label = nil, row.label
			require.NoError(t, keys.Offer(t.Context(), dir, theirs))
			listing := certutil(t, keys.Tool, dir, nil, "-L")

			alice := ca.issue("alice", newKey(t, chain.RSA))
			require.NoError(t, keys.Offer(t.Context(), dir, alice))
			keys.requireOffers(t, true, dir, alice.Cert)
			keys.requireOffers(t, true, dir, theirs.Cert)
			require.NoError(t, keys.Withdraw(t.Context(), dir, alice.Cert))
			keys.requireOffers(t, false, dir, alice.Cert)
			keys.requireOffers(t, true, dir, theirs.Cert)
			require.NoError(t, keys.Withdraw(t.Context(), dir, alice.Cert))
			keys.requireOffers(t, true, dir, theirs.Cert)
			require.Contains(t, listing, "u,u,u")
			if row.from != ca { // else the intermediate is that of theirs too
				require.Equal(t, listing, certutil(t, keys.Tool, dir, nil, "-L"))
			}
		})
	}
}

// Half of it there is no offer; it is mended, and withdrawn whole.
func TestHalfAnOffer(t *testing.T) {
	keys := realKeys(t)
	ca := newClients(t)
	for _, row := range []struct {
		name  string
		halve func(t *testing.T, dir string, o devcert.Offered)
	}{
		{"a certificate without its key", func(t *testing.T, dir string, o devcert.Offered) {
			certutil(t, keys.Tool, dir, nil, "-F", "-k", keyID(o.Cert))
			keys.requireHas(t, true, dir, o.Cert)
		}},
		{"a key without its certificate", func(t *testing.T, dir string, o devcert.Offered) {
			certutil(t, keys.Tool, dir, nil, "-D", "-n", keyURI(o.Cert))
			require.Contains(t, certutil(t, keys.Tool, dir, nil, "-K"), keyID(o.Cert))
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			for _, mend := range []bool{true, false} {
				dir, alice := newDatabase(t, keys.Tool), ca.issue("alice", newKey(t, chain.RSA))
				require.NoError(t, keys.Offer(t.Context(), dir, alice))
				row.halve(t, dir, alice)
				keys.requireOffers(t, false, dir, alice.Cert)
				if mend {
					require.NoError(t, keys.Offer(t.Context(), dir, alice))
					keys.requireOffers(t, true, dir, alice.Cert)
				}
				require.NoError(t, keys.Withdraw(t.Context(), dir, alice.Cert))
				keys.requireHas(t, false, dir, alice.Cert)
				keys.requireHas(t, false, dir, ca.intermediate.Cert)
				ids, err := keys.keyIDs(t.Context(), dir)
				require.NoError(t, err)
				require.Empty(t, ids)
			}
		})
	}
}

// Without the keys nothing is offered; another file for them is made, and nothing
// deleted without it.
func TestKeysAreGone(t *testing.T) {
	keys := realKeys(t)
	dir, alice := newDatabase(t, keys.Tool), newClients(t).issue("alice", newKey(t, chain.RSA))
	require.NoError(t, keys.Offer(t.Context(), dir, alice))
	require.NoError(t, os.Remove(filepath.Join(dir, keyFile)))
	keys.requireOffers(t, false, dir, alice.Cert)
	err := keys.Withdraw(t.Context(), dir, alice.Cert)
	require.ErrorContains(t, err, "key4.db, which vouches for trust, is not there")
	require.NoError(t, keys.Offer(t.Context(), dir, alice))
	keys.requireOffers(t, true, dir, alice.Cert)
	require.NoError(t, keys.Withdraw(t.Context(), dir, alice.Cert))
	requireEmpty(t, dir)
}

// A key that two certificates have belongs to both.
func TestKeyOfTwo(t *testing.T) {
	keys := realKeys(t)
	dir, ca, key := newDatabase(t, keys.Tool), newClients(t), newKey(t, chain.RSA)
	one, two := ca.issue("one", key), ca.issue("two", key)
	require.NoError(t, keys.Offer(t.Context(), dir, one))
	certutil(t, keys.Tool, dir, two.Cert.Raw, "-A", "-t", ",,", "-n", "two")
	require.ErrorContains(t, keys.Withdraw(t.Context(), dir, one.Cert), "certutil cannot tell this certificate from another one there")
	keys.requireOffers(t, true, dir, one.Cert)
	keys.requireOffers(t, true, dir, two.Cert)
}

// A database that was never given a password has an empty one.
func TestOfferToADatabaseWithoutAPasswordYet(t *testing.T) {
	keys := realKeys(t)
	dir, ca := filepath.Join(t.TempDir(), "nssdb"), newClients(t)
	require.NoError(t, os.Mkdir(dir, 0o700))
	certutil(t, keys.Tool, dir, ca.intermediate.Cert.Raw, "-A", "-t", ",,", "-n", "first")
	alice := ca.issue("alice", newKey(t, chain.RSA))
	require.NoError(t, keys.Offer(t.Context(), dir, alice))
	keys.requireOffers(t, true, dir, alice.Cert)
}

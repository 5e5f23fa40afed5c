package dotnet

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	pkcs12 "software.sslmate.com/src/go-pkcs12"

	"devcert/devcert"
	"devcert/devcert/chain"
)

// newRealWorld is a world whose home folder is a real Kestrel's.
func newRealWorld(t *testing.T) (*world, *kestrel) {
	t.Helper()
	k := newKestrel(t)
	w := newWorld(t)
	w.home, w.store.Env = k.home, []string{"HOME=" + k.home}
	return w, k
}

// requireServed: Kestrel sends the leaf and the intermediate, and the chain is
// trusted through the root as every client asks for it.
func (k *kestrel) requireServed(h *chain.Hierarchy) {
	k.t.Helper()
	certs, said := k.attempt()
	require.Len(k.t, certs, 2, said)
	require.True(k.t, certs[0].Equal(h.Leaf.Cert))
	require.True(k.t, certs[1].Equal(h.Intermediate.Cert))
	roots := x509.NewCertPool()
	roots.AddCert(h.Root)
	for _, name := range []string{"localhost", "127.0.0.1"} {
		require.NoError(k.t, chain.VerifyServer(roots, certs[1:], certs[0], name, now))
	}
}

func (k *kestrel) requireNothing() {
	k.t.Helper()
	certs, said := k.attempt()
	require.Empty(k.t, certs)
	require.Contains(k.t, said, "InvalidOperationException")
}

// With nothing but ASPNETCORE_URLS: not before, after, after a renewal, and not
// after the end.
func TestKestrel(t *testing.T) {
	for _, key := range []chain.KeyType{chain.RSA, chain.ECDSA} {
		t.Run(string(key), func(t *testing.T) {
			w, k := newRealWorld(t)
			h, err := chain.New(chain.Options{Owner: "alice@pc", Key: key, Now: now})
			require.NoError(t, err)
			w.h = h
			k.requireNothing()
			w.deploy()
			w.requireTrusted()
			k.requireServed(w.h)

			old := w.h.Leaf.Cert
			w.h.Leaf, err = chain.NewLeaf(w.h.Intermediate, chain.LeafOptions{Names: []string{"localhost", "127.0.0.1"}, Key: key, Now: now})
			require.NoError(t, err)
			w.deploy()
			require.NoError(t, w.store.Withdraw(t.Context(), old))
			w.requireTrusted()
			k.requireServed(w.h)

			w.withdrawAll()
			k.requireNothing()
			require.Empty(t, w.store.Look(t.Context(), w.material()), "its folders are gone too")
		})
	}
}

// What Look foresees is what Kestrel does: serve the leaf with its chain, serve
// it alone, serve a rival, or not start.
func TestLookForesees(t *testing.T) {
	six, seven := marked(t, nil, 6), marked(t, nil, 7)
	encoded := func(e *pkcs12.Encoder, p chain.Pair) []byte {
		data, err := e.Encode(p.Key, p.Cert, nil, "")
		require.NoError(t, err)
		return data
	}
	locked, err := chain.EncodePFX(chain.PFXModern, seven, nil, "geheim")
	require.NoError(t, err)
	beside := func(name string, data []byte) func(w *world) { return func(w *world) { w.put("my", name, data) } }
	own := func(w *world) string { return filepath.Join(w.dir("my"), fileName(w.h.Leaf.Cert, 0)) }
	for _, row := range []struct {
		name  string
		wreck func(w *world)
	}{
		{"all is right", func(*world) {}},
		{"the intermediate is gone", func(w *world) { require.NoError(t, os.RemoveAll(w.dir("ca"))) }},
		{"the leaf is gone", func(w *world) { require.NoError(t, os.Remove(own(w))) }},
		{"the leaf is damaged", func(w *world) { require.NoError(t, os.Truncate(own(w), 100)) }},
		{"the leaf lost its key", func(w *world) { w.put("my", filepath.Base(own(w)), withoutKey(t, w.h.Leaf.Cert)) }},
		{"the leaf has another's key", func(w *world) {
			w.put("my", filepath.Base(own(w)), withKey(t, chain.Pair{Cert: w.h.Leaf.Cert, Key: six.Key}))
		}},
		{"copies without the key", func(w *world) {
			for _, name := range []string{"0.pfx", "5.pfx", "a.pfx", "k.pfx", "z.pfx"} {
				w.put("my", name, withoutKey(t, w.h.Leaf.Cert))
			}
		}},
		{"the same version, 1", beside("1.pfx", withKey(t, six))},
		{"the same version, b", beside("b.pfx", withKey(t, six))},
		{"the same version, c", beside("c.pfx", withKey(t, six))},
		{"the same version, q", beside("q.pfx", withKey(t, six))},
		{"the same version, zz", beside("zz.pfx", withKey(t, six))},
		{"a higher version", beside("b.pfx", withKey(t, seven))},
		{"a higher version in RC2", beside("b.pfx", encoded(pkcs12.LegacyRC2, seven))},
		{"a higher version in AES", beside("b.pfx", encoded(pkcs12.Modern2023, seven))},
		{"a higher version, hidden", beside(".b.pfx", withKey(t, seven))},
		{"a higher version without its key", beside("b.pfx", withoutKey(t, seven.Cert))},
		{"a higher version as the last of two", beside("b.pfx", withoutKey(t, six.Cert, seven.Cert))},
		{"a higher version, expired", beside("b.pfx", withKey(t, marked(t, expired, 9)))},
		{"a higher version behind a password", beside("b.pfx", locked)},
		{"a higher version with as many rounds as .NET does", beside("b.pfx", encoded(pkcs12.Modern2023.WithIterations(maxRounds), seven))},
		{"a higher version with too many", beside("b.pfx", encoded(pkcs12.Modern2023.WithIterations(maxRounds+1), seven))},
		{"a higher version that is no PKCS#12", beside("b.pfx", seven.Cert.Raw)},
		{"a higher version in capitals", beside("b.PFX", withKey(t, seven))},
		{"a lower version", beside("b.pfx", withKey(t, marked(t, nil, 3)))},
		{"marked twice", beside("b.pfx", withKey(t, marked(t, nil, 6, 6)))},
		{"marked twice, expired", beside("b.pfx", withKey(t, marked(t, expired, 6, 6)))},
		{"a link to nothing", func(w *world) {
			require.NoError(t, os.Symlink("/nowhere", filepath.Join(w.dir("my"), "b.pfx")))
		}},
		{"the store that .NET has not", func(w *world) { w.put("disallowed", "README", nil) }},
	} {
		t.Run(row.name, func(t *testing.T) {
			w, k := newRealWorld(t)
			w.deploy()
			row.wreck(w)
			foreseen, served := w.foresee(six.Cert, seven.Cert), k.says(w.h, six.Cert, seven.Cert)
			t.Logf("foreseen: %-28s served: %s", foreseen, served)
			require.Equal(t, foreseen, served)
		})
	}
}

// foresee is what Look's places mean for a client, in words.
func (w *world) foresee(six, seven *x509.Certificate) string {
	ca, my := w.places()
	for _, s := range my.Strays {
		switch {
		case strings.HasPrefix(s.Why, "Kestrel fails over it"), strings.HasSuffix(s.Why, "no private key for it"):
			return "nothing"
		case !strings.HasPrefix(s.Why, "Kestrel takes it"):
		case s.Cert.Equal(six):
			return "version 6"
		case s.Cert.Equal(seven):
			return "version 7"
		}
	}
	switch {
	case my.State != devcert.Trusted:
		return "nothing"
	case ca.State != devcert.Trusted:
		return "the leaf alone"
	}
	return "the leaf and its chain"
}

// says is what Kestrel really serves, in the same words.
func (k *kestrel) says(h *chain.Hierarchy, six, seven *x509.Certificate) string {
	certs, _ := k.attempt()
	switch {
	case len(certs) == 0:
		return "nothing"
	case certs[0].Equal(six):
		return "version 6"
	case certs[0].Equal(seven):
		return "version 7"
	case certs[0].Equal(h.Leaf.Cert) && len(certs) == 1:
		return "the leaf alone"
	case certs[0].Equal(h.Leaf.Cert) && certs[1].Equal(h.Intermediate.Cert):
		return "the leaf and its chain"
	}
	return "something else"
}

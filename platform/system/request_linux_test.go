package system

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/devcert/chain"
	"devcert/platform/elevate"
)

// direct is a privileged child without a pipe.
type direct struct{ elevate.Handlers }

func (direct) Ready(context.Context) error { return nil }

func (d direct) Do(ctx context.Context, what string, body any) error {
	encoded, err := json.Marshal(body)
	if err != nil {
		return err
	}
	return d.Handlers[what](ctx, encoded, func() {})
}

func TestRequests(t *testing.T) {
	s, root := newScratch(t, debian), newRoot(t)
	store := &Store{Root: s.root, Now: time.Now, Privileged: direct{Changer{Root: s.root}.Handlers()}}
	require.NoError(t, store.Deploy(t.Context(), devcert.Material{Root: root}))
	s.requireState(devcert.Trusted, root)
	require.NoError(t, store.Withdraw(t.Context(), root))
	s.requireState(devcert.Missing, root)
}

// Whatever the privileged child is asked, only a root of our own profile gets
// in or out.
func TestRequestsRefused(t *testing.T) {
	made := newHierarchy(t)
	quote := func(der []byte) string { b, _ := json.Marshal(elevate.Certificate{DER: der}); return string(b) }
	for _, row := range []struct{ name, what, body, says string }{
		{"a leaf", trustRoot, quote(made.Leaf.Cert.Raw), "not a devcert root"},
		{"an intermediate", trustRoot, quote(made.Intermediate.Cert.Raw), "not a devcert root"},
		{"another's root", trustRoot, quote(foreignRoot(t, "devcert root x").Raw), "not a devcert root"},
		{"another's root to remove", distrustRoot, quote(foreignRoot(t, "ISRG Root X1").Raw), "not a devcert root"},
		{"a root and more", trustRoot, quote(append(made.Root.Raw[:len(made.Root.Raw):len(made.Root.Raw)], 0)), "not a certificate"},
		{"a path", distrustRoot, `{"der":"/etc/ssl/certs/ca-certificates.crt"}`, "refused"},
		{"a path beside it", distrustRoot, `{"path":"/etc/ssl/certs/ca-certificates.crt"}`, "unknown field"},
		{"nothing", trustRoot, `{}`, "not a certificate"},
	} {
		t.Run(row.name, func(t *testing.T) {
			handlers := Changer{Root: "/nonexistent"}.Handlers()
			err := handlers[row.what](t.Context(), json.RawMessage(row.body), func() { t.Error("began") })
			require.ErrorContains(t, err, "privileged request refused")
			require.ErrorContains(t, err, row.says)
		})
	}
}

// A domain that was permitted can become a public suffix: such a root is not
// trusted anew, and must be removable still.
func TestOnlyAdditionsAskForPublicSuffixes(t *testing.T) {
	made, err := chain.New(chain.Options{Owner: "anna@birch", Key: chain.ECDSA, Now: time.Now()})
	require.NoError(t, err)
	template := *made.Root
	template.PermittedDNSDomains = append(template.PermittedDNSDomains, "github.io")
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, made.RootKey.Public(), made.RootKey)
	require.NoError(t, err)

	d := direct{Changer{Root: t.TempDir()}.Handlers()}
	require.ErrorContains(t, d.Do(t.Context(), trustRoot, elevate.Certificate{DER: der}), "public suffix")
	require.ErrorIs(t, d.Do(t.Context(), distrustRoot, elevate.Certificate{DER: der}), devcert.ErrUnsupported, "it came to the store, which is none")
}

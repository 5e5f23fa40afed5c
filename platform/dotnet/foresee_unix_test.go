//go:build unix

package dotnet

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/devcert/chain"
)

func TestServes(t *testing.T) {
	if !keepsFolders {
		t.Skip("this system's .NET keeps no folders")
	}
	for _, row := range []struct {
		name     string
		change   func(w *world)
		state    devcert.PlaceState
		evidence string
	}{
		{"as it should be", func(*world) {}, devcert.Trusted, ""},
		{"no leaf", func(w *world) { require.NoError(w.t, os.RemoveAll(w.dir("my"))) }, devcert.Missing, "my does not hold the leaf"},
		{"no intermediate", func(w *world) { require.NoError(w.t, os.RemoveAll(w.dir("ca"))) }, devcert.Missing, "ca does not hold the intermediate"},
		{"neither", func(w *world) { require.NoError(w.t, os.RemoveAll(filepath.Dir(w.dir("ca")))) }, devcert.Missing, "the leaf"},
		{"no key", func(w *world) {
			w.put("my", chain.Thumbprint(w.h.Leaf.Cert)+suffix, withoutKey(w.t, w.h.Leaf.Cert))
		}, devcert.Stale, "no private key"},
		{"a rival of a lower version", func(w *world) { w.put("my", "rival.pfx", withKey(w.t, marked(w.t, nil, 5))) }, devcert.Trusted, ""},
		{"a rival of a higher one", func(w *world) { w.put("my", "rival.pfx", withKey(w.t, marked(w.t, nil, 7))) }, devcert.Denied, "Kestrel takes "},
		{"an expired one of a higher one", func(w *world) { w.put("my", "old.pfx", withKey(w.t, marked(w.t, expired, 7))) }, devcert.Trusted, ""},
		{"one over which Kestrel fails", func(w *world) { w.put("my", "twice.pfx", withKey(w.t, marked(w.t, nil, 6, 6))) }, devcert.Denied, "no valid certificate"},
		{"something disallowed", func(w *world) { w.put("disallowed", "x", nil) }, devcert.Denied, "disallowed is not empty"},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t)
			require.NoError(t, w.store.Deploy(t.Context(), w.material()))
			row.change(w)
			p := w.store.Serves(t.Context(), w.material())
			require.Equal(t, row.state, p.State, p.Evidence)
			require.Contains(t, p.Evidence, row.evidence)
		})
	}
}

func TestTrusts(t *testing.T) {
	for _, row := range []struct {
		name   string
		change func(w *world)
		state  devcert.PlaceState
		remedy string
	}{
		{"nothing", func(*world) {}, devcert.Missing, ""},
		{"the root", func(w *world) { w.put("root", "any.pfx", withoutKey(w.t, w.h.Root)) }, devcert.Trusted, ""},
		{"another one", func(w *world) { w.put("root", "any.pfx", withoutKey(w.t, newHierarchy(w.t).Root)) }, devcert.Missing, ""},
		{"something disallowed", func(w *world) { w.put("disallowed", "x", nil) }, devcert.Denied, "remove "},
		{"both", func(w *world) {
			w.put("root", "any.pfx", withoutKey(w.t, w.h.Root))
			w.put("disallowed", "x", nil)
		}, devcert.Denied, "remove "},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t)
			row.change(w)
			p := w.store.Trusts(t.Context(), w.h.Root)
			require.Equal(t, row.state, p.State, p.Evidence)
			require.Contains(t, p.Remedy, row.remedy)
			require.Equal(t, row.remedy == "", p.Remedy == "")
		})
	}
	w := newWorld(t)
	require.Equal(t, devcert.Missing, w.store.Trusts(t.Context(), (*x509.Certificate)(nil)).State)
	w.store.Env = nil
	require.Equal(t, devcert.Unknown, w.store.Trusts(t.Context(), w.h.Root).State)
	require.Equal(t, devcert.Unknown, w.store.Serves(t.Context(), w.material()).State)
}

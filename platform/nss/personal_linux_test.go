package nss

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/devcert/chain"
)

func (s *scratch) personal() *Personal { return &Personal{Env: s.Env, Root: s.root} }

func (s *scratch) installTools() Keys {
	s.t.Helper()
	keys := realKeys(s.t)
	s.installCertutil()
	require.NoError(s.t, os.Symlink(string(keys.importer), filepath.Join(s.root, "usr/bin/pk12util")))
	return keys
}

// The certificate goes where the browser looks for roots, and what was made for it
// goes with it.
func TestPersonalPlaces(t *testing.T) {
	const old, new = ".pki/nssdb", ".local/share/pki/nssdb"
	for _, row := range []struct {
		name    string
		prepare func(s *scratch)
		want    []string
	}{
		{"Chromium 156 that has never run", func(s *scratch) { s.install("chromium", "Chromium 156.0.8078.79") }, []string{new}},
		{"the old folder is there", func(s *scratch) {
			s.install("chromium", "Chromium 156.0.8078.79")
			require.NoError(s.t, os.MkdirAll(s.below(old), 0o700))
		}, []string{old}},
		{"a database without a browser", func(s *scratch) { browserMakes(s.t, realTool(s.t), s.below(old)) }, []string{old}},
		{"two databases, one of a Flatpak application", func(s *scratch) {
			browserMakes(s.t, realTool(s.t), s.below(new))
			require.NoError(s.t, os.MkdirAll(s.below(".var/app/com.google.Chrome"), 0o700))
		}, []string{new, ".var/app/com.google.Chrome/.pki/nssdb"}},
		{"the roots come by a policy", func(s *scratch) {
			s.install("chromium", "Chromium 156.0.8078.79")
			require.NoError(s.t, s.trust(newRoot(s.t)))
		}, []string{new}},
	} {
		t.Run(row.name, func(t *testing.T) {
			s, alice := newScratch(t), newClients(t).issue("alice", newKey(t, chain.ECDSA))
			s.installTools()
			row.prepare(s)
			machine, theirs := s.tree(), tree(t, s.home)
			p := s.personal()
			places, err := p.Offers(t.Context(), alice.Cert)
			require.NoError(t, err)
			require.Empty(t, places)

			var want []string
			for _, path := range row.want {
				want = append(want, s.below(path))
			}
			for range 2 {
				places, err = p.Offer(t.Context(), alice)
				require.NoError(t, err)
				require.Equal(t, want, places)
			}
			places, err = p.Offers(t.Context(), alice.Cert)
			require.NoError(t, err)
			require.Equal(t, want, places)

			require.NoError(t, p.Withdraw(t.Context(), alice.Cert))
			places, err = p.Offers(t.Context(), alice.Cert)
			require.NoError(t, err)
			require.Empty(t, places)
			require.Equal(t, machine, s.tree(), "the machine was changed")
			for path := range theirs {
				require.Contains(t, tree(t, s.home), path)
			}
			require.Len(t, tree(t, s.home), len(theirs), "what was made for it stays")
		})
	}
}

func TestPersonalWithoutABrowser(t *testing.T) {
	s, alice := newScratch(t), newClients(t).issue("alice", newKey(t, chain.ECDSA))
	places, err := s.personal().Offer(t.Context(), alice)
	require.ErrorIs(t, err, devcert.ErrUnsupported)
	require.Empty(t, places)
	places, err = s.personal().Offers(t.Context(), alice.Cert)
	require.NoError(t, err)
	require.Empty(t, places)
	require.NoError(t, s.personal().Withdraw(t.Context(), alice.Cert))
}

// A missing tool is no missing browser: a person can install it.
func TestPersonalWithoutTools(t *testing.T) {
	for _, missing := range []string{"certutil", "pk12util"} {
		t.Run(missing, func(t *testing.T) {
			s, alice := newScratch(t), newClients(t).issue("alice", newKey(t, chain.ECDSA))
			s.install("chromium", "Chromium 156.0.8078.79")
			s.installTools()
			p := s.personal()
			_, err := p.Offer(t.Context(), alice)
			require.NoError(t, err)
			require.NoError(t, os.Remove(filepath.Join(s.root, "usr/bin", missing)))

			bob := newClients(t).issue("bob", newKey(t, chain.ECDSA))
			before := tree(t, s.home)
			_, err = p.Offer(t.Context(), bob)
			require.ErrorContains(t, err, missing+" is not installed")
			require.NotErrorIs(t, err, devcert.ErrUnsupported)
			requireRemedy(t, err, "libnss3-tools")
			require.Equal(t, before, tree(t, s.home))
			require.NoError(t, p.Withdraw(t.Context(), bob.Cert), "it is not there")

			places, err := p.Offers(t.Context(), alice.Cert)
			if missing == "certutil" {
				requireRemedy(t, err, "libnss3-tools")
				requireRemedy(t, p.Withdraw(t.Context(), alice.Cert), "libnss3-tools")
				return
			}
			require.NoError(t, err)
			require.Len(t, places, 1)
			require.NoError(t, p.Withdraw(t.Context(), alice.Cert))
			require.NoDirExists(t, s.below(".local"))
		})
	}
}

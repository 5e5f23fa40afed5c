package nss

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
)

// A browser that has never run gets its database where it will look for it.
func TestWhereADatabaseIsMade(t *testing.T) {
	const old, new = ".pki/nssdb", ".local/share/pki/nssdb"
	for _, row := range []struct {
		name    string
		prepare func(s *scratch)
		want    string
	}{
		{"Chromium 156", func(s *scratch) { s.install("chromium", "Chromium 156.0.8078.79 built on Debian") }, new},
		{"Chrome 145", func(s *scratch) { s.install("google-chrome", "Google Chrome 145.0.1.2 ") }, old},
		{"both", func(s *scratch) {
			s.install("chromium", "Chromium 156.0.8078.79")
			s.install("google-chrome", "Google Chrome 145.0.1.2")
		}, old},
		{"a version that is not told", func(s *scratch) { s.install("chromium", "Chromium") }, old},
		{"the old folder is there", func(s *scratch) {
			s.install("chromium", "Chromium 156.0.8078.79")
			require.NoError(s.t, os.MkdirAll(s.below(old), 0o700))
		}, old},
		{"only a browser on the user's PATH", func(s *scratch) {
			require.NoError(s.t, os.MkdirAll(s.below("bin"), 0o755))
			require.NoError(s.t, os.WriteFile(s.below("bin/brave"), nil, 0o755))
		}, old},
		{"data elsewhere", func(s *scratch) {
			s.install("chromium", "Chromium 156.0.8078.79")
			s.Env = append(s.Env, "XDG_DATA_HOME="+s.below("data"))
		}, "data/pki/nssdb"},
		{"a relative data folder does not count", func(s *scratch) {
			s.install("chromium", "Chromium 156.0.8078.79")
			s.Env = append(s.Env, "XDG_DATA_HOME=data")
		}, new},
		{"a snap", func(s *scratch) {
			require.NoError(s.t, os.MkdirAll(s.below("snap/chromium/123"), 0o700))
			require.NoError(s.t, os.Symlink("123", s.below("snap/chromium/current")))
		}, "snap/chromium/current/.pki/nssdb"},
		{"a Flatpak application", func(s *scratch) {
			require.NoError(s.t, os.MkdirAll(s.below(".var/app/com.google.Chrome"), 0o700))
		}, ".var/app/com.google.Chrome/.pki/nssdb"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s, root := newScratch(t), newRoot(t)
			s.installCertutil()
			row.prepare(s)
			before, theirs := s.tree(), tree(t, s.home)
			place := s.only(root)
			require.Equal(t, devcert.Missing, place.State)
			require.False(t, place.Machine)
			require.NoError(t, s.Ready(t.Context()))
			require.NoError(t, s.deploy(root))
			require.Equal(t, map[string]devcert.PlaceState{s.below(row.want): devcert.Trusted}, s.states(root))
			require.NoError(t, s.Withdraw(t.Context(), root))
			require.Equal(t, place, s.only(root), "what was made is gone")
			require.Equal(t, theirs, tree(t, s.home))
			require.Equal(t, before, s.tree(), "the machine was changed")
			require.Zero(t, s.asked)
		})
	}
}

func TestNoBrowserNoPlace(t *testing.T) {
	s := newScratch(t)
	s.installCertutil()
	require.Empty(t, s.states(newRoot(t)))
	require.NoError(t, s.deploy(newRoot(t)))
	require.NoError(t, s.Withdraw(t.Context(), newRoot(t)))

	s.install("chromium", "Chromium 156.0.1.2")
	require.NoError(t, os.Chmod(filepath.Join(s.root, "usr/bin/chromium"), 0o644))
	require.Empty(t, s.states(newRoot(t)), "what cannot be executed is not installed")
	s.install("chromium", "Chromium 156.0.1.2")
	s.Env = []string{"HOME=relative"}
	require.Empty(t, s.states(newRoot(t)))
}

// Every database is served, each once, and what is right is left alone.
func TestEveryDatabase(t *testing.T) {
	s, root, former := newScratch(t), newRoot(t), newRoot(t)
	tool := s.installCertutil()
	dirs := []string{".pki/nssdb", ".local/share/pki/nssdb", "snap/brave/current/.local/share/pki/nssdb", ".var/app/org.chromium.Chromium/data/pki/nssdb"}
	want := make(map[string]devcert.PlaceState)
	for _, dir := range dirs {
		browserMakes(t, tool, s.below(dir))
		want[s.below(dir)] = devcert.Missing
	}
	require.NoError(t, tool.Add(t.Context(), s.below(dirs[2]), former))
	require.Equal(t, want, s.states(root))
	require.NoError(t, s.deploy(root))
	for dir := range want {
		want[dir] = devcert.Trusted
	}
	require.Equal(t, want, s.states(root))
	for _, place := range s.Look(t.Context(), devcert.Material{}) {
		require.Equal(t, devcert.Missing, place.State)
		require.Contains(t, []int{1, 2}, len(place.Others))
	}

	before := files(t, s.below(dirs[0]))
	require.NoError(t, tool.Remove(t.Context(), s.below(dirs[1]), root))
	certutil(t, tool, s.below(dirs[3]), root.Raw, "-A", "-t", "p,,", "-n", "x")
	want[s.below(dirs[1])], want[s.below(dirs[3])] = devcert.Missing, devcert.Denied
	require.Equal(t, want, s.states(root))
	require.NoError(t, s.deploy(root))
	want[s.below(dirs[1])], want[s.below(dirs[3])] = devcert.Trusted, devcert.Trusted
	require.Equal(t, want, s.states(root))
	require.Equal(t, before, files(t, s.below(dirs[0])), "a place that was right was touched")

	require.NoError(t, s.Withdraw(t.Context(), root))
	for dir := range want {
		want[dir] = devcert.Missing
	}
	require.Equal(t, want, s.states(root))
	require.Len(t, s.states(former), len(want))
	require.Equal(t, devcert.Trusted, s.states(former)[s.below(dirs[2])])
}

// One broken database keeps no other from being served.
func TestOneBrokenDatabase(t *testing.T) {
	s, root := newScratch(t), newRoot(t)
	tool := s.installCertutil()
	good, bad := s.below(".pki/nssdb"), s.below("snap/chromium/current/.pki/nssdb")
	for _, dir := range []string{good, bad} {
		browserMakes(t, tool, dir)
	}
	require.NoError(t, os.WriteFile(filepath.Join(bad, certFile), []byte("precious"), 0o600))
	require.NoError(t, s.deploy(root), "it is left to a person")
	for _, place := range s.Look(t.Context(), devcert.Material{Root: root}) {
		require.Equal(t, place.Path == bad, strings.Contains(place.Remedy, bad))
	}
	require.Equal(t, map[string]devcert.PlaceState{good: devcert.Trusted, bad: devcert.Unknown}, s.states(root))
	data, err := os.ReadFile(filepath.Join(bad, certFile))
	require.NoError(t, err)
	require.Equal(t, "precious", string(data))
}

// A file stands where the folder of a database should be made.
func TestNoRoomForADatabase(t *testing.T) {
	s, root := newScratch(t), newRoot(t)
	s.installCertutil()
	s.install("chromium", "Chromium 156.0.1.2")
	require.NoError(t, os.WriteFile(s.below(".local"), []byte("precious"), 0o600))
	require.NoError(t, s.deploy(root), "it is left to a person")
	place := s.only(root)
	require.Equal(t, devcert.Unknown, place.State)
	require.Contains(t, place.Evidence, s.below(".local/share/pki/nssdb")+": not a directory")
	require.Contains(t, place.Remedy, s.below(".local/share/pki/nssdb"))
	require.NoError(t, s.Withdraw(t.Context(), root))
}

func TestLinkedDatabases(t *testing.T) {
	s, root := newScratch(t), newRoot(t)
	tool := s.installCertutil()
	browserMakes(t, tool, s.below(".local/share/pki/nssdb"))
	require.NoError(t, os.Symlink(".local/share/pki", s.below(".pki")))
	require.NoError(t, s.deploy(root))
	require.Equal(t, map[string]devcert.PlaceState{s.below(".pki/nssdb"): devcert.Trusted}, s.states(root))
}

// Without certutil and without a browser that obeys policies nothing can be
// done, and what is known is said.
func TestNeitherWay(t *testing.T) {
	s, root := newScratch(t), newRoot(t)
	tool := s.installCertutil()
	dir := s.below("snap/chromium/current/.pki/nssdb")
	browserMakes(t, tool, dir)
	s.removeCertutil()
	require.ErrorIs(t, s.Ready(t.Context()), devcert.ErrUnsupported)
	requireRemedy(t, s.Ready(t.Context()), "libnss3-tools")
	require.Equal(t, devcert.Missing, s.only(root).State)
	require.Contains(t, s.only(root).Remedy, "libnss3-tools")
	require.NoError(t, s.deploy(root), "it is left to a person")
	require.NoError(t, s.Withdraw(t.Context(), root), "it is not there")

	require.NoError(t, tool.Add(t.Context(), dir, root))
	require.Equal(t, devcert.Unknown, s.only(root).State)
	require.ErrorContains(t, s.Withdraw(t.Context(), root), dir)
	require.Zero(t, s.asked)
}

// A policy of somebody else's has the browsers disregard the databases: the root
// then comes by a policy too.
func TestDatabasesSwitchedOff(t *testing.T) {
	s, root := newScratch(t), newRoot(t)
	s.installCertutil()
	s.install("chromium", "Chromium 156.0.1.2")
	s.policy("corp.json", `{"CAPlatformIntegrationEnabled": false} // ours`)
	db := s.below(".local/share/pki/nssdb")
	require.Equal(t, map[string]devcert.PlaceState{s.own(): devcert.Missing, db: devcert.Missing}, s.states(root))
	require.NoError(t, s.Deploy(t.Context(), devcert.Material{Root: root, UserOnly: true}))
	require.Zero(t, s.asked)
	require.Equal(t, map[string]devcert.PlaceState{s.own(): devcert.Missing, db: devcert.Trusted}, s.states(root))
	require.NoError(t, s.deploy(root))
	require.Equal(t, devcert.Trusted, s.states(root)[s.own()])
	require.NoError(t, s.Withdraw(t.Context(), root))
	require.Equal(t, map[string]devcert.PlaceState{s.own(): devcert.Missing, db: devcert.Missing}, s.states(root))
}

func TestPolicyDistrusts(t *testing.T) {
	s, root := newScratch(t), newRoot(t)
	s.installCertutil()
	s.install("chromium", "Chromium 156.0.1.2")
	require.NoError(t, s.deploy(root))
	require.Equal(t, devcert.Trusted, s.only(root).State)
	s.policy("corp", `{"CADistrustedCertificates":["`+base64Of(root)+`",]}`)
	place := s.only(root)
	require.Equal(t, devcert.Denied, place.State)
	require.Contains(t, place.Evidence, filepath.Join(s.managed(), "corp"))
}

func base64Of(cert *x509.Certificate) string { return encode(cert.Raw) }

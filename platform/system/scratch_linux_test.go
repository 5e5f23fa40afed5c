package system

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	_ "embed"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/devcert/chain"
)

//go:embed testdata/debian.sh
var debianTool string

//go:embed testdata/flat.sh
var flatTool string

const (
	fedora, alpine, debian, suse, arch = 0, 1, 2, 3, 4
)

var familyNames = []string{"fedora", "alpine", "debian", "suse", "arch"}

// scratch is a machine of one family below a temporary folder.
type scratch struct {
	t    *testing.T
	root string
	f    family
}

func newScratch(t *testing.T, which int) *scratch {
	t.Helper()
	root := t.TempDir()
	s := &scratch{t: t, root: root, f: families[which].below(root)}
	s.mkdir(s.f.anchors)
	s.mkdir(filepath.Dir(s.f.bundle))
	if which == alpine {
		s.write(filepath.Join(root, families[which].marks[0]), nil)
	}
	base := chain.EncodeCertificates(foreignRoot(t, "Some CA"), foreignRoot(t, "Another CA"))
	s.write(s.f.bundle, base)
	s.write(filepath.Join(root, "base.pem"), base)
	tool := strings.NewReplacer("@ROOT@", root, "@ARGS@", strings.Join(s.f.args, " "),
		"@ANCHORS@", s.f.anchors, "@BUNDLE@", s.f.bundle).Replace(flatTool)
	if which == debian {
		tool = strings.ReplaceAll(debianTool, "@ROOT@", root)
		s.write(s.f.conf, []byte("# the distribution's\nbase/base.crt\n"))
		s.write(filepath.Join(root, "usr/share/ca-certificates/base/base.crt"), base)
		s.mkdir(filepath.Join(root, "etc/ca-certificates/update.d"))
	}
	s.executable("usr/sbin/"+s.f.tool, tool)
	return s
}

func (s *scratch) mkdir(path string) {
	s.t.Helper()
	require.NoError(s.t, os.MkdirAll(path, 0o755))
	for ; path != s.root; path = filepath.Dir(path) {
		require.NoError(s.t, os.Chmod(path, 0o755))
	}
}

func (s *scratch) write(path string, data []byte) {
	s.t.Helper()
	s.mkdir(filepath.Dir(path))
	require.NoError(s.t, os.WriteFile(path, data, 0o644))
	require.NoError(s.t, os.Chmod(path, 0o644))
}

func (s *scratch) executable(path, script string) {
	s.t.Helper()
	s.write(filepath.Join(s.root, path), []byte(script))
	require.NoError(s.t, os.Chmod(filepath.Join(s.root, path), 0o755))
}

func (s *scratch) read(path string) string {
	s.t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(s.t, err)
	return string(data)
}

func (s *scratch) remove(path string) {
	s.t.Helper()
	require.NoError(s.t, os.Remove(path))
}

// rebuild runs the tool as somebody else would.
func (s *scratch) rebuild() {
	s.t.Helper()
	other, err := Changer{Root: s.root}.begin(s.t.Context(), func() {})
	require.NoError(s.t, err)
	defer other.release()
	require.NoError(s.t, runTool(s.t.Context(), other.command))
}

func (s *scratch) runs() int {
	data, _ := os.ReadFile(filepath.Join(s.root, "runs"))
	return strings.Count(string(data), "\n")
}

func (s *scratch) look(m devcert.Material) devcert.Place {
	s.t.Helper()
	store := &Store{Root: s.root, Now: time.Now}
	places := store.Look(s.t.Context(), m)
	require.Len(s.t, places, 1)
	require.Equal(s.t, s.f.bundle, places[0].Path)
	return places[0]
}

// requireState also proves that the look says why.
func (s *scratch) requireState(want devcert.PlaceState, root *x509.Certificate, evidence ...string) {
	s.t.Helper()
	place := s.look(devcert.Material{Root: root})
	require.Equal(s.t, want, place.State, place.Evidence)
	for _, words := range evidence {
		require.Contains(s.t, place.Evidence, words)
	}
	require.Equal(s.t, want == devcert.Trusted, place.Evidence == "")
	require.Equal(s.t, want == devcert.Trusted, place.VerifiedBy != "")
}

func (s *scratch) trust(root *x509.Certificate) error {
	return Changer{Root: s.root}.Trust(context.Background(), root, func() {})
}

func (s *scratch) distrust(root *x509.Certificate) error {
	return Changer{Root: s.root}.Distrust(context.Background(), root, func() {})
}

// listing names every file and link below the scratch root with what it holds.
func (s *scratch) listing() map[string]string {
	s.t.Helper()
	all := make(map[string]string)
	require.NoError(s.t, filepath.WalkDir(s.root, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || entry.Name() == "runs" {
			return err
		}
		if to, err := os.Readlink(path); err == nil {
			all[path] = "-> " + to
			return nil
		}
		data, err := os.ReadFile(path)
		all[path] = string(data)
		return err
	}))
	return all
}

func newHierarchy(t *testing.T) *chain.Hierarchy {
	t.Helper()
	h, err := chain.New(chain.Options{Owner: "anna@birch", Key: chain.ECDSA, Now: time.Now()})
	require.NoError(t, err)
	return h
}

func newRoot(t *testing.T) *x509.Certificate { return newHierarchy(t).Root }

// foreignRoot makes a root that is nobody's we know, with our organization in
// its name if that is in cn.
func foreignRoot(t *testing.T, cn string) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: cn},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	if strings.HasPrefix(cn, "devcert root") {
		template.Subject.Organization = []string{chain.Organization}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return cert
}

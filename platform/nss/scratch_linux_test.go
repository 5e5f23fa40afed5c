package nss

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/platform/elevate"
)

// direct is a privileged child without a pipe, which counts its work.
type direct struct {
	elevate.Handlers
	asked *int
}

func (direct) Ready(context.Context) error { return nil }

func (d direct) Do(ctx context.Context, what string, body any) error {
	*d.asked++
	encoded, err := json.Marshal(body)
	if err != nil {
		return err
	}
	return d.Handlers[what](ctx, encoded, func() {})
}

// scratch is a machine and a user's home below temporary folders.
type scratch struct {
	t     testing.TB
	root  string
	home  string
	asked int
	*Store
}

func newScratch(t testing.TB) *scratch {
	t.Helper()
	s := &scratch{t: t, root: t.TempDir(), home: t.TempDir()}
	s.Store = &Store{
		Root: s.root, Env: []string{"HOME=" + s.home, "PATH=" + filepath.Join(s.home, "bin")},
		Privileged: direct{Changer{Root: s.root}.Handlers(), &s.asked},
	}
	s.mkdir("usr/bin")
	return s
}

func (s *scratch) mkdir(path string) {
	s.t.Helper()
	for _, dir := range (Changer{Root: s.root}).steps(filepath.Join(s.root, path)) {
		if err := os.Mkdir(dir, 0o755); err == nil {
			require.NoError(s.t, os.Chmod(dir, 0o755))
		}
	}
}

// install makes a program of the machine that tells a version.
func (s *scratch) install(name, version string) {
	s.t.Helper()
	path := filepath.Join(s.root, "usr/bin", name)
	require.NoError(s.t, os.WriteFile(path, []byte("#!/bin/sh\necho '"+version+"'\n"), 0o755))
	require.NoError(s.t, os.Chmod(path, 0o755))
}

func (s *scratch) installCertutil() Tool {
	s.t.Helper()
	tool := realTool(s.t)
	require.NoError(s.t, os.Symlink(tool.Path, filepath.Join(s.root, "usr/bin/certutil")))
	return tool
}

func (s *scratch) removeCertutil() {
	s.t.Helper()
	require.NoError(s.t, os.Remove(filepath.Join(s.root, "usr/bin/certutil")))
}

func (s *scratch) below(path string) string { return filepath.Join(s.home, path) }

// policy writes a file of somebody else's into Chromium's folder.
func (s *scratch) policy(name, text string) {
	s.t.Helper()
	s.mkdir("etc/chromium/policies/managed")
	path := filepath.Join(s.managed(), name)
	require.NoError(s.t, os.WriteFile(path, []byte(text), 0o644))
	require.NoError(s.t, os.Chmod(path, 0o644))
}

func (s *scratch) managed() string { return filepath.Join(s.root, "etc/chromium/policies/managed") }
func (s *scratch) own() string     { return filepath.Join(s.managed(), ownName) }

// states maps the paths of all places to their states.
func (s *scratch) states(root *x509.Certificate) map[string]devcert.PlaceState {
	s.t.Helper()
	all := make(map[string]devcert.PlaceState)
	for _, p := range s.Look(context.Background(), devcert.Material{Root: root}) {
		require.NotContains(s.t, all, p.Path)
		require.Equal(s.t, p.State == devcert.Trusted, p.VerifiedBy != "", p)
		require.Equal(s.t, p.State == devcert.Trusted, p.Evidence == "", p)
		all[p.Path] = p.State
	}
	return all
}

// only is the one place there is.
func (s *scratch) only(root *x509.Certificate) devcert.Place {
	s.t.Helper()
	places := s.Look(context.Background(), devcert.Material{Root: root})
	require.Len(s.t, places, 1, fmt.Sprint(places))
	return places[0]
}

func (s *scratch) deploy(root *x509.Certificate) error {
	return s.Deploy(context.Background(), devcert.Material{Root: root})
}

// trust asks the privileged child itself.
func (s *scratch) trust(root *x509.Certificate) error {
	return Changer{Root: s.root}.Trust(context.Background(), root, func() {})
}

// tree lists every file of the machine with what it holds.
func (s *scratch) tree() map[string]string { s.t.Helper(); return tree(s.t, s.root) }

func tree(t testing.TB, folder string) map[string]string {
	t.Helper()
	all := make(map[string]string)
	require.NoError(t, filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		all[path] = info.Mode().String()
		if info.Mode().IsRegular() {
			data, err := os.ReadFile(path)
			all[path] += string(data)
			return err
		}
		return nil
	}))
	return all
}

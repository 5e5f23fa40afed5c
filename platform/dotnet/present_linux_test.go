package dotnet

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPresent(t *testing.T) {
	program := func(t *testing.T, mode os.FileMode, path ...string) {
		file := filepath.Join(path...)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, nil, mode))
	}
	for _, row := range []struct {
		name    string
		prepare func(t *testing.T, s *Store, home string)
		want    bool
	}{
		{"nothing", func(*testing.T, *Store, string) {}, false},
		{"the user's folder", func(t *testing.T, _ *Store, home string) {
			require.NoError(t, os.Mkdir(filepath.Join(home, ".dotnet"), 0o755))
		}, true},
		{"a file in its place", func(t *testing.T, _ *Store, home string) { program(t, 0o644, home, ".dotnet") }, false},
		{"on PATH", func(t *testing.T, s *Store, home string) {
			program(t, 0o755, home, "bin/dotnet")
			s.Env = append(s.Env, "PATH=/nowhere:"+home+"/bin")
		}, true},
		{"on PATH without its mode", func(t *testing.T, s *Store, home string) {
			program(t, 0o644, home, "bin/dotnet")
			s.Env = append(s.Env, "PATH="+home+"/bin")
		}, false},
		{"a folder of that name on PATH", func(t *testing.T, s *Store, home string) {
			require.NoError(t, os.MkdirAll(filepath.Join(home, "bin/dotnet"), 0o755))
			s.Env = append(s.Env, "PATH="+home+"/bin")
		}, false},
		{"where the shell stands", func(t *testing.T, s *Store, home string) {
			program(t, 0o755, home, "dotnet")
			t.Chdir(home)
			s.Env = append(s.Env, "PATH=:.")
		}, false},
		{"DOTNET_ROOT", func(t *testing.T, s *Store, home string) {
			program(t, 0o755, home, "sdk/dotnet")
			s.Env = append(s.Env, "DOTNET_ROOT="+home+"/sdk")
		}, true},
		{"the distribution's", func(t *testing.T, s *Store, _ string) { program(t, 0o755, s.Root, "usr/lib/dotnet/dotnet") }, true},
		{"its folder, left empty", func(t *testing.T, s *Store, _ string) {
			require.NoError(t, os.MkdirAll(filepath.Join(s.Root, "usr/share/dotnet"), 0o755))
		}, false},
		{"where the installer says", func(t *testing.T, s *Store, _ string) {
			program(t, 0o755, s.Root, "opt/net/dotnet")
			program(t, 0o644, s.Root, "etc/dotnet/install_location")
			require.NoError(t, os.WriteFile(filepath.Join(s.Root, "etc/dotnet/install_location"), []byte("/opt/net\n"), 0o644))
		}, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			home := t.TempDir()
			s := &Store{Env: []string{"HOME=" + home}, Root: t.TempDir()}
			row.prepare(t, s, home)
			require.Equal(t, row.want, s.present())
		})
	}
}

// TestHosts: the one that a shell starts comes first, and each comes once.
func TestHosts(t *testing.T) {
	home, root := t.TempDir(), t.TempDir()
	var want []string
	for _, dir := range []string{filepath.Join(home, "bin"), filepath.Join(home, "sdk"), filepath.Join(root, "usr/lib/dotnet"), filepath.Join(home, ".dotnet")} {
		require.NoError(t, os.MkdirAll(dir, 0o755))
		want = append(want, filepath.Join(dir, "dotnet"))
		require.NoError(t, os.WriteFile(want[len(want)-1], nil, 0o755))
	}
	s := &Store{Env: []string{"HOME=" + home, "PATH=" + home + "/bin:" + home + "/sdk", "DOTNET_ROOT=" + home + "/sdk"}, Root: root}
	require.Equal(t, want, s.Hosts())
}

//go:build unix

package teamfile

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
)

// TestFindReadsNothingStrange would hang where a pipe keeps it.
func TestFindReadsNothingStrange(t *testing.T) {
	for _, row := range []struct {
		name, reason string
		plant        func(t *testing.T, dir, path string)
	}{
		{"pipe", "it is a pipe", func(t *testing.T, _, path string) { require.NoError(t, syscall.Mkfifo(path, 0o644)) }},
		{"folder", "it is a folder", func(t *testing.T, _, path string) { require.NoError(t, os.Mkdir(path, 0o755)) }},
		{"device by a link", "it is a link that leads out of the repository", func(t *testing.T, _, path string) {
			require.NoError(t, os.Symlink("/dev/zero", path))
		}},
		{"link out", "it is a link that leads out of the repository", func(t *testing.T, dir, path string) {
			require.NoError(t, os.Symlink("../../theirs.json", path))
		}},
		{"link to nothing", "it is not there", func(t *testing.T, _, path string) { require.NoError(t, os.Symlink("nothing", path)) }},
		{"pipe by a link", "it is a pipe", func(t *testing.T, dir, path string) {
			require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "repo", "pipe"), 0o644))
			require.NoError(t, os.Symlink("../pipe", path))
		}},
		{"another's file", "it is owned by user 12345678", func(t *testing.T, _, path string) {
			require.NoError(t, os.WriteFile(path, []byte("{}"), 0o644))
			chown(t, path)
		}},
		{"another's folder", "its folder is owned by user 12345678", func(t *testing.T, _, path string) {
			require.NoError(t, os.WriteFile(path, []byte("{}"), 0o644))
			chown(t, filepath.Dir(path))
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir := tree(t, "theirs.json", "repo/.git/", "repo/a/")
			path := filepath.Join(dir, "repo", "a", devcert.TeamFileName)
			row.plant(t, dir, path)
			_, err := Files{}.Find(filepath.Join(dir, "repo", "a"))
			requireNotRead(t, err, row.reason)
		})
	}
}

// chown gives a file away, which only root can.
func chown(t *testing.T, path string) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	require.NoError(t, os.Chown(path, 12345678, -1))
}

func TestLinksInsideAreFollowed(t *testing.T) {
	dir := tree(t, "repo/.git/", "repo/eng/team.json", "repo/a/")
	require.NoError(t, os.Symlink("../eng/team.json", filepath.Join(dir, "repo", "a", devcert.TeamFileName)))
	s, err := Files{}.Find(filepath.Join(dir, "repo", "a"))
	require.NoError(t, err)
	require.Equal(t, "repo/eng/team.json", string(s.Data))
}

func TestAProjectBehindALinkIsOutside(t *testing.T) {
	away := tree(t, "Web/Properties/launchSettings.json")
	dir := tree(t, ".git/", "devcert.json", "pipe/Properties/")
	require.NoError(t, os.Symlink(filepath.Join(away, "Web"), filepath.Join(dir, "Web")))
	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "pipe", "Properties", "launchSettings.json"), 0o644))
	s, err := Files{}.Find(dir)
	require.NoError(t, err)
	_, _, err = s.Project("Web", false)
	require.ErrorIs(t, err, devcert.ErrOutside)
	_, data, err := s.Project("Web", true)
	require.NoError(t, err)
	require.NotEmpty(t, data)
	_, _, err = s.Project("pipe", false)
	requireNotRead(t, err, "it is a pipe")
}

// TestWhoseFileIsNamed: under sudo a stranger's is refused, else a person's word counts.
func TestWhoseFileIsNamed(t *testing.T) {
	dir := tree(t, "team.json")
	path := filepath.Join(dir, "team.json")
	_, err := Files{Sudo: true}.Open(path)
	require.NoError(t, err)
	chown(t, path)
	_, err = Files{Sudo: true}.Open(path)
	requireNotRead(t, err, "it is owned by user 12345678")
	_, err = Files{}.Open(path)
	require.NoError(t, err)
}

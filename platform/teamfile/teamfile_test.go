package teamfile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
)

// tree makes files, and folders where the name ends in a slash.
func tree(t *testing.T, names ...string) string {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	for _, name := range names {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if strings.HasSuffix(name, "/") {
			require.NoError(t, os.MkdirAll(path, 0o755))
			continue
		}
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(name), 0o644))
	}
	return dir
}

func TestFind(t *testing.T) {
	for _, row := range []struct {
		name  string
		files []string
		from  string
		home  string
		found string
	}{
		{"here", []string{"a/devcert.json", "a/.git/"}, "a", "", "a/devcert.json"},
		{"above", []string{"a/devcert.json", "a/.git/", "a/b/c/"}, "a/b/c", "", "a/devcert.json"},
		{"the nearest", []string{"a/devcert.json", "a/.git/", "a/b/devcert.json", "a/b/c/"}, "a/b/c", "", "a/b/devcert.json"},
		{"not above the repository", []string{"devcert.json", ".git/", "a/.git/", "a/b/"}, "a/b", "", ""},
		{"nor above a worktree or submodule", []string{"devcert.json", ".git/", "a/.git", "a/b/"}, "a/b", "", ""},
		{"in the home", []string{"home/devcert.json", "home/a/"}, "home/a", "home", "home/devcert.json"},
		{"not above the home", []string{"devcert.json", ".git/", "home/a/"}, "home/a", "home", ""},
		{"nothing", []string{".git/", "a/"}, "a", "", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir := tree(t, row.files...)
			s, err := Files{Home: filepath.Join(dir, row.home)}.Find(filepath.Join(dir, filepath.FromSlash(row.from)))
			require.NoError(t, err)
			if row.found == "" {
				require.Nil(t, s)
				return
			}
			require.Equal(t, filepath.Join(dir, filepath.FromSlash(row.found)), s.Path)
			require.Equal(t, row.found, string(s.Data))
		})
	}
}

func TestProjects(t *testing.T) {
	const launch = "/Properties/launchSettings.json"
	dir := tree(t, ".git/", "eng/devcert.json", "src/Web"+launch, "eng/Tool"+launch)
	away := tree(t, "Web"+launch)
	s, err := Files{}.Find(filepath.Join(dir, "eng"))
	require.NoError(t, err)
	for _, row := range []struct{ folder, data string }{
		{"Tool", "eng/Tool" + launch}, {"./Tool/", "eng/Tool" + launch}, {"../src/Web", "src/Web" + launch}, {"../../x/../src", ""},
	} {
		_, data, err := s.Project(row.folder, false)
		if row.data == "" {
			require.ErrorIs(t, err, devcert.ErrOutside, row.folder)
			continue
		}
		require.NoError(t, err, row.folder)
		require.Equal(t, row.data, string(data))
	}
	absolute := filepath.ToSlash(away) + "/Web"
	for _, folder := range []string{absolute, "../../Web", "../..", "/etc"} {
		_, _, err := s.Project(folder, false)
		require.ErrorIs(t, err, devcert.ErrOutside, folder)
	}
	_, data, err := s.Project(absolute, true)
	require.NoError(t, err)
	require.Equal(t, "Web"+launch, string(data))
	_, _, err = s.Project("nowhere", false)
	requireNotRead(t, err, "it is not there")
}

func requireNotRead(t *testing.T, err error, reason string) {
	t.Helper()
	var not *devcert.NotRead
	require.ErrorAs(t, err, &not)
	require.Equal(t, reason, not.Reason)
	require.True(t, filepath.IsAbs(not.Path), not.Path)
}

func TestOpen(t *testing.T) {
	dir := tree(t, "a/team.json", "a/b/")
	s, err := Files{}.Open(filepath.Join(dir, "a", "b", "..", "team.json"))
	require.NoError(t, err)
	require.Equal(t, filepath.Join(dir, "a", "team.json"), s.Path)
	_, err = Files{}.Open(filepath.Join(dir, "a"))
	requireNotRead(t, err, "it is a folder")
	_, err = Files{}.Open(filepath.Join(dir, "none.json"))
	requireNotRead(t, err, "it is not there")
	_, err = Files{}.Open(filepath.Join(dir, "none", "none.json"))
	requireNotRead(t, err, "it is not there")
}

func TestNoMoreIsReadThanCounts(t *testing.T) {
	dir := tree(t, ".git/")
	path := filepath.Join(dir, devcert.TeamFileName)
	f, err := os.Create(path)
	require.NoError(t, err)
	require.NoError(t, f.Truncate(4<<20))
	require.NoError(t, f.Close())
	s, err := Files{}.Find(dir)
	require.NoError(t, err)
	require.Len(t, s.Data, devcert.MaxTeamFile+1)
	_, err = devcert.ParseTeamFile("x", s.Data, "")
	require.ErrorContains(t, err, "x:1:1: larger than")
}

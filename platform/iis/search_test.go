package iis

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestProjectConfigs(t *testing.T) {
	const file = "applicationhost.config"
	for _, row := range []struct {
		name   string
		places []string // folders below the top that have a configuration
		work   string   // has a .git
		want   []string
	}{
		{"nothing", nil, "", nil},
		{"of the folder", []string{"a/b/.vs/App/config"}, "", []string{"a/b/.vs/App/config"}},
		{"of Visual Studio 2017", []string{"a/b/.vs/config"}, "", []string{"a/b/.vs/config"}},
		{"upwards, nearest first", []string{".vs/Top/config", "a/.vs/App/config"}, "", []string{"a/.vs/App/config", ".vs/Top/config"}},
		{"upwards to the work tree", []string{".vs/Other/config", "a/.vs/App/config"}, "a", []string{"a/.vs/App/config"}},
		{"below, nearest first", []string{"a/b/c/d/e/.vs/E/config", "a/b/z/.vs/Z/config"}, "", []string{"a/b/z/.vs/Z/config", "a/b/c/d/e/.vs/E/config"}},
		{"too far below", []string{"a/b/c/d/e/f/.vs/F/config"}, "", nil},
		{"beside the way up", []string{"a/other/.vs/O/config"}, "", nil},
		{"in packages and hidden folders", []string{"a/b/node_modules/x/.vs/X/config", "a/b/.cache/.vs/X/config", "a/b/bin/.vs/X/config"}, "", nil},
		{"elsewhere in .vs", []string{"a/b/.vs/App/v17/config", "a/b/.vs/App"}, "", nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			top := t.TempDir()
			require.NoError(t, os.MkdirAll(filepath.Join(top, "a", "b"), 0o700))
			require.NoError(t, os.MkdirAll(filepath.Join(top, row.work, ".git"), 0o700)) // nothing above is looked at
			for _, p := range row.places {
				place(t, host(""), top, filepath.FromSlash(p), file)
			}
			var want []string
			for _, p := range row.want {
				want = append(want, filepath.Join(top, filepath.FromSlash(p), file))
			}
			assert.Equal(t, want, projectConfigs(t.Context(), filepath.Join(top, "a", "b")))
		})
	}
	assert.Empty(t, projectConfigs(t.Context(), ""), "the folder is not known")
}

// What a link leads to may be another's, or the same folder without an end.
func TestProjectConfigsBehindLinks(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("links need a right there")
	}
	top, other := t.TempDir(), t.TempDir()
	path := place(t, host(""), other, ".vs", "App", "config", "applicationhost.config")
	here := filepath.Join(top, "a")
	require.NoError(t, os.MkdirAll(filepath.Join(here, "b", ".vs", "App", "config"), 0o700))
	require.NoError(t, os.MkdirAll(filepath.Join(here, ".git"), 0o700))
	for at, to := range map[string]string{
		"linked": other, ".vs": filepath.Join(other, ".vs"), "loop": here,
		filepath.Join("b", ".vs", "Other"):                                   filepath.Join(other, ".vs", "App"),
		filepath.Join("b", ".vs", "App", "config", "applicationhost.config"): path,
	} {
		require.NoError(t, os.Symlink(to, filepath.Join(here, at)))
	}
	assert.Empty(t, projectConfigs(t.Context(), here))
}

func TestTheSearchIsBounded(t *testing.T) {
	top := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(top, ".git"), 0o700))
	for i := range maxProjects + 5 {
		place(t, host(""), top, strconv.Itoa(i), ".vs", "App", "config", "applicationhost.config")
	}
	assert.Len(t, projectConfigs(t.Context(), top), maxProjects)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	assert.Empty(t, projectConfigs(ctx, top), "the time is over")

	s := &search{ctx: t.Context(), folders: maxFolders}
	s.down(top)
	assert.Empty(t, s.found, "so are the folders")
}

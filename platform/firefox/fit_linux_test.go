package firefox

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
)

// A list of profiles can name any folder.
func TestFoldersThatAListNames(t *testing.T) {
	const base = ".mozilla/firefox"
	root := newHierarchy(t).Root
	theirs := func(t *testing.T) string {
		if os.Geteuid() != 0 {
			t.Skip("needs root, to give a folder to another user")
		}
		dir := mkdir(t, t.TempDir(), "theirs")
		write(t, "{}", dir, "times.json")
		require.NoError(t, os.Chown(dir, 65534, 65534))
		return dir
	}
	link := func(t *testing.T, w *world, to string) string {
		require.NoError(t, os.Symlink(to, filepath.Join(w.home, base, "link")))
		return "link"
	}
	const empty, foreign = "nothing of Firefox's is in it", "it belongs to another user"
	for _, row := range []struct {
		name  string
		named func(t *testing.T, w *world) string // as it stands in the list
		unfit string                              // why; "" for none
	}{
		{"beside the folder, used", func(t *testing.T, w *world) string {
			write(t, "{}", w.home, "profiles/mine/times.json")
			return "../../profiles/mine"
		}, ""},
		{"elsewhere, used", func(t *testing.T, _ *world) string {
			return filepath.Dir(write(t, "", t.TempDir(), "prefs.js"))
		}, ""},
		{"beside the folder, empty", func(t *testing.T, w *world) string { mkdir(t, w.home, "documents"); return "../../documents" }, empty},
		{"the home folder", func(*testing.T, *world) string { return "../.." }, empty},
		{"the folder with the list", func(*testing.T, *world) string { return "." }, empty},
		{"another user's", func(t *testing.T, _ *world) string { return theirs(t) }, foreign},
		{"a link to another user's", func(t *testing.T, w *world) string { return link(t, w, theirs(t)) }, foreign},
		{"a link to the user's own", func(t *testing.T, w *world) string { return link(t, w, mkdir(t, t.TempDir(), "memory")) }, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t).withCertutil()
			w.profiles("good")
			named := row.named(t, w)
			path, relative := named, "0"
			if !filepath.IsAbs(named) {
				path, relative = filepath.Join(w.home, base, named), "1"
			}
			list := filepath.Join(w.home, base, "profiles.ini")
			good, err := os.ReadFile(list)
			require.NoError(t, err)
			write(t, string(good)+"[Profile7]\nName=odd\nIsRelative="+relative+"\nPath="+named+"\n", list)

			require.NoError(t, w.store.Deploy(t.Context(), devcert.Material{Root: root}))
			places := w.store.Look(t.Context(), devcert.Material{Root: root})
			require.Len(t, places, 2)
			require.Equal(t, devcert.Trusted, places[0].State, "the others are done")
			odd := places[slices.IndexFunc(places, func(p devcert.Place) bool { return p.Path == path })]
			if row.unfit == "" {
				require.Equal(t, devcert.Trusted, odd.State, odd.Evidence)
			} else {
				require.Equal(t, devcert.Unknown, odd.State)
				require.Contains(t, odd.Evidence, row.unfit)
				require.Contains(t, odd.Remedy, list)
				require.NoFileExists(t, filepath.Join(path, "cert9.db"))
			}
			require.NoError(t, w.store.Withdraw(t.Context(), root))
			require.Equal(t, row.unfit != "", w.states(root)[filepath.Base(path)] == devcert.Unknown)
		})
	}
}

// What cannot be looked at is not taken for what is not there.
func TestAProfileBehindAClosedFolder(t *testing.T) {
	w := newWorld(t).withCertutil()
	w.profiles("good")
	loop := filepath.Join(w.home, ".mozilla/firefox/loop")
	require.NoError(t, os.Symlink("loop", loop))
	write(t, "[Profile0]\nName=good\nIsRelative=1\nPath=abcdefgh.good\n[Profile1]\nName=loop\nIsRelative=1\nPath=loop\n", filepath.Dir(loop), "profiles.ini")
	place := w.look(newHierarchy(t).Root)["loop"]
	require.Equal(t, devcert.Unknown, place.State)
	require.Contains(t, place.Evidence, loop)
	require.Contains(t, place.Remedy, loop)
}

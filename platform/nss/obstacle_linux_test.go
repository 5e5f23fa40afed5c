package nss

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// What will keep certutil from adding a root is seen without trying.
func TestObstacles(t *testing.T) {
	tool := realTool(t)
	for _, row := range []struct {
		name   string
		dir    func(t *testing.T) string
		remedy string // "" where nothing is in the way
	}{
		{"a new database", func(t *testing.T) string { return newDatabase(t, tool) }, ""},
		{"one with certificates", func(t *testing.T) string {
			dir := newDatabase(t, tool)
			require.NoError(t, tool.Add(t.Context(), dir, newRoot(t)))
			return dir
		}, ""},
		{"one without keys", func(t *testing.T) string {
			dir := newDatabase(t, tool)
			require.NoError(t, os.Remove(filepath.Join(dir, keyFile)))
			return dir
		}, ""},
		{"none", func(t *testing.T) string { return filepath.Join(t.TempDir(), "nssdb") }, ""},
		{"a password", func(t *testing.T) string { dir, _ := newProtected(t, tool); return dir }, "password"},
		{"garbage", func(t *testing.T) string {
			dir := newDatabase(t, tool)
			require.NoError(t, os.WriteFile(filepath.Join(dir, certFile), []byte("x"), 0o600))
			return dir
		}, certFile},
		{"cut", func(t *testing.T) string {
			dir := newDatabase(t, tool)
			require.NoError(t, os.Truncate(filepath.Join(dir, certFile), 3000))
			return dir
		}, "certutil"},
		{"a lock", func(t *testing.T) string {
			dir := newDatabase(t, tool)
			t.Cleanup(lockLike(t, dir, lockStart, 512))
			return dir
		}, certFile},
		{"a file above", func(t *testing.T) string {
			file := filepath.Join(t.TempDir(), "file")
			require.NoError(t, os.WriteFile(file, nil, 0o600))
			return filepath.Join(file, "nssdb")
		}, "file"},
		{"a link to nothing", func(t *testing.T) string {
			link := filepath.Join(t.TempDir(), "link")
			require.NoError(t, os.Symlink("nothing", link))
			return filepath.Join(link, "nssdb")
		}, "link"},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir := row.dir(t)
			before := tree(t, filepath.Dir(dir))
			err := tool.Obstacle(t.Context(), dir)
			require.Equal(t, before, tree(t, filepath.Dir(dir)), "looking changed something")
			if row.remedy != "" {
				requireRemedy(t, err, row.remedy)
				require.ErrorContains(t, err, dir)
			} else {
				require.NoError(t, err)
			}
			err = tool.Install(t.Context(), dir, newRoot(t))
			require.Equal(t, row.remedy != "", err != nil, "%v", err)
		})
	}
}

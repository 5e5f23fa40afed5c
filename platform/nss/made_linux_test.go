package nss

import (
	"crypto/x509/pkix"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
)

// What devcert made goes with its last root, and not when somebody else uses it.
func TestWhatWasMadeGoes(t *testing.T) {
	tool, root := realTool(t), newRoot(t)
	write := func(name, text string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
		}
	}
	const inside = ".local/share/pki/nssdb"
	for _, row := range []struct {
		name  string
		since func(t *testing.T, dir string)
		stays string // the innermost folder that is left, below the home
		// database and marked say whether it is left, and may yet go.
		database, marked bool
	}{
		{name: "nothing", since: func(*testing.T, string) {}},
		{name: "a certificate that came and went", since: func(t *testing.T, dir string) {
			addForeign(t, tool, dir)
			certutil(t, tool, dir, nil, "-D", "-n", "theirs")
		}},
		{name: "a mark with too many folders", since: write(markName, `{"folders":99}`)},
		{name: "a mark with none", since: write(markName, `{"folders":-1}`), stays: inside},
		{name: "a garbled mark", since: write(markName, "{"), stays: inside, database: true},
		{name: "no mark", since: func(t *testing.T, dir string) {
			require.NoError(t, unmark(dir))
		}, stays: inside, database: true},
		{name: "a file beside it", since: write("../x", ""), stays: ".local/share/pki"},
		{name: "a certificate of others", since: func(t *testing.T, dir string) { addForeign(t, tool, dir) }, stays: inside, database: true},
		{name: "another root of devcert's", since: func(t *testing.T, dir string) {
			require.NoError(t, tool.Add(t.Context(), dir, newRoot(t)))
		}, stays: inside, database: true, marked: true},
		{name: "a key", since: func(t *testing.T, dir string) {
			noise := filepath.Join(t.TempDir(), "noise")
			require.NoError(t, os.WriteFile(noise, make([]byte, 100), 0o600))
			certutil(t, tool, dir, nil, "-G", "-k", "ec", "-q", "nistp256", "-z", noise)
		}, stays: inside, database: true},
		{
			name: "a module", since: write(modulesFile, "library=\nname=NSS\n\nlibrary=/usr/lib/opensc-pkcs11.so\nname=card\n"),
			stays: inside, database: true,
		},
		{name: "a profile around it", since: write("prefs.js", ""), stays: inside},
		{name: "a browser that has it open", since: func(t *testing.T, dir string) {
			file, err := os.Open(filepath.Join(dir, keyFile))
			require.NoError(t, err)
			t.Cleanup(func() { _ = file.Close() })
		}, stays: inside, database: true},
	} {
		t.Run(row.name, func(t *testing.T) {
			home := t.TempDir()
			dir := filepath.Join(home, inside)
			require.NoError(t, tool.Install(t.Context(), dir, root))
			requireState(t, tool, dir, devcert.Trusted, root)
			row.since(t, dir)
			require.NoError(t, tool.Remove(t.Context(), dir, root))
			requireState(t, tool, dir, devcert.Missing, root)
			require.Equal(t, row.database, exists(filepath.Join(dir, certFile)))
			require.Equal(t, row.database, exists(filepath.Join(dir, keyFile)))
			_, marked := readMark(dir)
			require.Equal(t, row.marked, marked)
			innermost := dir
			for innermost != home && !exists(innermost) {
				innermost = filepath.Dir(innermost)
			}
			require.Equal(t, filepath.Join(home, row.stays), innermost)
		})
	}
}

func addForeign(t *testing.T, tool Tool, dir string) {
	t.Helper()
	ca := foreignCA(t, pkix.Name{CommonName: "theirs"}, time.Now().AddDate(1, 0, 0))
	certutil(t, tool, dir, ca.Raw, "-A", "-t", "C,,", "-n", "theirs")
}

// Of a database that could not be made or given the root nothing is left.
func TestNothingIsLeftOfAFailure(t *testing.T) {
	realTool(t)
	for name, script := range map[string]string{
		"it cannot be made": "exit 1",
		"it takes no roots": `case "$*" in *-A*) exit 1;; *) exec /usr/bin/certutil "$@";; esac`,
		"it dies meanwhile": `case "$*" in *-A*) kill -9 $$;; *) exec /usr/bin/certutil "$@";; esac`,
	} {
		t.Run(name, func(t *testing.T) {
			broken := Tool{filepath.Join(t.TempDir(), "certutil")}
			require.NoError(t, os.WriteFile(broken.Path, []byte("#!/bin/sh\n"+script+"\n"), 0o755))
			home := t.TempDir()
			err := broken.Install(t.Context(), filepath.Join(home, ".local/share/pki/nssdb"), newRoot(t))
			requireRemedy(t, err, home)
			entries, err := os.ReadDir(home)
			require.NoError(t, err)
			require.Empty(t, entries)
		})
	}
}

// Keys that are there are somebody's, and so is what is made beside them.
func TestKeysWithoutCertificates(t *testing.T) {
	tool, root := realTool(t), newRoot(t)
	for name, password := range map[string]bool{"without a password": false, "with one": true} {
		t.Run(name, func(t *testing.T) {
			dir := newDatabase(t, tool)
			if password {
				dir, _ = newProtected(t, tool)
			}
			require.NoError(t, os.Remove(filepath.Join(dir, certFile)))
			before := files(t, dir)[keyFile]
			err := tool.Install(t.Context(), dir, root)
			if password {
				requireRemedy(t, err, "password")
				require.Equal(t, before, files(t, dir)[keyFile])
				requireState(t, tool, dir, devcert.Missing, root)
				return
			}
			require.NoError(t, err)
			requireState(t, tool, dir, devcert.Trusted, root)
			require.NoError(t, tool.Remove(t.Context(), dir, root))
			require.FileExists(t, filepath.Join(dir, keyFile))
			require.FileExists(t, filepath.Join(dir, certFile))
		})
	}
}

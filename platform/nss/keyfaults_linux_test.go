package nss

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert/chain"
	"devcert/platform/run"
)

// A key needs the password of the database: nothing is left behind without it, and
// nobody is asked.
func TestKeysOfADatabaseWithAPassword(t *testing.T) {
	keys := realKeys(t)
	dir, password := newProtected(t, keys.Tool)
	alice := newClients(t).issue("alice", newKey(t, chain.RSA))
	keys.requireOffers(t, false, dir, alice.Cert)
	before := files(t, dir)
	err := keys.Offer(t.Context(), dir, alice)
	require.EqualError(t, err, "give the NSS database in "+dir+" a certificate with its key: it has a password (SEC_ERROR_BAD_PASSWORD)")
	requireRemedy(t, err, "pk12util -d 'sql:"+dir+"' -i FILE.pfx")
	require.Equal(t, before, files(t, dir))
	require.NoError(t, keys.Withdraw(t.Context(), dir, alice.Cert))

	pfx, err := chain.EncodePFX(chain.PFXModern, alice.Pair, nil, "word")
	require.NoError(t, err)
	file, word := filepath.Join(t.TempDir(), "alice.pfx"), filepath.Join(t.TempDir(), "word")
	require.NoError(t, os.WriteFile(file, pfx, 0o600))
	require.NoError(t, os.WriteFile(word, []byte("word"), 0o600))
	byHand := run.Command{Path: string(keys.importer), Args: []string{"-d", "sql:" + dir, "-k", password, "-i", file, "-w", word}}
	_, err = byHand.Run(t.Context())
	require.NoError(t, err)
	_, err = keys.Offers(t.Context(), dir, alice.Cert)
	requireRemedy(t, err, "certutil -d 'sql:"+dir+"' -K")
	requireRemedy(t, keys.Withdraw(t.Context(), dir, alice.Cert), "certutil -d 'sql:"+dir+"' -F -n NICKNAME")
	keys.requireHas(t, true, dir, alice.Cert)
}

// The same with a terminal, where pk12util would ask.
func TestPasswordIsNotAskedForKeys(t *testing.T) {
	keys := realKeys(t)
	if os.Getenv("NSS_TEST_TERMINAL") != "" {
		dir, _ := newProtected(t, keys.Tool)
		require.ErrorContains(t, keys.importer.importPair(t.Context(), dir, newClients(t).issue("alice", newKey(t, chain.ECDSA)).Pair), "pk12util: ")
		return
	}
	script, err := exec.LookPath("script")
	if err != nil {
		t.Skip("script, which makes a terminal, is not installed")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, script, "-qec", os.Args[0]+" -test.run=^TestPasswordIsNotAskedForKeys$", os.DevNull)
	cmd.Env = append(os.Environ(), "NSS_TEST_TERMINAL=1")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	require.Contains(t, string(out), "PASS")
}

func TestKeysLocked(t *testing.T) {
	keys := realKeys(t)
	dir, alice := newDatabase(t, keys.Tool), newClients(t).issue("alice", newKey(t, chain.ECDSA))
	unlock := lockLike(t, dir, lockStart, lockLength)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	err := keys.Offer(ctx, dir, alice)
	require.ErrorContains(t, err, "is locked by")
	requireRemedy(t, err, "close the browser")
	unlock()
	require.NoError(t, keys.Offer(t.Context(), dir, alice))
	keys.requireOffers(t, true, dir, alice.Cert)
}

func TestKeysReadOnly(t *testing.T) {
	keys := realKeys(t)
	if dir := os.Getenv("NSS_TEST_READONLY"); dir != "" {
		der, err := os.ReadFile(filepath.Join(dir, "alice.der"))
		require.NoError(t, err)
		alice := certificates(der)[0]
		requireRemedy(t, keys.Offer(t.Context(), dir, newClients(t).issue("bob", newKey(t, chain.ECDSA))), "make "+dir+" writable")
		requireRemedy(t, keys.Withdraw(t.Context(), dir, alice), "make "+dir+" writable")
		keys.requireHas(t, true, dir, alice)
		there, err := keys.Offers(t.Context(), dir, alice)
		require.NoError(t, err)
		require.True(t, there)
		return
	}
	dir, alice := newDatabase(t, keys.Tool), newClients(t).issue("alice", newKey(t, chain.ECDSA))
	require.NoError(t, keys.Offer(t.Context(), dir, alice))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "alice.der"), alice.Cert.Raw, 0o600))
	runReadOnly(t, dir, "alice.der")
}

// standIn is a pk12util that does what a test says.
func standIn(t *testing.T, text string) importer {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pk12util")
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o700))
	return importer(path)
}

// What fails leaves nothing behind.
func TestImportFails(t *testing.T) {
	keys := realKeys(t)
	for _, row := range []struct{ name, text, want string }{
		{"it fails", "echo no such thing >&2; exit 7", "pk12util: exit status 7: no such thing"},
		{"it does nothing", "exit 0", "pk12util said that it did, and the key is not there"},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir, alice := newDatabase(t, keys.Tool), newClients(t).issue("alice", newKey(t, chain.ECDSA))
			keys.importer = standIn(t, row.text)
			require.ErrorContains(t, keys.Offer(t.Context(), dir, alice), row.want)
			requireEmpty(t, dir)

			dir = filepath.Join(t.TempDir(), "new", "nssdb")
			require.ErrorContains(t, keys.Offer(t.Context(), dir, alice), row.want)
			require.NoDirExists(t, filepath.Dir(dir), "what was made for it stays")
		})
	}
}

func TestImportEndsWithItsTime(t *testing.T) {
	ctx, cancel := context.WithTimeoutCause(t.Context(), 200*time.Millisecond, errors.New("its time is over"))
	defer cancel()
	began := time.Now()
	err := standIn(t, "exec sleep 60").importPFX(ctx, t.TempDir(), nil, "")
	require.EqualError(t, err, "pk12util: its time is over")
	require.Less(t, time.Since(began), 30*time.Second)
}

// Key and password are in no argument, variable or named file.
func TestImportTellsNobody(t *testing.T) {
	seen := t.TempDir()
	tool := standIn(t, `cd `+seen+`
tr '\0' '\n' </proc/self/environ >environ
printf '%s\n' "$@" >argv
while [ $# -gt 0 ]; do
  case $1 in -i) cat "$2" >pfx; readlink "$2" >where;; -w) cat "$2" >password;; esac
  shift
done`)
	pair := newClients(t).issue("alice", newKey(t, chain.ECDSA)).Pair
	require.NoError(t, tool.importPair(t.Context(), "/db", pair))
	read := func(name string) string {
		data, err := os.ReadFile(filepath.Join(seen, name))
		require.NoError(t, err)
		return string(data)
	}
	require.Equal(t, "-d\nsql:/db\n-k\n/dev/null\n-i\n/proc/self/fd/3\n-w\n/proc/self/fd/4\n", read("argv"))
	require.NotContains(t, read("environ"), read("password"))
	require.Contains(t, read("where"), "memfd:devcert-pfx")
	got, err := chain.DecodePFX([]byte(read("pfx")), read("password"))
	require.NoError(t, err)
	require.True(t, chain.SameKey(pair.Cert, got.Key))
}

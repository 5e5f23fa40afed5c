package disk

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/scripts/fuzzlimit"
)

func TestRevoked(t *testing.T) {
	f, h := newFolder(t), sample(t, 0)
	all, err := f.Revoked()
	require.NoError(t, err)
	require.Empty(t, all, "no file, and nothing was revoked")
	leaf := h.Leaf.Cert
	number, err := f.WriteRevoked([]Revocation{Revoke("alice", leaf, noon)})
	require.NoError(t, err)
	require.Equal(t, 1, number)
	requireMode(t, f.path(RevokedFile), PrivateMode)
	all, err = f.Revoked()
	require.NoError(t, err)
	require.True(t, IsRevoked(all, leaf))
	require.False(t, IsRevoked(all, h.Intermediate.Cert))
	require.Len(t, RevokedBy(all, h.Intermediate.Cert), 1)
	require.Empty(t, RevokedBy(all, h.ClientIntermediate.Cert))
	require.Equal(t, "alice", all[0].Name)
	for name, text := range map[string]string{
		"empty": "", "no schema": `{"revoked":[]}`, "a newer one": `{"schema":2}`, "no number": `{"schema":1,"revoked":[{"issuer":"ab","serial":"x","at":"2026-01-01T00:00:00Z","name":""}]}`,
		"negative":            `{"schema":1,"revoked":[{"issuer":"ab","serial":"-1","at":"2026-01-01T00:00:00Z","name":""}]}`,
		"nobody's":            `{"schema":1,"revoked":[{"issuer":"","serial":"1","at":"2026-01-01T00:00:00Z","name":""}]}`,
		"a number below none": `{"schema":1,"number":-1,"revoked":[]}`, "one that cannot grow": `{"schema":1,"number":9223372036854775807,"revoked":[]}`,
		"no time": `{"schema":1,"revoked":[{"issuer":"ab","serial":"1","name":""}]}`, "more": `{"schema":1,"revoked":[]} {}`,
	} {
		require.NoError(t, os.WriteFile(f.path(RevokedFile), []byte(text), 0o600))
		_, err := f.Revoked()
		require.ErrorContains(t, err, RevokedFile, name)
	}
}

// A list that was deleted, or put back as it once was, has lost what the ledger
// knows to have been revoked; a ledger that was left behind loses nothing.
func TestALostListIsKnownOf(t *testing.T) {
	f, h := newFolder(t), sample(t, 0)
	note := func(number int) {
		data, err := (&Ledger{Revoked: number}).Encode()
		require.NoError(t, err)
		write(t, f.path(LedgerFile), data)
	}
	_, err := f.WriteRevoked([]Revocation{Revoke("alice", h.Leaf.Cert, noon)})
	require.NoError(t, err)
	note(1)
	older := read(t, f.path(RevokedFile))
	_, err = f.WriteRevoked([]Revocation{Revoke("alice", h.Leaf.Cert, noon), Revoke("bob", h.Intermediate.Cert, noon)})
	require.NoError(t, err)
	all, err := f.Revoked()
	require.NoError(t, err, "the run was killed before the ledger was written")
	require.Len(t, all, 2)
	note(2)
	_, err = f.Revoked()
	require.NoError(t, err)
	write(t, f.path(RevokedFile), older)
	_, err = f.Revoked()
	require.ErrorIs(t, err, errRevokedOld)
	require.NoError(t, os.Remove(f.path(RevokedFile)))
	_, err = f.Revoked()
	require.ErrorIs(t, err, errRevokedLost)
	require.Equal(t, []string{"revoked.json: unreadable"}, damages(snapshot(t, f)))
	_, err = f.WriteRevoked(nil)
	require.ErrorIs(t, err, errRevokedLost, "and is not begun anew")
	note(0)
	_, err = f.Revoked()
	require.NoError(t, err)
}

// FuzzParseRevoked: whatever is read can be written and read again.
func FuzzParseRevoked(f *testing.F) {
	f.Add([]byte(`{"schema":1,"revoked":[{"issuer":"ab","serial":"7f","at":"2026-01-01T00:00:00Z","name":"alice"}]}`))
	f.Add([]byte(`{"schema":1,"revoked":[]}`))
	f.Add([]byte(`{"schema":1,"revoked":[{"issuer":"ab","serial":"1","at":"9999-12-31T23:59:59-01:00","name":""}]}`))
	folder := newFolder(f)
	fuzzlimit.Fuzz(f, func(t *testing.T, data []byte) {
		all, number, err := parseRevoked(data)
		if err != nil {
			return
		}
		write(t, folder.path(RevokedFile), data)
		next, err := folder.WriteRevoked(all)
		require.NoError(t, err)
		require.Equal(t, number+1, next)
		again, err := folder.Revoked()
		require.NoError(t, err)
		require.Len(t, again, len(all))
		for i := range all {
			require.Zero(t, all[i].Serial.Cmp(again[i].Serial))
			require.Equal(t, all[i].Issuer, again[i].Issuer)
		}
	})
}

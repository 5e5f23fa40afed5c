package disk

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRevoked(t *testing.T) {
	f, h := newFolder(t), sample(t, 0)
	all, err := f.Revoked()
	require.NoError(t, err)
	require.Empty(t, all, "no file, and nothing was revoked")
	leaf := h.Leaf.Cert
	require.NoError(t, f.WriteRevoked([]Revocation{Revoke("alice", leaf, noon)}))
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
		"negative": `{"schema":1,"revoked":[{"issuer":"ab","serial":"-1","at":"2026-01-01T00:00:00Z","name":""}]}`,
		"nobody's": `{"schema":1,"revoked":[{"issuer":"","serial":"1","at":"2026-01-01T00:00:00Z","name":""}]}`,
		"no time":  `{"schema":1,"revoked":[{"issuer":"ab","serial":"1","name":""}]}`, "more": `{"schema":1,"revoked":[]} {}`,
	} {
		require.NoError(t, os.WriteFile(f.path(RevokedFile), []byte(text), 0o600))
		_, err := f.Revoked()
		require.ErrorContains(t, err, RevokedFile, name)
	}
}

// FuzzParseRevoked: whatever is read can be written and read again.
func FuzzParseRevoked(f *testing.F) {
	f.Add([]byte(`{"schema":1,"revoked":[{"issuer":"ab","serial":"7f","at":"2026-01-01T00:00:00Z","name":"alice"}]}`))
	f.Add([]byte(`{"schema":1,"revoked":[]}`))
	f.Add([]byte(`{"schema":1,"revoked":[{"issuer":"ab","serial":"1","at":"9999-12-31T23:59:59-01:00","name":""}]}`))
	folder := newFolder(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		all, err := ParseRevoked(data)
		if err != nil {
			return
		}
		require.NoError(t, folder.WriteRevoked(all))
		again, err := folder.Revoked()
		require.NoError(t, err)
		require.Len(t, again, len(all))
		for i := range all {
			require.Zero(t, all[i].Serial.Cmp(again[i].Serial))
			require.Equal(t, all[i].Issuer, again[i].Issuer)
		}
	})
}

package run

import (
	"encoding/base64"
	"encoding/pem"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/scripts/fuzzlimit"
)

// FuzzWithoutPEM: wherever the output of a tool that repeats a key is cut off,
// nothing of the key is left, as long as one end of it is.
func FuzzWithoutPEM(f *testing.F) {
	f.Add("tee: ", ": why\n", uint16(0), true)
	f.Add("", "\n-----END X-----", uint16(5), true)
	f.Add("\n-----END Y-----\n", "-----BEGIN Z-----", uint16(70), false)
	f.Add("-----BEGIN A-----END B", "", uint16(0), true)
	f.Add("-----END 0", "", uint16(68), false)
	f.Add("-----END 0-", "", uint16(70), false)
	secret := strings.Repeat("SECRETSECRET", 16)
	der, err := base64.StdEncoding.DecodeString(secret)
	require.NoError(f, err)
	key := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	const head, foot = "-----BEGIN PRIVATE KEY-----\n", "-----END PRIVATE KEY-----\n"
	fuzzlimit.Fuzz(f, func(t *testing.T, before, after string, cut uint16, start bool) {
		text := before + key + after
		if start {
			text = text[min(int(cut), len(before)+len(key)-len(foot)):]
		} else {
			text = text[:max(int(cut)%len(text), len(before)+len(head))]
		}
		if strings.Contains(before+after, "SECRET") {
			t.Skip()
		}
		require.NotContains(t, withoutPEM(text), "SECRET")
	})
}

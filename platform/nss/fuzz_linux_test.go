package nss

import (
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/scripts/fuzzlimit"
)

// FuzzKeys reads what certutil -K says, and the mark beside a database.
func FuzzKeys(f *testing.F) {
	f.Add([]byte("certutil: Checking token \"NSS Certificate DB\" in slot \"x\"\n< 0> rsa      2d80aabbccddeeff00112233445566778899aa65   anna\n"))
	f.Add([]byte("< 0> ec 00\n<12> ec 2d80aabbccddeeff00112233445566778899aa65 x"))
	f.Add([]byte(`{"folders":2}`))
	f.Add([]byte(`{"folders":-9223372036854775808}`))
	fuzzlimit.Fuzz(f, func(t *testing.T, data []byte) {
		for _, id := range parseKeys(data) {
			require.Len(t, id, 40)
		}
		folders, _ := parseMark(data)
		require.True(t, 0 <= folders && folders <= maxMade, folders)
	})
}

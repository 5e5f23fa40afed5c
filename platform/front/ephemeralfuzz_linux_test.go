package front

import (
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/scripts/fuzzlimit"
)

func FuzzEphemeral(f *testing.F) {
	f.Add("32768\t60999\n", "44300-44399,8443\n")
	f.Add("9 8", "-,,1-,70000")
	fuzzlimit.Fuzz(f, func(t *testing.T, span, reserved string) {
		e := parseEphemeral(span, reserved)
		for _, r := range append(e.Reserved, e.Range) {
			require.True(t, r.First == 0 && r.Last == 0 || 1 <= r.First && r.First <= r.Last && r.Last <= 65535, r)
		}
	})
}

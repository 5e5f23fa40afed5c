package front

import (
	"strings"
	"testing"

	"devcert/scripts/fuzzlimit"
)

// FuzzHasKey: a key is noticed whatever stands around it in the file.
func FuzzHasKey(f *testing.F) {
	const key = "\n-----BEGIN EC PRIVATE KEY-----\nMAA=\n-----END EC PRIVATE KEY-----\n"
	f.Add("", "")
	f.Add("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----", "more")
	f.Add("-----BEGIN", "-----END")
	fuzzlimit.Fuzz(f, func(t *testing.T, before, after string) {
		hasKey([]byte(before + after))
		if !strings.Contains(before, "-----") && !hasKey([]byte(before+key+after)) {
			t.Fatalf("the key behind %q and before %q", before, after)
		}
	})
}

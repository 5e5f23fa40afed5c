package service

import (
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/scripts/fuzzlimit"
)

func FuzzParseResult(f *testing.F) {
	f.Add([]byte(`"PC","\devcert","N/A","Bereit","Interaktiv","01.01.2026","267011","x"` + "\r\n"))
	f.Add([]byte(`"PC"`))
	f.Add([]byte("a,b,c,d,e,f,\"g\n\"h\",i"))
	fuzzlimit.Fuzz(f, func(t *testing.T, out []byte) {
		result, err := parseResult(out)
		if err != nil {
			require.Empty(t, result)
			return
		}
		require.LessOrEqual(t, len(result), len(out))
		require.NotEmpty(t, evidenceOf(result))
	})
}

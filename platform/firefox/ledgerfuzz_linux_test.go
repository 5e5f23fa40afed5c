package firefox

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/scripts/fuzzlimit"
)

func FuzzParseLedger(f *testing.F) {
	f.Add([]byte(`{"schema":1,"roots":["AA"],"kept":2,"created":true,"copied":"00","blank":"{}","folders":2}`))
	f.Add([]byte(`{"schema":2,"roots":null}`))
	f.Add([]byte(`null`))
	fuzzlimit.Fuzz(f, func(t *testing.T, data []byte) {
		l, err := parseLedger(data)
		if err != nil {
			require.Nil(t, l)
			return
		}
		once, err := json.Marshal(l)
		require.NoError(t, err)
		again, err := parseLedger(once)
		require.NoError(t, err)
		require.Equal(t, l, again)
	})
}

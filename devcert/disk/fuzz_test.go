package disk

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/devcert/chain"
	"devcert/scripts/fuzzlimit"
)

func FuzzParseLedger(f *testing.F) {
	good, err := sampleLedger(f).Encode()
	require.NoError(f, err)
	f.Add(good)
	f.Add([]byte(`{"schema":1,"machine":"m","entries":[]}`))
	f.Add([]byte(`{"schema":2,"news":true}`))
	f.Add([]byte(`{"schema":1,"entries":[{"store":"system","certificate":"","since":"2026-11-21T12:00:00Z"}]}`))
	f.Add(bytes.Replace(good, []byte("M"), []byte("N"), 3))
	fuzzlimit.Fuzz(f, func(t *testing.T, data []byte) {
		l, err := ParseLedger(data)
		if err != nil {
			require.Nil(t, l)
			return
		}
		for _, e := range l.Entries {
			require.NotEmpty(t, chain.PartOf(e.Cert), "what stands in a ledger is removed from stores")
			require.NotEmpty(t, e.Store)
		}
		once, err := l.Encode()
		require.NoError(t, err)
		again, err := ParseLedger(once)
		require.NoError(t, err)
		twice, err := again.Encode()
		require.NoError(t, err)
		require.Equal(t, string(once), string(twice))
	})
}

func FuzzParseGenerationID(f *testing.F) {
	for _, s := range []string{"0a1b2c3d-1", "0a1b2c3d-01", "0a1b2c3d-+1", "../x-1", "", "-", "0a1b2c3d-9223372036854775807"} {
		f.Add(s)
	}
	fuzzlimit.Fuzz(f, func(t *testing.T, id string) {
		hierarchy, n, ok := ParseGenerationID(id)
		if !ok {
			return
		}
		require.Equal(t, id, GenerationID(hierarchy, n), "one spelling only")
		require.True(t, filepath.IsLocal(id) && !strings.ContainsAny(id, `/\.`), "%q could lead elsewhere", id)
	})
}

// FuzzSnapshot writes any bytes into one file of a healthy folder: no panic, and
// whatever cures are given lead to a folder without that damage.
func FuzzSnapshot(f *testing.F) {
	folder := healthyFolder(f)
	files := filesOf(f, folder)
	for i, name := range files {
		data := read(f, folder.path(name))
		f.Add(uint8(i), data)
		f.Add(uint8(i), data[:len(data)/2])
		f.Add(uint8(i), append(bytes.Clone(data), data...))
		f.Add(uint8(i), []byte{})
	}
	fuzzlimit.Fuzz(f, func(t *testing.T, which uint8, data []byte) {
		name := files[int(which)%len(files)]
		whole := read(t, folder.path(name))
		defer write(t, folder.path(name), whole)
		write(t, folder.path(name), data)
		s, err := folder.Snapshot()
		if err != nil {
			require.ErrorIs(t, err, ErrSchema)
			return
		}
		if h := s.Hierarchy; h.Leaf.Key != nil {
			require.True(t, chain.SameKey(h.Leaf.Cert, h.Leaf.Key))
		}
		heal(t, folder, s)
		for _, d := range snapshot(t, folder).Damage {
			require.Nil(t, d.Cure, "%s: a cure that did not cure", d.Name)
			require.Equal(t, name, d.Name)
		}
	})
}

package system

import (
	"bytes"
	"encoding/pem"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestBlocks(t *testing.T) {
	encode := func(der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	}
	one, two := encode(newRoot(t).Raw), encode(newRoot(t).Raw)
	h := newHierarchy(t)
	other := encode(h.Intermediate.Cert.Raw) // no root: nobody's but whoever put it there
	broken := "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"
	for _, row := range []struct{ name, in, want string }{
		{"nothing", "", ""},
		{"none of ours", "# text\n" + other, other},
		{"ours alone", one, ""},
		{"ours between others", "# a\n" + other + one + "# b\n" + other + "# c", other + other},
		{"two of ours", one + other + two, other},
		{"without an end of line", one + strings.TrimSuffix(other, "\n"), other},
		{"cut short", other + one + "-----BEGIN CERTIFICATE-----\nMII", other},
		{"no certificate", one + broken, broken},
	} {
		t.Run(row.name, func(t *testing.T) { assert.Equal(t, row.want, string(blocks([]byte(row.in), true))) })
	}
	assert.Equal(t, one+other, string(blocks([]byte("# a\n"+one+other), false)))
}

// The bundle without ours is the same before a root is added and after.
func TestRootsAreTheSystems(t *testing.T) {
	s := newScratch(t, 2)
	store := &Store{Root: s.root}
	before, err := store.Roots()
	require.NoError(t, err)
	assert.Equal(t, string(blocks([]byte(s.read(s.f.bundle)), false)), string(before))
	require.NoError(t, s.trust(newRoot(t)))
	require.NotEqual(t, s.read(s.f.bundle), string(before))
	after, err := store.Roots()
	require.NoError(t, err)
	assert.True(t, bytes.Equal(before, after))

	require.NoError(t, os.Remove(s.f.bundle))
	_, err = store.Roots()
	require.ErrorContains(t, err, "read the system's roots")
}

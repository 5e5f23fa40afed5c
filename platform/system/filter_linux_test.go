package system

import (
	"bytes"
	"context"
	"encoding/pem"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"devcert/devcert/chain"
)

func TestMayHoldOurs(t *testing.T) {
	const text = chain.Organization
	for before := range 100 { // every alignment, and every place in a line
		for _, neighbour := range []string{"\x00", "\xff"} {
			der := []byte(strings.Repeat(neighbour, before) + text + strings.Repeat(neighbour, 100-before))
			block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
			assert.True(t, mayHoldOurs(block), "%d bytes before", before)
			assert.True(t, mayHoldOurs(bytes.ReplaceAll(block, []byte("\n"), []byte("\r\n"))), "%d bytes before, CRLF", before)
			der[before+5] ^= 1
			assert.False(t, mayHoldOurs(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), "%d bytes before", before)
		}
	}
	assert.False(t, mayHoldOurs(nil))
	assert.False(t, mayHoldOurs([]byte(" \n")))
}

// Where a line ends, and what stands there beside its end, hides nothing.
func TestMayHoldOursOnAnyLines(t *testing.T) {
	for shift := range 3 {
		text := encodedAt(chain.Organization, shift)
		for width := 1; width <= len(text); width++ {
			for _, end := range []string{"\n", "\r\n", " \t\n\n  "} {
				var lines string
				for part := range slices.Chunk([]byte(text), width) {
					lines += string(part) + end
				}
				for _, around := range []string{"", "A", "+/+/" + end} {
					assert.True(t, mayHoldOurs([]byte(around+lines+around)), "%q", around+lines+around)
				}
			}
		}
		for at := range ourMarks().length {
			other := []byte(text)
			other[at] ^= 1
			assert.False(t, mayHoldOurs(append(other, text[:at]...)), "%q", other)
		}
	}
}

// A half-written bundle of an update that was killed would be appended to.
func TestRemoveStale(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ca-certificates.crt.new")
	require.NoError(t, removeStale(t.Context(), path))
	require.NoError(t, os.WriteFile(path, []byte("half"), 0o600))
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, removeStale(ctx, path), context.DeadlineExceeded, "it may be being written")
	require.FileExists(t, path)
	require.NoError(t, os.Chtimes(path, time.Time{}, time.Now().Add(-2*stale)))
	require.NoError(t, removeStale(t.Context(), path))
	require.NoFileExists(t, path)
	require.NoError(t, os.Mkdir(path, 0o700))
	require.Error(t, removeStale(t.Context(), path))
}

// A bundle is read once, and again as soon as it is another.
func TestBundleReadOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bundle")
	first, second := []byte(blockOf("first")), []byte(blockOf("other"))
	require.Len(t, second, len(first))
	require.NoError(t, os.WriteFile(path, first, 0o644))
	info, err := os.Stat(path)
	require.NoError(t, err)

	var s search
	_, err = s.read(path)
	require.NoError(t, err)
	require.Equal(t, first, s.blocks())
	require.Nil(t, s.info, "what was written just now may be written again in the same tick")

	data, same, err := readUnless(path, info)
	require.NoError(t, err)
	require.Nil(t, data, "the file is known")
	require.Equal(t, info, same)

	s.info = info                                // as if it had been read long ago
	for later := info; unchanged(later, info); { // until the file system's clock moves
		require.NoError(t, os.WriteFile(path, second, 0o644))
		require.NoError(t, os.Chtimes(path, info.ModTime(), info.ModTime()))
		later, err = os.Stat(path)
		require.NoError(t, err)
	}
	_, err = s.read(path)
	require.NoError(t, err)
	require.Equal(t, second, s.blocks())
	require.NoError(t, os.Remove(path))
	_, err = s.read(path)
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func blockOf(body string) string {
	return string(pemBegin) + "\n" + body + "\n" + string(pemEnd) + "\n"
}

package system

import (
	"bytes"
	"encoding/pem"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestMayHold(t *testing.T) {
	const text = "devcert development CA"
	for before := range 100 { // every alignment, and every place in a line
		for _, neighbour := range []string{"\x00", "\xff"} {
			der := []byte(strings.Repeat(neighbour, before) + text + strings.Repeat(neighbour, 100-before))
			block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
			assert.True(t, mayHold(block, text), "%d bytes before", before)
			assert.True(t, mayHold(bytes.ReplaceAll(block, []byte("\n"), []byte("\r\n")), text), "%d bytes before, CRLF", before)
			der[before+5] ^= 1
			assert.False(t, mayHold(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), text), "%d bytes before", before)
		}
	}
	assert.False(t, mayHold(nil, text))
}

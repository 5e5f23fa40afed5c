package system

import (
	"bytes"
	"encoding/pem"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

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
}

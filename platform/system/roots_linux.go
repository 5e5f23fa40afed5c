package system

import (
	"bytes"
	"encoding/pem"
	"fmt"

	"devcert/devcert/chain"
)

// Roots returns the system's bundle, in PEM as it stands there, without the
// roots of devcert's profile, whoever made them: what programs with roots of
// their own are pointed at has the system's besides the one that is wanted. It
// is nil where devcert knows no bundle.
func (s *Store) Roots() ([]byte, error) {
	f, ok := familyOf(s.Root)
	if !ok {
		return nil, nil
	}
	data, _, err := read(f.bundle)
	if err != nil {
		return nil, fmt.Errorf("read the system's roots: %w", err)
	}
	return withoutOurs(data), nil
}

// withoutOurs cuts the blocks of our profile's roots out of PEM data, with the
// end of their line.
func withoutOurs(data []byte) []byte {
	if !mayHoldOurs(data) {
		return data
	}
	kept := make([]byte, 0, len(data))
	for {
		start := bytes.Index(data, pemBegin)
		if start < 0 {
			return append(kept, data...)
		}
		end := bytes.Index(data[start:], pemEnd)
		if end < 0 {
			return append(kept, data...)
		}
		end += start + len(pemEnd)
		if end < len(data) && data[end] == '\n' {
			end++
		}
		keep := end
		if isOurs(data[start:end]) {
			keep = start
		}
		kept, data = append(kept, data[:keep]...), data[end:]
	}
}

func isOurs(text []byte) bool {
	block, _ := pem.Decode(text)
	if block == nil || !bytes.Contains(block.Bytes, []byte(chain.Organization)) {
		return false
	}
	_, err := chain.CheckRoot(block.Bytes)
	return err == nil
}

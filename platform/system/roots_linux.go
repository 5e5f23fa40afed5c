package system

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"sync"

	"devcert/devcert/chain"
)

// Roots returns the certificates of the system's bundle in PEM, one after the
// other, without the roots of devcert's profile, whoever made them: what programs
// with roots of their own are pointed at has the system's besides the one that is
// wanted. What stands between them is left out; whoever reads it passes over it.
// It is nil where devcert knows no bundle.
func (s *Store) Roots() ([]byte, error) {
	f, ok := familyOf(s.Root)
	if !ok {
		return nil, nil
	}
	data, _, err := read(f.bundle)
	if err != nil {
		return nil, fmt.Errorf("read the system's roots: %w", err)
	}
	return s.bundle.blocks(data), nil
}

// search remembers what was found in a bundle. One command reads it several times,
// and it is mostly the same: to compare costs a twentieth of searching.
type search struct {
	mu     sync.Mutex
	data   []byte
	ours   bool
	others []byte // nil until asked for
}

func (s *search) mayHoldOurs(data []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.in(data)
}

func (s *search) blocks(data []byte) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	ours := s.in(data)
	if s.others == nil {
		s.others = blocks(data, ours)
	}
	return s.others
}

func (s *search) in(data []byte) bool {
	if s.data == nil || !bytes.Equal(s.data, data) {
		s.data, s.ours, s.others = data, mayHoldOurs(data), nil
	}
	return s.ours
}

// blocks returns the blocks of certificates in PEM data, each with the end of its
// last line; without those of our profile's roots if there may be any.
func blocks(data []byte, ours bool) []byte {
	kept := make([]byte, 0, len(data)+1)
	for {
		start := bytes.Index(data, pemBegin)
		if start < 0 {
			return kept
		}
		end := bytes.Index(data[start:], pemEnd)
		if end < 0 {
			return kept
		}
		end += start + len(pemEnd)
		if !ours || !isOurs(data[start:end]) {
			kept = append(append(kept, data[start:end]...), '\n')
		}
		data = data[end:]
	}
}

func isOurs(text []byte) bool {
	if !mayHoldOurs(text) {
		return false
	}
	block, _ := pem.Decode(text)
	if block == nil || !bytes.Contains(block.Bytes, []byte(chain.Organization)) {
		return false
	}
	_, err := chain.CheckRoot(block.Bytes)
	return err == nil
}

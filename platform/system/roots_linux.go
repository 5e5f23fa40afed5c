package system

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"io/fs"
	"sync"
	"syscall"
	"time"

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
	if _, err := s.bundle.read(f.bundle); err != nil {
		return nil, fmt.Errorf("read the system's roots: %w", err)
	}
	return s.bundle.blocks(), nil
}

// search is a bundle and what was found in it. One command looks at it several
// times, and it is mostly the same.
type search struct {
	mu     sync.Mutex
	data   []byte
	info   fs.FileInfo // of the file that had data; nil for none
	ours   bool
	ders   [][]byte
	others []byte // nil until asked for
}

// read reads the bundle anew unless it is the file that was read last. A file that
// was changed within the last tick of the file system's clock may change once more
// and not show it, so that it is not remembered.
func (s *search) read(path string) (fs.FileMode, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	data, info, err := readUnless(path, s.info)
	if err != nil {
		s.info = nil
		if info == nil {
			return 0, err
		}
		return info.Mode(), err
	}
	if data == nil {
		return info.Mode(), nil
	}
	s.info = nil
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && time.Since(time.Unix(stat.Ctim.Unix())) > tick {
		s.info = info
	}
	if s.data == nil || !bytes.Equal(s.data, data) {
		s.data, s.ours, s.ders, s.others = data, mayHoldOurs(data), nil, nil
	}
	return info.Mode(), nil
}

// tick is longer than any file system takes for the same moment: two seconds on FAT.
const tick = 3 * time.Second

// certificates are those of the bundle, where one of ours may be among them.
func (s *search) certificates() [][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ours && s.ders == nil {
		s.ders = certificates(s.data)
	}
	return s.ders
}

func (s *search) blocks() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.others == nil {
		s.others = blocks(s.data, s.ours)
	}
	return s.others
}

// blocks returns the blocks of certificates in PEM data, each with the end of its
// last line; without those of our profile's roots if there may be any. Data that is
// nothing else, as most systems' bundle, it returns as it is.
func blocks(data []byte, ours bool) []byte {
	var kept []byte
	whole := 0 // how much of data from its start on is kept as it is, until kept is begun
	for at := 0; ; {
		start, end := nextBlock(data, at)
		if end == 0 {
			break
		}
		at = end
		drop := ours && isOurs(data[start:end])
		if kept == nil && !drop && start == whole && end < len(data) && data[end] == '\n' {
			at = end + 1
			whole = at
			continue
		}
		if kept == nil {
			kept = append(make([]byte, 0, len(data)+1), data[:whole]...)
		}
		if !drop {
			kept = append(append(kept, data[start:end]...), '\n')
		}
	}
	if kept == nil {
		kept = data[:whole:whole]
	}
	return kept
}

// nextBlock finds the next block at or behind at; end is 0 where there is none.
func nextBlock(data []byte, at int) (start, end int) {
	start = bytes.Index(data[at:], pemBegin)
	if start < 0 {
		return 0, 0
	}
	start += at
	// Behind its first line: after that many dashes which begin nothing, bytes.Index
	// leaps no more, but looks at every byte of the rest.
	body := start + len(pemBegin)
	end = bytes.Index(data[body:], pemEnd)
	if end < 0 {
		return 0, 0
	}
	return start, body + end + len(pemEnd)
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

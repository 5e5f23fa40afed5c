package system

import (
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
)

// own is what stands under the name of root's own anchor.
type own int

const (
	absent  own = iota
	whole       // nothing but root
	damaged     // devcert's to replace and to remove, and not what it was
)

// foreignError is about a file that devcert leaves alone.
type foreignError struct{ path, what, remedy string }

func (e *foreignError) Error() string { return e.path + " " + e.what + ": not devcert's to change" }

// Remedy says what a person can do.
func (e *foreignError) Remedy() string { return e.remedy + again }

func foreign(path, what string) error {
	return &foreignError{path, what, "see whose " + path + " is and move it away"}
}

// lookOwn looks at the anchor of devcert's own name for root. One that holds no
// certificate at all or leads nowhere is what became of devcert's, and a link to
// the very root is as good as its file. A *foreignError says that it is
// somebody else's.
func lookOwn(path string, root *x509.Certificate) (own, error) {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return absent, nil
	}
	if err != nil {
		return absent, failed("look at "+path, filepath.Dir(path), err)
	}
	link := info.Mode()&fs.ModeSymlink != 0
	if target, err := os.Stat(path); link && leadsNowhere(err) {
		return damaged, nil
	} else if err == nil && !target.Mode().IsRegular() {
		return absent, foreign(path, "is not a regular file")
	}
	data, _, err := read(path)
	if err != nil {
		return absent, failed("look at "+path, filepath.Dir(path), err)
	}
	ders := certificates(data)
	switch {
	case holds(ders, root) && sole(ders) && !link:
		return whole, nil
	case holds(ders, root) && sole(ders), !link && holdsNothing(data):
		return damaged, nil
	case link:
		return absent, foreign(path, "is a link to something else than this root")
	}
	return absent, foreign(path, "holds something else than this root")
}

// leadsNowhere says whether err, of looking where a link leads, is that nothing
// is there.
func leadsNowhere(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.ELOOP)
}

// holdsNothing says whether data is text, empty or cut short: neither DER nor
// any PEM block that is whole, be it a certificate that only Go cannot read.
func holdsNothing(data []byte) bool {
	if isSequence(data) {
		return false
	}
	for {
		block, rest := pem.Decode(data)
		if block == nil {
			return true
		}
		if block.Type != "CERTIFICATE" || isSequence(block.Bytes) {
			return false
		}
		data = rest
	}
}

func isSequence(data []byte) bool {
	var value asn1.RawValue
	_, err := asn1.Unmarshal(data, &value)
	return err == nil && value.Class == asn1.ClassUniversal && value.Tag == asn1.TagSequence
}

// remnant describes what is in place of root's own anchor, "" where nothing is,
// or nothing that could be looked at. The second result says whether devcert will
// replace it.
func (f family) remnant(s *scan, root *x509.Certificate) (text string, ours bool) {
	if root == nil {
		return "", false
	}
	path := f.anchor(root)
	if slices.ContainsFunc(s.held, func(h held) bool { return h.path == path }) {
		return "", false
	}
	state, err := lookOwn(path, root)
	var theirs *foreignError
	switch {
	case errors.As(err, &theirs):
		return path + ", which " + theirs.what, false
	case state != damaged:
		return "", false
	}
	if to, err := os.Readlink(path); err == nil {
		return path + ", a link to " + to + ", which leads nowhere", true
	}
	return path + ", which holds no certificate", true
}

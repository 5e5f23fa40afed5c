package system

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"devcert/devcert/chain"
)

// maxFile is the size of a file that is read at most, in bytes. The largest
// bundles in use are below 1 MiB.
const maxFile = 16 << 20

// read returns what a regular file, or a link to one, holds. It opens nothing
// else: a FIFO would make it wait, and a device may do anything.
func read(path string) ([]byte, fs.FileMode, error) {
	data, info, err := readUnless(path, nil)
	if info == nil {
		return data, 0, err
	}
	return data, info.Mode(), err
}

// readUnless is read, but for a file that is the very one that known describes: of
// that it returns no bytes.
func readUnless(path string, known fs.FileInfo) ([]byte, fs.FileInfo, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, info, fmt.Errorf("%s is not a regular file", path)
	}
	if unchanged(info, known) {
		return nil, known, nil
	}
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	defer file.Close()
	if info, err = file.Stat(); err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxFile {
		return nil, info, fmt.Errorf("%s is not a regular file of at most %d MiB", path, maxFile>>20)
	}
	// With less room to spare than this a Buffer moves to one twice as large.
	buffer := bytes.NewBuffer(make([]byte, 0, info.Size()+bytes.MinRead))
	_, err = io.Copy(buffer, io.LimitReader(file, maxFile))
	return buffer.Bytes(), info, err
}

// unchanged says whether two looks met the same file as it was. Who changes bytes
// cannot keep the time of that from moving, whatever they do to the other one.
func unchanged(now, then fs.FileInfo) bool {
	if then == nil || !os.SameFile(now, then) {
		return false
	}
	a, ok := now.Sys().(*syscall.Stat_t)
	b, okThen := then.Sys().(*syscall.Stat_t)
	return ok && okThen && a.Size == b.Size && a.Mode == b.Mode && a.Mtim == b.Mtim && a.Ctim == b.Ctim
}

// certificates returns the DER of every certificate in PEM or DER data. Text
// between them and broken blocks are passed over, as the tools do.
func certificates(data []byte) [][]byte {
	if len(data) > 0 && data[0] == 0x30 { // a DER SEQUENCE
		return [][]byte{data}
	}
	var found [][]byte
	for {
		start := bytes.Index(data, pemBegin)
		if start < 0 {
			return found
		}
		data = data[start:]
		block, rest := plainBlock(data)
		if block == nil {
			// With headers or blanks inside, or cut short: the library knows.
			parsed, after := pem.Decode(data)
			if parsed == nil {
				return found
			}
			rest = after
			if parsed.Type == "CERTIFICATE" {
				block = parsed.Bytes
			}
		}
		if block != nil {
			found = append(found, block)
		}
		data = rest
	}
}

var (
	pemBegin = []byte("-----BEGIN CERTIFICATE-----")
	pemEnd   = []byte("-----END CERTIFICATE-----")
)

// plainBlock decodes the block that data begins with if it is nothing but
// base64 and newlines, as nearly all are: a whole bundle is decoded for every
// look, and pem.Decode takes several times as long. It returns nil otherwise.
func plainBlock(data []byte) (block, rest []byte) {
	after := data[len(pemBegin):] // the two markers could share their dashes
	end := bytes.Index(after, pemEnd)
	if end < 0 {
		return nil, data
	}
	body := after[:end]
	block = make([]byte, base64.StdEncoding.DecodedLen(len(body)))
	n, err := base64.StdEncoding.Decode(block, body)
	if err != nil || n == 0 {
		return nil, data
	}
	return block[:n], after[end+len(pemEnd):]
}

// holds says whether root is among ders. A nil root is in nothing.
func holds(ders [][]byte, root *x509.Certificate) bool {
	if root == nil {
		return false
	}
	for _, der := range ders {
		if bytes.Equal(der, root.Raw) {
			return true
		}
	}
	return false
}

// ourRoots returns the roots of our profile in ders but root itself. Parsing
// the hundred and more others of a bundle would cost most of the look.
func ourRoots(ders [][]byte, root *x509.Certificate) []*x509.Certificate {
	var ours []*x509.Certificate
	for _, der := range ders {
		if !bytes.Contains(der, []byte(chain.Organization)) || root != nil && bytes.Equal(der, root.Raw) {
			continue
		}
		if cert, err := chain.CheckRoot(der); err == nil {
			ours = append(ours, cert)
		}
	}
	return ours
}

// unique drops certificates that were seen before.
func unique(certs []*x509.Certificate) []*x509.Certificate {
	var kept []*x509.Certificate
	seen := make(map[string]bool)
	for _, cert := range certs {
		if !seen[string(cert.Raw)] {
			seen[string(cert.Raw)] = true
			kept = append(kept, cert)
		}
	}
	return kept
}

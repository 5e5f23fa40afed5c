package nss

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"devcert/devcert/chain"
)

const (
	certFile = "cert9.db" // certificates and their trust
	keyFile  = "key4.db"  // keys, the password, and what vouches for trust
	// maxFile is the size of a database that is read at most, in bytes.
	maxFile = 64 << 20
)

// sqliteMagic begins every database (sqlite.org/fileformat2.html, 1.3).
var sqliteMagic = []byte("SQLite format 3\x00")

// trustServerAuth is a column that an NSS with PKCS #11 3.2's trust objects adds
// to a database it opens for writing: CKA_TRUST_SERVER_AUTH, 0x62B.
var trustServerAuth = []byte(", a62b,")

// held are the bytes of a database: the file, and what SQLite keeps beside it
// while somebody writes.
type held [][]byte

// readHeld reads them. The error wraps fs.ErrNotExist where there is no database.
func readHeld(dir string) (held, error) {
	main, err := readFile(filepath.Join(dir, certFile))
	if err != nil {
		return nil, err
	}
	if !bytes.HasPrefix(main, sqliteMagic) {
		return nil, &damagedError{filepath.Join(dir, certFile)}
	}
	all := held{main}
	for _, suffix := range []string{"-wal", "-journal"} {
		data, err := readFile(filepath.Join(dir, certFile+suffix))
		if err == nil {
			all = append(all, data)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return all, nil
}

// readFile reads a regular file and opens nothing else: a FIFO would make it wait.
func readFile(path string) ([]byte, error) {
	if info, err := os.Stat(path); err != nil {
		return nil, err
	} else if !info.Mode().IsRegular() || info.Size() > maxFile {
		return nil, fmt.Errorf("%s is not a regular file of at most %d MiB", path, maxFile>>20)
	}
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	buffer := bytes.NewBuffer(make([]byte, 0, info.Size()+bytes.MinRead))
	_, err = io.Copy(buffer, io.LimitReader(file, maxFile))
	return buffer.Bytes(), err
}

// mayHave says whether cert can be in the database: where it says no, it is not.
// Public objects are kept as they are, but SQLite cuts a row that is longer than
// a page (fileformat2.html, 1.6), no two cuts closer than 480 bytes. So of two
// short pieces of the signature, one is whole. Removed rows leave their bytes.
func (h held) mayHave(cert *x509.Certificate) bool {
	if cert == nil {
		return false
	}
	signature := cert.Signature
	half := len(signature) / 2
	return h.contains(signature[:min(half, 200)]) || h.contains(signature[half:min(len(signature), half+200)])
}

// mayHaveOurs says the same of root and of all certificates of devcert's profile.
// A root and an intermediate name the organization four times, as subject and
// issuer and as columns of their own, and a leaf its issuer in an index besides:
// not every one can be cut.
func (h held) mayHaveOurs(root *x509.Certificate) bool {
	return h.mayHave(root) || h.contains([]byte(chain.Organization))
}

func (h held) newer() bool { return h.contains(trustServerAuth) }

func (h held) contains(piece []byte) bool {
	for _, data := range h {
		if bytes.Contains(data, piece) {
			return true
		}
	}
	return false
}

// ours are the certificates of devcert's profile whose bytes are in one piece in
// the files, as all are but on small pages.
func (h held) ours() []*x509.Certificate {
	var all []*x509.Certificate
	for _, data := range h {
		for end := 0; ; {
			at := bytes.Index(data[end:], []byte(chain.Organization))
			if at < 0 {
				break
			}
			at += end
			end = at + len(chain.Organization)
			if cert := around(data, at); cert != nil && !has(all, cert) {
				all = append(all, cert)
			}
		}
	}
	return all
}

// around finds the certificate of our profile that has the bytes at: it begins
// with a SEQUENCE of a length in two bytes.
func around(data []byte, at int) *x509.Certificate {
	for start := at; start >= max(0, at-8<<10); start-- {
		if data[start] != 0x30 || data[start+1] != 0x82 {
			continue
		}
		end := start + 4 + int(data[start+2])<<8 + int(data[start+3])
		if end <= at || end > len(data) {
			continue
		}
		if cert, _, err := chain.CheckPart(data[start:end]); err == nil {
			return cert
		}
	}
	return nil
}

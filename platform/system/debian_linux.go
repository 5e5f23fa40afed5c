package system

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode"
)

// Debian's update-ca-certificates keeps, for every certificate, a link by name
// in /etc/ssl/certs and makes OpenSSL's hash links from those. It rehashes, and
// tells its hooks (Java's among them), only about what it counts as added or
// removed: a name link that it made or removed itself. An anchor that is simply
// gone is not counted. Its dangling links then stay, and Java keeps trusting it.

// link is the name link of an anchor. The script puts other characters for
// some that a shell might stumble over.
func (f family) link(anchor string) string {
	name := strings.TrimSuffix(filepath.Base(anchor), f.ext)
	name = strings.NewReplacer(" ", "_", "(", "=", ")", "=", ",", "_").Replace(name)
	return filepath.Join(f.hashed, name+".pem")
}

// pointsTo says whether link is a symbolic link whose text is target.
func pointsTo(link, target string) bool {
	to, err := os.Readlink(link)
	return err == nil && to == target
}

// forceRehash removes the name link of an anchor whose hash link is missing, so
// that the script makes it again, counts it and rehashes. Clients that read the
// folder do not find the root as it is.
func (f family) forceRehash(anchor string, root *x509.Certificate) error {
	if f.conf == "" {
		return nil
	}
	if has, err := inHashed(f.hashed, root); err == nil && has {
		return nil
	}
	return f.removeLink(anchor)
}

func (f family) removeLink(anchor string) error {
	if f.conf == "" || !pointsTo(f.link(anchor), anchor) {
		return nil
	}
	return os.Remove(f.link(anchor))
}

// announceRemoval makes the script count the anchors as removed: it writes, into
// folder, a configuration for one run, the machine's own plus a line "!name" for
// each, which makes the script remove the name link, rehash and tell its hooks. A
// name link that is gone already is put back for it to find. Not --fresh, which
// does the same by emptying the folder of links: for a second every client that
// reads it would refuse everything.
func (f family) announceRemoval(anchors []string, folder string) (conf string, err error) {
	lines, err := os.ReadFile(f.conf)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", failed("read "+f.conf, filepath.Dir(f.conf), err)
	}
	text := bytes.NewBuffer(append(bytes.TrimRight(lines, "\n"), '\n'))
	for _, anchor := range anchors {
		link := f.link(anchor)
		if strings.ContainsFunc(link, unicode.IsControl) {
			continue // a line break would make two lines of it
		}
		if err := os.Symlink(anchor, link); err != nil && !errors.Is(err, fs.ErrExist) {
			return "", failed("link "+link+" for update-ca-certificates to remove", f.hashed, err)
		}
		if pointsTo(link, anchor) { // else it is somebody else's
			fmt.Fprintf(text, "!%s%s\n", strings.TrimSuffix(filepath.Base(link), ".pem"), f.ext)
		}
	}
	conf = filepath.Join(folder, "ca-certificates.conf")
	return conf, failed("write "+conf, folder, os.WriteFile(conf, text.Bytes(), 0o600))
}

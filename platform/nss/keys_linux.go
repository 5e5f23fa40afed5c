package nss

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"devcert/devcert"
	"devcert/devcert/lazy"
	"devcert/platform/run"
)

// Keys keeps certificates with their private keys in NSS databases, for the
// browser to offer: by certutil, and by pk12util for what brings a key in.
type Keys struct {
	Tool
	importer importer
}

// FindKeys finds the tools in the system's folders, as [FindTool] does.
func FindKeys() (Keys, error) { return findKeys("") }

func findKeys(root string) (Keys, error) {
	tool, ok := findTool(root)
	if !ok {
		return Keys{}, &noToolsError{"certutil"}
	}
	path, err := run.Finder{Root: root}.Find("pk12util")
	if err != nil {
		return Keys{Tool: tool}, &noToolsError{"pk12util"}
	}
	return Keys{tool, importer(path)}, nil
}

// noToolsError is a tool that is missing where there is a browser to serve.
type noToolsError struct{ name string }

func (e *noToolsError) Error() string { return e.name + " is not installed" }

// Remedy says what a person can do.
func (e *noToolsError) Remedy() string {
	return "install " + e.name + " (Debian: libnss3-tools, Fedora: nss-tools)" + again
}

// Offer gives the database in dir a certificate with its key, and what stands
// above it but for the root, which servers that ask for certificates have
// themselves. A database that is not there is made, as [Tool.Install] does. What
// the database has already stays as it is, with its name.
func (k Keys) Offer(ctx context.Context, dir string, o devcert.Offered) error {
	ctx, cancel := context.WithTimeout(ctx, changeLimit)
	defer cancel()
	what := "give the NSS database in " + dir + " a certificate with its key"
	made := !exists(filepath.Join(dir, certFile))
	if err := k.Create(ctx, dir); err != nil {
		return err
	}
	err := k.offer(ctx, dir, o)
	if err != nil && made {
		err = errors.Join(err, k.settle(ctx, dir))
	}
	return failedKey(what, dir, "", err)
}

func (k Keys) offer(ctx context.Context, dir string, o devcert.Offered) error {
	if err := k.openable(ctx, dir); err != nil {
		return err
	}
	if there, err := k.offers(ctx, dir, o.Cert); err != nil {
		return err
	} else if !there {
		if err := k.put(ctx, dir, o); err != nil {
			return err
		}
	}
	for _, cert := range o.Chain {
		if there, err := k.has(ctx, dir, cert); err != nil {
			return err
		} else if there {
			continue
		}
		if err := k.addNamed(ctx, dir, cert, cert.Subject.CommonName); err != nil {
			return err
		}
	}
	return nil
}

// openable finds out whether the database can be changed and its keys be seen,
// which takes its password.
func (k Keys) openable(ctx context.Context, dir string) error {
	if err := changeable(ctx, dir); err != nil {
		return err
	}
	if !exists(filepath.Join(dir, keyFile)) {
		return nil // certutil makes another
	}
	_, err := k.keyIDs(ctx, dir)
	return err
}

// put adds a certificate and its key, or neither. The certificate comes first:
// pk12util gives one that has a name no other.
func (k Keys) put(ctx context.Context, dir string, o devcert.Offered) error {
	was, err := k.has(ctx, dir, o.Cert)
	if err != nil && exists(filepath.Join(dir, keyFile)) { // else it cannot be looked into before it has one again
		return err
	}
	if !was {
		if err := k.addNamed(ctx, dir, o.Cert, o.Label); err != nil {
			return err
		}
	}
	err = k.importer.importPair(ctx, dir, o.Pair)
	if err == nil {
		var there bool
		if there, err = k.offers(ctx, dir, o.Cert); err == nil && !there {
			err = errors.New("pk12util said that it did, and the key is not there")
		}
	}
	if err != nil && !was {
		err = errors.Join(err, k.take(ctx, dir, o.Cert))
	}
	return err
}

// addNamed adds a certificate without any trust, under another name where
// somebody else's certificate has that one.
func (k Keys) addNamed(ctx context.Context, dir string, cert *x509.Certificate, name string) error {
	if name == "" {
		name = cert.Subject.CommonName
	}
	var first error
	for _, name := range []string{name, fmt.Sprintf("%s (%X)", name, fingerprint(cert)[:4])} {
		_, err := k.run(ctx, dir, cert.Raw, "-A", "-t", ",,", "-n", name)
		if err == nil {
			return nil
		}
		if first == nil {
			first = err
		}
	}
	return first
}

// Offers says whether the database in dir has cert with its key. It changes
// nothing. That there is no database is no error.
func (k Keys) Offers(ctx context.Context, dir string, cert *x509.Certificate) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	there, err := k.offers(ctx, dir, cert)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return there, failedKey("look for a certificate with its key in the NSS database in "+dir, dir, "-K", err)
}

func (k Keys) offers(ctx context.Context, dir string, cert *x509.Certificate) (bool, error) {
	if held, err := readHeld(dir); err != nil || !held.mayHave(cert) || !exists(filepath.Join(dir, keyFile)) {
		return false, err
	}
	there, err := k.has(ctx, dir, cert)
	if err != nil {
		return false, err
	}
	ids, err := k.keyIDs(ctx, dir)
	if err != nil || there || !slices.Contains(ids, keyID(cert)) {
		return there && slices.Contains(ids, keyID(cert)), err
	}
	all, err := k.withKeys(ctx, dir) // another one of the key hides it from certutil
	return has(all, cert), err
}

// keyLine is one of certutil -K: "< 0> rsa      2d80…65   NICKNAME".
var keyLine = lazy.Regexp(`(?m)^<\s*\d+>\s+\S+\s+([0-9a-f]{40})\s`)

// keyIDs are the ids of the private keys of the database, in hex.
func (k Keys) keyIDs(ctx context.Context, dir string) ([]string, error) {
	listing, err := k.run(ctx, dir, nil, "-K")
	var ran *run.Error
	if errors.As(err, &ran) && exited(err) && !strings.Contains(ran.Output, "_ERROR_") {
		return nil, nil // that there are none has an exit status of its own, and no error of NSS's
	}
	if err != nil {
		return nil, err
	}
	return parseKeys(listing), nil
}

func parseKeys(listing []byte) (ids []string) {
	for _, m := range keyLine().FindAllSubmatch(listing, -1) {
		ids = append(ids, string(m[1]))
	}
	return ids
}

// keyID is the id that NSS gives a certificate's private key, in hex.
func keyID(cert *x509.Certificate) string { return hex.EncodeToString(idOf(cert)) }

// sameKey says whether two certificates are of one key.
func sameKey(a, b *x509.Certificate) bool {
	return bytes.Equal(a.RawSubjectPublicKeyInfo, b.RawSubjectPublicKeyInfo)
}

package nss

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"devcert/devcert"
	"devcert/devcert/chain"
)

// Seen is what a database does with a root.
type Seen struct {
	State    devcert.PlaceState
	Evidence string // in one line, when the state is not Trusted
	// Others are the certificates of devcert's profile that are there besides, but
	// for Clients: those that are for clients to offer, and what is above them.
	Others, Clients []*x509.Certificate
	// Trust are the trust bits of the root as certutil shows them: "C,,"; "" where
	// it is not there.
	Trust string
	// Newer says that an NSS has used the database that may keep trust in a form
	// which an older certutil does not see: Firefox 153 writes PKCS #11 3.2 trust
	// objects, of which NSS 3.87 knows nothing and shows ",,". No trust bits are
	// then no proof of no trust.
	Newer bool
}

// Look says what the database in dir does with root, which may be nil, and which
// other certificates of devcert's profile it has. It changes nothing, and starts
// certutil only where the database's files have bytes of such certificates. What
// could not be looked at is Unknown, with an error that may have a remedy.
func (t Tool) Look(ctx context.Context, dir string, root *x509.Certificate) (Seen, error) {
	ctx, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	held, err := readHeld(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return Seen{State: devcert.Missing, Evidence: "there is no database in " + dir}, nil
	}
	seen := Seen{State: devcert.Missing, Evidence: "the root is not in " + dir, Newer: held.newer()}
	if err == nil && held.mayHaveOurs(root) {
		err = t.look(ctx, dir, held, root, &seen)
	}
	if err != nil {
		err = failed("look into the NSS database in "+dir, dir, err)
		return Seen{State: devcert.Unknown, Evidence: err.Error(), Newer: seen.Newer}, err
	}
	return seen, nil
}

// stateOf judges trust bits for servers, which stand before the first comma:
// C is a trusted CA, p one that is distrusted whatever else is said.
func stateOf(trust string, newer bool) (devcert.PlaceState, string) {
	servers, _, _ := strings.Cut(trust, ",")
	switch {
	case strings.ContainsRune(servers, 'C') && !strings.ContainsRune(servers, 'p'):
		return devcert.Trusted, ""
	case servers == "" && newer:
		return devcert.Unknown, "certutil shows no trust bits, and is older than what wrote the database"
	case strings.ContainsRune(servers, 'p'):
		return devcert.Denied, fmt.Sprintf("it is marked as distrusted (trust bits %q)", trust)
	}
	return devcert.Denied, fmt.Sprintf("its trust bits are %q, without C", trust)
}

// named returns the certificates that certutil finds for a nickname or URI: none
// where it knows no such name, and all of one subject otherwise.
func (t Tool) named(ctx context.Context, dir, name string) ([]*x509.Certificate, error) {
	der, err := t.run(ctx, dir, nil, "-L", "-r", "-n", name)
	if exited(err) {
		return nil, nil // there is no status of its own for a name that is not there
	}
	if err != nil {
		return nil, err
	}
	return certificates(der), nil
}

// has says whether cert is there, whatever its nickname. That certutil finds
// nothing is no proof before it has listed the database.
func (t Tool) has(ctx context.Context, dir string, cert *x509.Certificate) (bool, error) {
	held, err := readHeld(dir)
	if err != nil || !held.mayHave(cert) {
		return false, err
	}
	if _, err := t.run(ctx, dir, nil, "-L"); err != nil {
		return false, err
	}
	found, err := t.named(ctx, dir, keyURI(cert))
	return has(found, cert), err
}

// keyURI names cert by the id of its key. RFC 7512.
func keyURI(cert *x509.Certificate) string {
	var uri strings.Builder
	uri.WriteString("pkcs11:type=cert;id=")
	for _, b := range idOf(cert) {
		fmt.Fprintf(&uri, "%%%02X", b)
	}
	return uri.String()
}

func fingerprint(cert *x509.Certificate) []byte {
	sum := sha256.Sum256(cert.Raw)
	return sum[:]
}

func has(certs []*x509.Certificate, cert *x509.Certificate) bool {
	for _, c := range certs {
		if cert != nil && bytes.Equal(c.Raw, cert.Raw) {
			return true
		}
	}
	return false
}

// ours are the certificates of devcert's profile but root, and apart from them
// those that are no matter of trust.
func ours(certs []*x509.Certificate, root *x509.Certificate) (others, clients []*x509.Certificate) {
	for _, c := range certs {
		switch chain.PartOf(c) {
		case "":
		case chain.PartRoot, chain.PartIntermediate, chain.PartLeaf:
			if !has([]*x509.Certificate{c}, root) {
				others = append(others, c)
			}
		default:
			clients = append(clients, c)
		}
	}
	return others, clients
}

func unique(certs []*x509.Certificate) []*x509.Certificate {
	var kept []*x509.Certificate
	for _, c := range certs {
		if !has(kept, c) {
			kept = append(kept, c)
		}
	}
	return kept
}

package java

import (
	"bytes"
	"crypto/x509"
	"errors"

	"devcert/devcert/chain"
)

// kind is what an entry is to Java.
type kind int

const (
	trusted   kind = iota // a root
	untrusted             // a certificate of somebody's, or of a key: no root
	secret                // a private key, or what else Java keeps
)

// entry is one entry of a keystore.
type entry struct {
	alias string
	kind  kind
	der   []byte // of the certificate; nil for a secret
}

// keystore is what Java reads its roots from.
type keystore struct {
	entries []entry
	// locked says that the password is not the usual one. Java reads the roots
	// without any; only who changes the keystore has to know it.
	locked bool
}

// password is the one that every Java is shipped with.
const password = "changeit"

var (
	errNoKeystore = errors.New("not a keystore, neither JKS nor PKCS#12")
	// errEncrypted: Java opens cacerts without a password, so that it finds not
	// one root in such a keystore (sun.security.ssl.TrustStoreManager gives it
	// javax.net.ssl.trustStorePassword, which is empty as long as nobody sets it).
	errEncrypted = errors.New("its certificates are encrypted, and Java, which opens it without a password, finds none of them")
)

// parseKeystore reads a keystore by its content, as Java does whatever the name.
// Its errors are of what the file holds.
func parseKeystore(data []byte) (k keystore, err error) {
	err = errNoKeystore
	switch {
	case bytes.HasPrefix(data, jksMagic):
		k, err = parseJKS(data)
	case len(data) > 0 && data[0] == 0x30: // a DER SEQUENCE
		k, err = parsePKCS12(data)
	}
	if err != nil {
		return keystore{}, &damageError{err}
	}
	return k, nil
}

// aliases are those under which Java trusts cert.
func (k keystore) aliases(cert *x509.Certificate) []string {
	var found []string
	for _, e := range k.entries {
		if e.kind == trusted && bytes.Equal(e.der, cert.Raw) {
			found = append(found, e.alias)
		}
	}
	return found
}

// has says whether cert is in the keystore, trusted or not.
func (k keystore) has(cert *x509.Certificate) bool {
	for _, e := range k.entries {
		if e.kind != secret && bytes.Equal(e.der, cert.Raw) {
			return true
		}
	}
	return false
}

// roots counts what Java trusts.
func (k keystore) roots() int {
	n := 0
	for _, e := range k.entries {
		if e.kind == trusted {
			n++
		}
	}
	return n
}

// ours are the certificates of devcert's profile that Java trusts, each once.
// Parsing the hundred and more others would cost more than the rest of the look.
func (k keystore) ours() []*x509.Certificate {
	var found []*x509.Certificate
	seen := map[string]bool{}
	for _, e := range k.entries {
		if e.kind != trusted || seen[string(e.der)] || !bytes.Contains(e.der, []byte(chain.Organization)) {
			continue
		}
		seen[string(e.der)] = true
		if cert, _, err := chain.CheckPart(e.der); err == nil {
			found = append(found, cert)
		}
	}
	return found
}

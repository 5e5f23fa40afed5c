package winstore

import (
	"bytes"
	"cmp"
	"crypto/x509"
	"slices"
	"strings"
	"time"

	"devcert/devcert"
	"devcert/devcert/chain"
)

// Schannel's clients ask of every certificate below the root whether it was revoked
// (CERT_CHAIN_REVOCATION_CHECK_CHAIN_EXCLUDE_ROOT), and curl refuses what nobody can
// tell that of. A server's leaf names no list, and nobody may be there to hand out the
// one that its intermediate names; those that are in CA are found without being named.
// Windows may ask nobody else while one of them is good, so that only lists are put
// there which need no successor: never the one of the clients' intermediate.

// keepsLists says whether the store for this part has its revocation lists beside it.
func (k kind) keepsLists() bool { return k.part == chain.PartIntermediate }

// lacks are the lists that a store misses, of those that m wants in it.
type lacks struct{ root, servers bool }

// lacking looks for the lists of m among those of a store.
func lacking(m devcert.Material, has [][]byte, now time.Time) lacks {
	same := func(der []byte) bool { return bytes.Equal(der, m.RootCRL) }
	serves := func(der []byte) bool { return servesFor(m, der, now) }
	return lacks{
		root:    m.RootCRL != nil && !slices.ContainsFunc(has, same),
		servers: m.Intermediate != nil && !slices.ContainsFunc(has, serves),
	}
}

// servesFor says whether a list is the intermediate's, names what was revoked, and
// is good as long as the leaf.
func servesFor(m devcert.Material, der []byte, now time.Time) bool {
	list, err := chain.CheckCRL(der, m.Intermediate)
	if err != nil || now.Before(list.ThisUpdate) || !now.Before(list.NextUpdate) {
		return false
	}
	if m.Leaf != nil && list.NextUpdate.Before(m.Leaf.NotAfter) {
		return false
	}
	for _, r := range m.Revoked {
		named := func(e x509.RevocationListEntry) bool { return e.SerialNumber.Cmp(r.Serial) == 0 }
		if !slices.ContainsFunc(list.RevokedCertificateEntries, named) {
			return false
		}
	}
	return true
}

// of are the lists of m that are lacking.
func (l lacks) of(m devcert.Material) (lists [][]byte) {
	if l.root {
		lists = append(lists, m.RootCRL)
	}
	if l.servers && m.ServersCRL != nil {
		lists = append(lists, m.ServersCRL)
	}
	return lists
}

// String says what is lacking, in a line; "" when nothing is.
func (l lacks) String() string {
	var issuers []string
	if l.root {
		issuers = append(issuers, "the root's")
	}
	if l.servers {
		issuers = append(issuers, "the intermediate's")
	}
	if len(issuers) == 0 {
		return ""
	}
	return strings.Join(issuers, " and ") + " is missing or out of date"
}

// goesWith says whether a list leaves CA together with an intermediate: one that
// this has signed, or one of the root that it names. The root itself may be gone by
// then, so that its list goes by the names and the key's identifier, which nobody
// but a devcert root has.
func goesWith(intermediate *x509.Certificate, der []byte) bool {
	if _, err := chain.CheckCRL(der, intermediate); err == nil {
		return true
	}
	list, err := x509.ParseRevocationList(der)
	return err == nil && len(intermediate.AuthorityKeyId) > 0 &&
		chain.OwnerOf(&x509.Certificate{Subject: intermediate.Issuer}) != "" &&
		bytes.Equal(list.RawIssuer, intermediate.RawIssuer) && bytes.Equal(list.AuthorityKeyId, intermediate.AuthorityKeyId)
}

// checkLists decides by the bytes alone which lists may come into CA of the machine:
// those that the root or the intermediate has signed with which they come, one each.
func (r DeployRequest) checkLists(certs []*x509.Certificate) error {
	if len(r.Lists) > 0 && r.Part != chain.PartIntermediate {
		return refuse("a revocation list with the %s", r.Part)
	}
	signed := map[*x509.Certificate]bool{}
	for _, der := range r.Lists {
		issuer, err := signerOf(der, certs)
		if err != nil {
			return &refusedError{err}
		}
		if signed[issuer] {
			return refuse("two revocation lists of %q", issuer.Subject.CommonName)
		}
		signed[issuer] = true
	}
	return nil
}

// signerOf is the one of certs that signed a list.
func signerOf(der []byte, certs []*x509.Certificate) (*x509.Certificate, error) {
	var first error
	for _, cert := range certs {
		_, err := chain.CheckCRL(der, cert)
		if err == nil {
			return cert, nil
		}
		first = cmp.Or(first, err)
	}
	return nil, first
}

// supersedes says whether the list called newer takes the place of another one in
// the store. The root's never does: it signed one, when it was made.
func supersedes(newer, other []byte, intermediate *x509.Certificate) bool {
	_, isNewer := chain.CheckCRL(newer, intermediate)
	_, isOther := chain.CheckCRL(other, intermediate)
	return isNewer == nil && isOther == nil && !bytes.Equal(newer, other)
}

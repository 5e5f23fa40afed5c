package dotnet

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"time"

	"devcert/devcert"
	"devcert/devcert/chain"
	"devcert/platform/winstore"
)

// rivals are the certificates that Kestrel takes instead of the leaf, or could:
// the rules are those of CurrentUser\My on Windows, but for ties, which the order
// of the folder decides, and that is known here.
//
// Leaves that devcert made for the same user are not among them: the place lists
// them as others.
func rivals(entries []entry, leaf *x509.Certificate, now time.Time) (strays []devcert.Stray) {
	first := choice(entries, now)
	ours := find(entries, leaf.Raw)
	list := make([]winstore.Entry, len(entries))
	for i, e := range entries {
		list[i].DER = e.der
	}
	for _, r := range winstore.Rivals(list, leaf, now) {
		at := find(entries, r.DER)
		if entries[at].cert != nil && mateOf(entries[at].cert, leaf) {
			continue
		}
		if why := reason(r, at == first, ours >= 0 && at > ours); why != "" {
			if entries[at].key == nil && at == first {
				why += ", and has no private key for it"
			}
			strays = append(strays, devcert.Stray{
				Cert: readable(entries[at]), Harm: devcert.HarmRival, Where: entries[at].file.path, Why: why,
				TakesOver: r.TakesOver() || at == first && ours >= 0,
			})
		}
	}
	return strays
}

// reason says what a rival does, "" where it does nothing.
func reason(r winstore.Rival, taken, later bool) string {
	switch {
	case r.Effect == winstore.Breaks:
		return "Kestrel fails over it and finds no certificate: " + r.Reason
	case taken:
		return "Kestrel takes it: " + r.Reason
	case r.Effect == winstore.Wins:
		return "Kestrel prefers it: " + r.Reason
	case r.Effect == winstore.Ties && later:
		return "Kestrel may take it: " + r.Reason + ", and only the folder's order has devcert's first"
	case r.Effect == winstore.Ties:
		return "Kestrel may take it: " + r.Reason
	}
	return ""
}

// choice is the certificate that Kestrel takes: the first of the highest version
// among those that are marked and valid; -1 where it takes none.
func choice(entries []entry, now time.Time) int {
	best, at := -1, -1
	for i, e := range entries {
		for _, r := range winstore.Rivals([]winstore.Entry{{DER: e.der}}, nil, now) {
			switch {
			case r.Effect == winstore.Breaks:
				return -1
			case r.Valid && r.Version > best:
				best, at = r.Version, i
			}
		}
	}
	return at
}

// mateOf says whether cert is another leaf that devcert made for leaf's user.
func mateOf(cert, leaf *x509.Certificate) bool {
	return chain.PartOf(cert) == chain.PartLeaf && chain.OwnerOf(cert) == chain.OwnerOf(leaf)
}

// readable is a certificate, or as much of it as names it where crypto/x509
// refuses it.
func readable(e entry) *x509.Certificate {
	if e.cert != nil {
		return e.cert
	}
	var outer struct {
		TBS struct {
			Version                             asn1.RawValue `asn1:"optional,tag:0"`
			Serial, Algorithm, Issuer, Validity asn1.RawValue
			Subject                             pkix.RDNSequence // what follows is left alone
		}
	}
	cert := &x509.Certificate{Raw: e.der}
	if _, err := asn1.Unmarshal(e.der, &outer); err == nil {
		cert.Subject.FillFromRDNSequence(&outer.TBS.Subject)
	}
	return cert
}

package devcert

import (
	"crypto"
	"crypto/x509"
	"slices"
	"strings"

	"devcert/devcert/chain"
)

// PlaceState is what one place of a store does with a root.
type PlaceState string

// The states of a place. Unknown is said when the look itself failed: it never
// means missing.
const (
	Trusted PlaceState = "trusted"
	Missing PlaceState = "missing"
	Denied  PlaceState = "denied" // there, but distrusted or without trust bits
	Stale   PlaceState = "stale"  // in one part of the store and not in another
	Unknown PlaceState = "unknown"
)

// Material is the hierarchy a store is asked about. All are nil when there is
// none; a store then still reports the certificates of ours it holds.
type Material struct {
	Root, Intermediate, Leaf *x509.Certificate
	// ClientIntermediate issues clients' certificates; nil unless it was asked for.
	ClientIntermediate *x509.Certificate
	// Groups issue them too, each for some clients: those that are enabled. What
	// holds the client intermediate holds them beside it.
	Groups []*x509.Certificate
	// RootCRL is the list that the root signed when it was made, for stores in which
	// clients look for it; nil where it is lost, where the root's key is kept, so that
	// a later list can revoke what this one does not name, and where one has.
	RootCRL []byte
	// Revoked are certificates that Intermediate's list is to name.
	Revoked []chain.Revoked
	// LeafKey is there only for Deploy.
	LeafKey crypto.Signer
	// ServersCRL is a list by Intermediate, good until its end, which names what is
	// Revoked. It is there only for Deploy, and nil where none can be signed.
	ServersCRL []byte
	// UserOnly leaves out the places that only an administrator may change.
	UserOnly bool

	done map[string]<-chan struct{} // closed when the store's Deploy has ended
}

// After waits until another store's Deploy in the same run has ended, however
// it did; it returns at once where there is none. Stores get their parts at the
// same time: one calls it whose places another one writes, or is judged by. Two
// may not wait for each other.
func (m Material) After(store string) {
	if done, running := m.done[store]; running {
		<-done
	}
}

// Part is the certificate of one part; nil when it is not there.
func (m Material) Part(p chain.Part) *x509.Certificate {
	switch p {
	case chain.PartRoot:
		return m.Root
	case chain.PartIntermediate:
		return m.Intermediate
	case chain.PartClientIntermediate:
		return m.ClientIntermediate
	case chain.PartLeaf:
		return m.Leaf
	}
	return nil
}

// Parts are the certificates of one part: of clients' intermediates there may be
// several.
func (m Material) Parts(p chain.Part) []*x509.Certificate {
	var all []*x509.Certificate
	if cert := m.Part(p); cert != nil {
		all = append(all, cert)
	}
	if p == chain.PartClientIntermediate {
		all = append(all, m.Groups...)
	}
	return all
}

// fromBelow are all parts, so that whoever removes them in this order leaves no
// chain with a hole.
var fromBelow = []chain.Part{chain.PartLeaf, chain.PartIntermediate, chain.PartClientIntermediate, chain.PartRoot}

// Place is what was seen in one place of a store: the system's bundle, one
// browser profile, one JDK, a server's personal store.
type Place struct {
	Path string // where a person can look for it
	// Part is what the place is for: a trust store holds the root, a personal
	// store the leaf and its key.
	Part chain.Part
	// Machine says that only an administrator may change it.
	Machine bool
	// UserOnly says that it stands in for a place of the machine's, and is to
	// hold its part only where those are left out.
	UserOnly bool
	// Shared says that other machines of the same user's have their roots there
	// too: one that this machine's ledger does not know may be in use by another.
	Shared     bool
	State      PlaceState
	VerifiedBy string // how it is known, e.g. "chain built from the bundle"
	Evidence   string // what was seen, in one line, when the state is not Trusted
	// Remedy is what a person can do about that where devcert cannot: the place
	// is as it is until then, and repair leaves it alone.
	Remedy string
	// Others are the certificates of devcert's profile in this place that are
	// not of the Material, whoever made them.
	Others []*x509.Certificate
	// Strays are certificates that do harm here, whoever put them there.
	Strays []Stray
}

// fromGood orders the states, so that the last one says most of a place.
var fromGood = []PlaceState{Trusted, Missing, Stale, Denied, Unknown}

// Each sets the state of a place that is to hold all of certs, from what see says of
// each: the worst, and stale where only some are missing.
func (p *Place) Each(certs []*x509.Certificate, see func(*x509.Certificate) (state PlaceState, verifiedBy, evidence string)) {
	var missing []string
	for i, cert := range certs {
		state, by, evidence := see(cert)
		if state == Missing {
			missing = append(missing, nameOf(cert))
		}
		if i == 0 || slices.Index(fromGood, state) > slices.Index(fromGood, p.State) {
			p.State, p.VerifiedBy, p.Evidence = state, by, evidence
		}
	}
	if p.State == Missing && len(missing) < len(certs) {
		p.State, p.Evidence = Stale, "without "+strings.Join(missing, ", ")
	}
}

// Stray is a certificate in a place where it does harm.
type Stray struct {
	Cert *x509.Certificate
	Harm Harm
	Why  string // what it does, in one line
	// TakesOver says of a rival that the server never gets to the leaf while it
	// is there; of others it is only known that they might be taken.
	TakesOver bool
	// Where is the file, where that is not the place's path.
	Where string
}

// Harm is what a stray certificate does.
type Harm string

// The harms.
const (
	// HarmNotSelfSigned: in a Windows Root store it makes IIS answer 403.16 to
	// client certificates (Microsoft KB 2802568).
	HarmNotSelfSigned Harm = "not-self-signed"
	// HarmRival: a server takes it for localhost instead of the leaf.
	HarmRival Harm = "rival"
	// HarmExposed: the file at Where has the leaf's key, and others may read it.
	HarmExposed Harm = "exposed"
	// HarmStaleExport: a server presents what is in the file at Where, which is
	// not the leaf. There is no Cert: none of the place's own is meant.
	HarmStaleExport Harm = "stale-export"
)

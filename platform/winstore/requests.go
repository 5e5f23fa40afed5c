package winstore

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"

	"devcert/devcert/chain"
)

// Privileged is who changes the machine's stores for us.
type Privileged interface {
	// Ready says, without asking anybody, whether Do may be called.
	Ready(ctx context.Context) error
	// Do has one of the requests below carried out with administrator rights.
	Do(ctx context.Context, what string, body any) error
}

// What can be asked for. [Machine] answers, and nothing else is possible.
const (
	DoDeploy   = "windows-deploy"   // with a DeployRequest
	DoWithdraw = "windows-withdraw" // with a WithdrawRequest
)

// DeployRequest asks for one part of a hierarchy in the machine's store for it.
type DeployRequest struct {
	Part chain.Part `json:"part"`
	// Chain is the part and what is above it, up to the root, each as DER.
	Chain [][]byte `json:"chain"`
	// Lists are revocation lists by certificates of Chain, each as DER; only with the
	// intermediate.
	Lists [][]byte `json:"lists,omitempty"`
	// Key is the leaf's, as [chain.EncodeKey] writes it; no other part has one.
	Key []byte `json:"key,omitempty"`
}

// WithdrawRequest asks for a certificate to be removed from one of the machine's
// stores, with its key where that is windows-my, and with the revocation lists beside
// an intermediate in windows-ca.
type WithdrawRequest struct {
	Store string `json:"store"` // "windows-root", "windows-ca" or "windows-my"
	DER   []byte `json:"der"`
}

// kinds are the stores that devcert knows, in the order in which a hierarchy is
// deployed: whoever sees the leaf can see its issuers.
var kinds = []kind{
	{"windows-root", Root, chain.PartRoot},
	{"windows-ca", CA, chain.PartIntermediate},
	{"windows-my", My, chain.PartLeaf},
}

// clientKind is what windows-ca holds besides, where there is an authority for
// clients: IIS builds the chain of a client's certificate from that store, since
// few clients send their intermediate.
var clientKind = kind{"windows-ca", CA, chain.PartClientIntermediate}

// lineage is a part and what stands above it, from below; nil for what belongs into
// none of the stores.
func lineage(part chain.Part) []chain.Part {
	switch part {
	case chain.PartRoot:
		return []chain.Part{chain.PartRoot}
	case chain.PartIntermediate, chain.PartClientIntermediate:
		return []chain.Part{part, chain.PartRoot}
	case chain.PartLeaf:
		return []chain.Part{part, chain.PartIntermediate, chain.PartRoot}
	}
	return nil
}

// kind is one kind of store: which part of a hierarchy belongs into it.
type kind struct {
	name string // on devcert's command line
	in   string // as Windows calls it
	part chain.Part
}

// refusedError is a request that nobody honest makes.
type refusedError struct{ reason error }

func (e *refusedError) Error() string { return "refused: " + e.reason.Error() }
func (e *refusedError) Unwrap() error { return e.reason }

// Remedy says what a person can do.
func (e *refusedError) Remedy() string {
	return "if devcert itself asked for it, make a new hierarchy: devcert setup"
}

func refuse(format string, args ...any) error { return &refusedError{fmt.Errorf(format, args...)} }

// accept decides by the bytes alone what may come into a store of the machine.
//
// The whole chain is judged, not the part alone: an intermediate or a leaf by
// itself only claims its issuer, and could have any name. Whoever can start the
// privileged child gets no more than a root of their own with our constraints,
// and certificates under it, which is what the child is there for. That the
// issuers are in the machine's stores already is not asked: the same child would
// put them there.
func (r DeployRequest) accept() (kind, chain.Pair, error) {
	for _, k := range append([]kind{clientKind}, kinds...) {
		if k.part != r.Part {
			continue
		}
		if want := len(lineage(r.Part)); len(r.Chain) != want {
			return kind{}, chain.Pair{}, refuse("the %s with %d certificates, %d expected", r.Part, len(r.Chain), want)
		}
		pair, err := r.check()
		return k, pair, err
	}
	return kind{}, chain.Pair{}, refuse("%q is no part of a hierarchy", r.Part)
}

func (r DeployRequest) check() (chain.Pair, error) {
	certs, expected := make([]*x509.Certificate, len(r.Chain)), lineage(r.Part)
	for i, der := range r.Chain {
		cert, part, err := chain.CheckPart(der)
		if err != nil {
			return chain.Pair{}, &refusedError{err}
		}
		if want := expected[i]; part != want {
			return chain.Pair{}, refuse("the %s of a hierarchy where its %s is expected", part, want)
		}
		certs[i] = cert
	}
	if err := r.checkLists(certs); err != nil {
		return chain.Pair{}, err
	}
	parts := chain.Parts{Root: certs[len(certs)-1]}
	if _, err := chain.CheckNewRoot(parts.Root.Raw); err != nil {
		return chain.Pair{}, &refusedError{err}
	}
	switch {
	case r.Part == chain.PartClientIntermediate:
		parts.ClientIntermediate = certs[0]
	case len(certs) > 1:
		parts.Intermediate = certs[len(certs)-2]
	}
	pair := chain.Pair{Cert: certs[0]}
	switch {
	case r.Part != chain.PartLeaf && len(r.Key) > 0:
		return chain.Pair{}, refuse("a private key with the %s", r.Part)
	case r.Part == chain.PartLeaf:
		key, err := chain.ParseKey(r.Key)
		if err != nil {
			return chain.Pair{}, &refusedError{err}
		}
		pair.Key, parts.Leaf, parts.LeafKey = key, pair.Cert, key
	}
	return pair, coherent(parts)
}

// coherent refuses parts that do not belong together. What is not asked about is
// missing, and time is no matter of trust: status speaks of it.
func coherent(parts chain.Parts) error {
	for _, p := range chain.Check(parts, nil, parts.Root.NotBefore) {
		switch p.Fault {
		case chain.FaultMissing, chain.FaultExpired, chain.FaultNotYetValid:
		default:
			return &refusedError{errors.New(p.String())}
		}
	}
	return nil
}

// accept decides what may go out of a store of the machine: certificates of
// devcert's profile, whoever made them and wherever they got to. With the part that
// the store is for go its revocation lists.
func (r WithdrawRequest) accept() (k kind, lists *x509.Certificate, err error) {
	cert, part, err := chain.CheckPart(r.DER)
	if err != nil {
		return kind{}, nil, &refusedError{err}
	}
	for _, k := range kinds {
		if k.name != r.Store {
			continue
		}
		if k.part == part && k.keepsLists() {
			lists = cert
		}
		return k, lists, nil
	}
	return kind{}, nil, refuse("%q is no store of devcert's", r.Store)
}

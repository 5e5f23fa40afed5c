package chain

import (
	"cmp"
	"crypto"
	"crypto/ecdsa"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// Pair is a certificate and its private key.
type Pair struct {
	Cert *x509.Certificate
	Key  crypto.Signer
}

// Options says what hierarchy to make.
type Options struct {
	Owner   string    // USER@HOST; goes through [ReduceOwner]
	Permits Permits   // all that it may be for; DefaultPermits when empty
	Names   []string  // all names of the leaf; DefaultNames when empty
	Key     KeyType   // of the leaf; RSA when empty
	Now     time.Time // in any zone
	Rand    io.Reader // see the package comment; nil for the system's

	// ClientCerts asks for the client intermediate. Only then is there a key
	// that can sign client certificates, for a thief as well.
	ClientCerts bool
}

// Hierarchy is everything that New makes.
type Hierarchy struct {
	ID   string // see [HierarchyID]
	Root *x509.Certificate
	// RootKey has signed all that it is needed for. It is nowhere but here:
	// forget it, unless a person asked to keep it.
	RootKey      *ecdsa.PrivateKey
	RootCRL      []byte // DER: nothing revoked, valid as long as the root
	Intermediate Pair
	Leaf         Pair
	// ClientIntermediate is zero unless it was asked for.
	ClientIntermediate Pair
}

// New makes a hierarchy: a root, a server intermediate, a client intermediate
// where it is asked for, a leaf and the root's revocation list. A name outside the permits is a *NameError, found before
// anything is made.
func New(o Options) (*Hierarchy, error) {
	o, err := o.complete()
	if err != nil {
		return nil, err
	}
	// An RSA key takes longer than all the rest together.
	var leafKey crypto.Signer
	var leafErr error
	done := make(chan struct{})
	go func() {
		leafKey, leafErr = newKey(o.Key)
		close(done)
	}()
	h, err := newAuthorities(o)
	<-done
	if err := errors.Join(err, leafErr); err != nil {
		return nil, err
	}
	leaf, err := issueServer(h.Intermediate, leafKey.Public(), LeafOptions{Names: o.Names, Now: o.Now, Rand: o.Rand})
	if err != nil {
		return nil, err
	}
	h.Leaf = Pair{Cert: leaf, Key: leafKey}
	return h, nil
}

// complete fills in the defaults and refuses what cannot be made.
func (o Options) complete() (Options, error) {
	if o.Now.IsZero() {
		return o, errors.New("making a hierarchy: no time was given")
	}
	if len(o.Names) == 0 {
		o.Names = DefaultNames()
	}
	if len(o.Permits.Domains)+len(o.Permits.Networks) == 0 {
		o.Permits = DefaultPermits()
	}
	o.Permits = o.Permits.With(Permits{})
	if err := o.Permits.refused(); err != nil {
		return o, fmt.Errorf("making a root: %w", err)
	}
	var err error
	o.Names, err = permittedNames(o.Names, o.Permits)
	return o, err
}

// newAuthorities makes all but the leaf.
func newAuthorities(o Options) (*Hierarchy, error) {
	rootKey, err := newECDSA()
	if err != nil {
		return nil, err
	}
	v := values{
		owner:     ReduceOwner(o.Owner),
		id:        idOf(rootKey.Public()),
		notBefore: seconds(o.Now).Add(-Backdate),
		notAfter:  seconds(o.Now).AddDate(RootYears, 0, 0),
		permits:   o.Permits,
	}
	root, err := newAuthority(rootProfile, v, Pair{Key: rootKey}, rootKey, o.Rand)
	if err != nil {
		return nil, err
	}
	h := &Hierarchy{ID: v.id, Root: root.Cert, RootKey: rootKey}
	if h.Intermediate, err = newIntermediate(serverProfile, v, root, o.Rand); err != nil {
		return nil, err
	}
	if o.ClientCerts {
		if h.ClientIntermediate, err = newIntermediate(clientProfile, v, root, o.Rand); err != nil {
			return nil, err
		}
	}
	if h.RootCRL, err = emptyCRL(root); err != nil {
		return nil, err
	}
	return h, nil
}

// newIntermediate makes a CA of profile p and its key.
func newIntermediate(p profile, v values, root Pair, random io.Reader) (Pair, error) {
	key, err := newECDSA()
	if err != nil {
		return Pair{}, err
	}
	return newAuthority(p, v, root, key, random)
}

// newAuthority makes a CA of profile p for key. An issuer without certificate
// means that it signs itself.
func newAuthority(p profile, v values, issuer Pair, key crypto.Signer, random io.Reader) (Pair, error) {
	var err error
	if v.serial, err = newSerial(random); err != nil {
		return Pair{}, err
	}
	v.key = key.Public()
	cert, err := p.sign(v, issuer.Cert, issuer.Key)
	if err != nil {
		return Pair{}, fmt.Errorf("making the %s certificate: %w", p.title, err)
	}
	return Pair{Cert: cert, Key: key}, nil
}

// LeafOptions says what leaf to make.
type LeafOptions struct {
	Names []string  // at least one; they go through [NormalNames] and keep their order
	Key   KeyType   // RSA when empty
	Now   time.Time // in any zone
	Rand  io.Reader // see the package comment; nil for the system's

	life time.Duration // LeafLifetime when 0
}

// NewLeaf makes a key and a server leaf for it, which ends with its issuer at
// the latest. A name that issuer's constraints do not permit is a *NameError.
// An issuer that is expired, not yet valid or without its own key is refused.
func NewLeaf(issuer Pair, o LeafOptions) (Pair, error) {
	if err := checkIssuer(issuer, o); err != nil {
		return Pair{}, err
	}
	return newLeaf(issuer, o)
}

// newLeaf makes both, once checkIssuer has said what there is to say.
func newLeaf(issuer Pair, o LeafOptions) (Pair, error) {
	key, err := newKey(o.Key)
	if err != nil {
		return Pair{}, err
	}
	cert, err := issueServer(issuer, key.Public(), o)
	if err != nil {
		return Pair{}, err
	}
	return Pair{Cert: cert, Key: key}, nil
}

// IssueServer makes a server leaf for a public key whose private half stays
// with whoever sent it; see [RequestNames]. Errors are those of [NewLeaf].
func IssueServer(issuer Pair, pub crypto.PublicKey, names []string, now time.Time) (*x509.Certificate, error) {
	o := LeafOptions{Names: names, Now: now}
	if err := checkIssuer(issuer, o); err != nil {
		return nil, err
	}
	return issueServer(issuer, pub, o)
}

// checkIssuer finds out whether a leaf can be issued, before a slow key is made.
func checkIssuer(issuer Pair, o LeafOptions) error {
	switch {
	case !SameKey(issuer.Cert, issuer.Key):
		return errors.New("issuing a leaf: the issuer's key is not that of its certificate")
	case o.Now.After(issuer.Cert.NotAfter):
		return fmt.Errorf("issuing a leaf: the issuer expired on %s", date(issuer.Cert.NotAfter))
	case o.Now.Before(issuer.Cert.NotBefore):
		return fmt.Errorf("issuing a leaf: the issuer is valid from %s only: is the clock right?", date(issuer.Cert.NotBefore))
	}
	_, err := permittedNames(o.Names, PermitsOf(issuer.Cert))
	return err
}

// issueServer makes the certificate, once checkIssuer has nothing against it.
func issueServer(issuer Pair, pub crypto.PublicKey, o LeafOptions) (*x509.Certificate, error) {
	if err := checkPublicKey(pub); err != nil {
		return nil, fmt.Errorf("issuing a leaf: %w", err)
	}
	names, err := NormalNames(o.Names)
	if err != nil {
		return nil, err
	}
	v := values{key: pub, notBefore: seconds(o.Now).Add(-Backdate), notAfter: seconds(o.Now).Add(cmp.Or(o.life, LeafLifetime))}
	if v.notAfter.After(issuer.Cert.NotAfter) {
		v.notAfter = issuer.Cert.NotAfter
	}
	if v.serial, err = newSerial(o.Rand); err != nil {
		return nil, err
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			v.addresses = append(v.addresses, ip)
		} else {
			v.dnsNames = append(v.dnsNames, name)
		}
	}
	cert, err := leafProfile.sign(v, issuer.Cert, issuer.Key)
	if err != nil {
		return nil, fmt.Errorf("issuing a leaf: %w", err)
	}
	return cert, nil
}

// permittedNames normalises names and refuses the first outside p, with the
// command that would allow it.
func permittedNames(raw []string, p Permits) ([]string, error) {
	names, err := NormalNames(raw)
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, errors.New("no names")
	}
	for _, name := range names {
		if !p.Allows(name) {
			return nil, outside(name)
		}
	}
	return names, nil
}

// seconds is t as a certificate can say it.
func seconds(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }

func date(t time.Time) string { return t.UTC().Format(time.DateOnly) }

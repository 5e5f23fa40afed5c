package chain

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
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
	leaf, err := issueServer(leafProfile, h.Intermediate, leafKey.Public(), LeafOptions{Names: o.Names, Now: o.Now, Rand: o.Rand})
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
	if o.Now.After(lastMoment) {
		return o, fmt.Errorf("making a hierarchy: no certificate can say %s: is the clock right?", date(o.Now))
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
		notAfter:  ending(seconds(o.Now).AddDate(RootYears, 0, 0)),
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

// seconds is t as a certificate can say it.
func seconds(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }

// lastMoment is the last that a certificate can name (RFC 5280, 4.1.2.5).
var lastMoment = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)

// ending is t, or the last moment there is.
func ending(t time.Time) time.Time {
	if t.After(lastMoment) {
		return lastMoment
	}
	return t
}

func date(t time.Time) string { return t.UTC().Format(time.DateOnly) }

package chain

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
)

// weakBits is what Go still makes and OpenSSL refuses at its security level 2:
// 80 bits of strength (SP 800-57, part 1).
const weakBits = 1024

// throwAwayProfile is a root that no hierarchy has. It has constraints all the
// same, because whoever trusts it for a test may forget it there.
var throwAwayProfile = profile{
	pathLen: 0,
	usage:   signsCertificates,
	permits: true,
}

// fromNobody makes what no sound issuer signs, below a root that is made for it
// and whose key goes no further. The root is sent as well: verifiers then say
// that they do not trust it, and not that something is missing.
func (l *leafToSpoil) fromNobody(name string) (Flawed, error) {
	permits := DefaultPermits()
	if l.issuer.Cert != nil {
		permits = PermitsOf(l.issuer.Cert)
	}
	root, err := l.newThrowAway(permits)
	if err != nil {
		return l.failed(err)
	}
	l.issuer = root
	if err := l.prepareThrowAway(name, permits); err != nil {
		return Flawed{}, err
	}
	made := Flawed{Chain: []*x509.Certificate{root.Cert}, Root: root.Cert}
	if made.Key, err = l.newKey(); err != nil {
		return l.failed(err)
	}
	if l.flaw == FlawSelfSigned {
		made.Chain, made.Root, l.issuer = nil, nil, Pair{Key: made.Key}
	}
	l.values.key = made.Key.Public()
	if l.values.serial, err = newSerial(nil); err != nil {
		return l.failed(err)
	}
	made.Cert, err = l.profile.sign(l.values, l.issuer.Cert, l.issuer.Key)
	if err == nil && l.flaw == FlawBrokenSignature {
		made.Cert, err = breakSignature(made.Cert)
	}
	if err != nil {
		return l.failed(err)
	}
	return made, nil
}

func (l *leafToSpoil) newThrowAway(permits Permits) (Pair, error) {
	if l.now.IsZero() {
		return Pair{}, errors.New("no time was given")
	}
	key, err := newECDSA()
	if err != nil {
		return Pair{}, err
	}
	p, v := throwAwayProfile, leafValues(nil, l.now, LeafLifetime)
	p.mark = l.flaw.subjectMark()
	v.cn, v.permits = "throw-away root "+idOf(key.Public()), permits
	return newAuthority(p, v, Pair{Key: key}, key, nil)
}

// prepareThrowAway refuses the same names as a sound issuer. There is no list
// that could revoke it.
func (l *leafToSpoil) prepareThrowAway(name string, permits Permits) error {
	if l.client {
		o, err := ClientOptions{Name: name}.normal()
		if err == nil {
			err = o.within(permits)
		}
		if err != nil {
			return err
		}
		l.prepare(clientLeafProfile, o.serverNames(), name)
		return nil
	}
	names, err := permittedNames([]string{name}, permits)
	if err != nil {
		return err
	}
	l.prepare(furtherProfile, names, name)
	return nil
}

func (l *leafToSpoil) newKey() (crypto.Signer, error) {
	if l.flaw != FlawWeakKey {
		return newECDSA()
	}
	key, err := rsa.GenerateKey(rand.Reader, weakBits)
	if err != nil {
		return nil, fmt.Errorf("making a weak key: %w", err)
	}
	return key, nil
}

// breakSignature changes the last bit of a signature, which leaves its DER whole.
func breakSignature(cert *x509.Certificate) (*x509.Certificate, error) {
	der := slices.Clone(cert.Raw)
	der[len(der)-1] ^= 1
	return x509.ParseCertificate(der)
}

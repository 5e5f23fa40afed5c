package chain

import (
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"
)

// fromIssuer has the flaw signed by the issuer itself.
func (l *leafToSpoil) fromIssuer(name string) (Flawed, error) {
	if err := l.prepareSound(name); err != nil {
		return Flawed{}, err
	}
	if err := l.spoil(); err != nil {
		return l.failed(err)
	}
	key, err := newECDSA()
	if err != nil {
		return l.failed(err)
	}
	cert, err := signLeaf(l.profile, l.values, l.issuer, key.Public(), nil)
	if err != nil {
		return l.failed(err)
	}
	made := Flawed{Pair: Pair{Cert: cert, Key: key}, Chain: l.sent()}
	if l.flaw == FlawMissingIntermediate {
		made.Chain = nil
	}
	return made, nil
}

// prepareSound is for what [NewClient] and [NewServer] would make.
func (l *leafToSpoil) prepareSound(name string) error {
	if l.client {
		p, o, err := clientOf(l.issuer, ClientOptions{Name: name, Now: l.now})
		if err != nil {
			return err
		}
		l.prepare(p, o.serverNames(), name)
		return nil
	}
	if err := checkIssuer(l.issuer, LeafOptions{Names: []string{name}, Now: l.now}); err != nil {
		return err
	}
	names, err := NormalNames([]string{name})
	if err != nil {
		return err
	}
	l.prepare(furtherProfile, names, name)
	return nil
}

// spoil makes the one thing wrong. A missing intermediate is nothing that is in
// a certificate.
func (l *leafToSpoil) spoil() error {
	switch l.flaw {
	case FlawExpired:
		return l.expire()
	case FlawNotYetValid:
		return l.postpone()
	case FlawWrongUse:
		l.profile.purpose = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		if !l.client {
			l.profile.purpose = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
		}
	case FlawWrongName:
		if l.client {
			return l.nameOutside()
		}
		return l.nameAnother()
	case FlawMissingIntermediate:
		if len(l.sent()) == 0 {
			return errors.New("there is no intermediate between it and its root")
		}
	case FlawRevoked:
		if l.profile.crl = CRLName(l.issuer.Cert); l.profile.crl == "" {
			return fmt.Errorf("%q is no CA of devcert's, and has no revocation list", l.issuer.Cert.Subject.CommonName)
		}
	}
	return nil
}

// expire ends it a day ago, or when half the time since its issuer's start was
// over, and starts it when its issuer was valid.
func (l *leafToSpoil) expire() error {
	start := l.issuer.Cert.NotBefore
	l.values.notAfter = seconds(l.now.Add(-min(24*time.Hour, l.now.Sub(start)/2)))
	l.values.notBefore = l.values.notAfter.Add(-LeafLifetime)
	if l.values.notBefore.Before(start) {
		l.values.notBefore = start
	}
	if !l.values.notBefore.Before(l.values.notAfter) {
		return fmt.Errorf("its issuer is too new: valid from %s UTC", start.UTC().Format(time.DateTime))
	}
	return nil
}

// postpone starts it in a year, so that it does not become sound in somebody's
// folder, or when half the time to its issuer's end is over.
func (l *leafToSpoil) postpone() error {
	end := l.issuer.Cert.NotAfter
	l.values.notBefore = seconds(l.now.Add(min(LeafLifetime, end.Sub(l.now)/2)))
	l.values.notAfter = l.values.notBefore.Add(LeafLifetime)
	if l.values.notAfter.After(end) {
		l.values.notAfter = end
	}
	if !l.values.notBefore.Before(l.values.notAfter) || !l.values.notBefore.After(l.now) {
		return fmt.Errorf("its issuer ends too soon: at %s UTC", end.UTC().Format(time.DateTime))
	}
	return nil
}

// nameOutside adds a name that the constraints refuse: whatever a server makes
// of a client's names, its verifier looks at that.
func (l *leafToSpoil) nameOutside() error {
	permits := PermitsOf(l.issuer.Cert)
	for _, domain := range []string{"invalid", "example", "test", "local"} {
		if name := "wrong-name." + domain; !permits.Allows(name) {
			l.values.dnsNames = append(l.values.dnsNames, name)
			return nil
		}
	}
	return fmt.Errorf("the constraints permit too much: %s", permits)
}

// nameAnother puts a permitted name in the place of the one that was asked for.
func (l *leafToSpoil) nameAnother() error {
	asked := &x509.Certificate{DNSNames: l.values.dnsNames}
	for _, domain := range PermitsOf(l.issuer.Cert).Domains {
		if name := "wrong-name." + domain; !covers(asked, name) {
			l.values.cn, l.values.dnsNames, l.values.addresses = commonName([]string{name}), []string{name}, nil
			return nil
		}
	}
	return errors.New("the constraints permit no other name")
}

// sent is what goes behind the leaf: an intermediate, but no root that everybody
// has who is to trust it.
func (l *leafToSpoil) sent() []*x509.Certificate {
	if slices.Equal(l.issuer.Cert.RawSubject, l.issuer.Cert.RawIssuer) {
		return nil
	}
	return []*x509.Certificate{l.issuer.Cert}
}

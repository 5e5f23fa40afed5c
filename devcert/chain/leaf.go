package chain

import (
	"cmp"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"time"
)

// LeafOptions says what leaf to make.
type LeafOptions struct {
	Names []string      // at least one; they go through [NormalNames] and keep their order
	Key   KeyType       // RSA when empty
	Life  time.Duration // LeafLifetime when 0
	Now   time.Time     // in any zone
	Rand  io.Reader     // see the package comment; nil for the system's
}

// NewLeaf makes a key and the leaf of the server localhost for it, which ends
// with its issuer at the latest. A name that issuer's constraints do not permit
// is a *NameError. An issuer that is expired, not yet valid or without its own
// key is refused.
func NewLeaf(issuer Pair, o LeafOptions) (Pair, error) {
	if err := checkIssuer(issuer, o); err != nil {
		return Pair{}, err
	}
	return newLeaf(leafProfile, issuer, o)
}

// NewServer is NewLeaf for a further server: its subject is the first name, and
// it is not ASP.NET Core's development certificate.
func NewServer(issuer Pair, o LeafOptions) (Pair, error) {
	if err := checkIssuer(issuer, o); err != nil {
		return Pair{}, err
	}
	return newLeaf(furtherProfile, issuer, o)
}

// IssueServer is NewServer for a public key whose private half stays with
// whoever sent it; see [RequestNames].
func IssueServer(issuer Pair, pub crypto.PublicKey, o LeafOptions) (*x509.Certificate, error) {
	if err := checkIssuer(issuer, o); err != nil {
		return nil, err
	}
	return issueServer(furtherProfile, issuer, pub, o)
}

// newLeaf makes both, once checkIssuer has said what there is to say.
func newLeaf(p profile, issuer Pair, o LeafOptions) (Pair, error) {
	key, err := newKey(o.Key)
	if err != nil {
		return Pair{}, err
	}
	cert, err := issueServer(p, issuer, key.Public(), o)
	if err != nil {
		return Pair{}, err
	}
	return Pair{Cert: cert, Key: key}, nil
}

// checkIssuer finds out whether a leaf can be issued, before a slow key is made.
func checkIssuer(issuer Pair, o LeafOptions) error {
	if err := checkSigner(issuer, o.Now, x509.ExtKeyUsageServerAuth); err != nil {
		return err
	}
	if o.Life < 0 {
		return errors.New("issuing a leaf: it would end before it starts")
	}
	_, err := permittedNames(o.Names, PermitsOf(issuer.Cert))
	return err
}

// checkSigner says why issuer cannot sign a leaf for this purpose now.
func checkSigner(issuer Pair, now time.Time, purpose x509.ExtKeyUsage) error {
	switch {
	case !SameKey(issuer.Cert, issuer.Key):
		return errors.New("issuing a leaf: the issuer's key is not that of its certificate")
	case now.After(issuer.Cert.NotAfter):
		return fmt.Errorf("issuing a leaf: the issuer expired on %s", date(issuer.Cert.NotAfter))
	case now.Before(issuer.Cert.NotBefore):
		return fmt.Errorf("issuing a leaf: the issuer is valid from %s only: is the clock right?", date(issuer.Cert.NotBefore))
	case !issuer.Cert.IsCA:
		return fmt.Errorf("issuing a leaf: %q is no CA", issuer.Cert.Subject.CommonName)
	case len(issuer.Cert.ExtKeyUsage) > 0 && !slices.Contains(issuer.Cert.ExtKeyUsage, purpose):
		return fmt.Errorf("issuing a leaf: what %q signs is not for %s", issuer.Cert.Subject.CommonName, purposeName(purpose))
	}
	return nil
}

func purposeName(purpose x509.ExtKeyUsage) string {
	if purpose == x509.ExtKeyUsageClientAuth {
		return "clients"
	}
	return "servers"
}

// issueServer makes the certificate, once checkIssuer has nothing against it.
func issueServer(p profile, issuer Pair, pub crypto.PublicKey, o LeafOptions) (*x509.Certificate, error) {
	names, err := NormalNames(o.Names)
	if err != nil {
		return nil, err
	}
	v := leafValues(issuer.Cert, o.Now, o.Life)
	v.cn = commonName(names)
	v.dnsNames, v.addresses = sortNames(names)
	return signLeaf(p, v, issuer, pub, o.Rand)
}

// leafValues are those of a leaf that is made at now.
func leafValues(issuer *x509.Certificate, now time.Time, life time.Duration) values {
	v := values{notBefore: seconds(now).Add(-Backdate), notAfter: ending(seconds(now.Add(cmp.Or(life, LeafLifetime))))}
	if issuer != nil && v.notAfter.After(issuer.NotAfter) {
		v.notAfter = issuer.NotAfter
	}
	return v
}

// signLeaf makes the certificate of a public key. An issuer without certificate
// means that it signs itself.
func signLeaf(p profile, v values, issuer Pair, pub crypto.PublicKey, random io.Reader) (*x509.Certificate, error) {
	err := checkPublicKey(pub)
	if err != nil {
		return nil, fmt.Errorf("issuing a leaf: %w", err)
	}
	if v.serial, err = newSerial(random); err != nil {
		return nil, err
	}
	v.key = pub
	cert, err := p.sign(v, issuer.Cert, issuer.Key)
	if err != nil {
		return nil, fmt.Errorf("issuing a leaf: %w", err)
	}
	return cert, nil
}

// commonName is the first DNS name that a common name has room for. An address
// is none: where there is no DNS name, OpenSSL takes 127.0.0.1 for one and holds
// it against the constraints. What is said instead cannot be a host's name.
func commonName(names []string) string {
	dnsNames, _ := sortNames(names)
	for _, name := range dnsNames {
		if len(name) <= maxCommonName {
			return name
		}
	}
	return "devcert server"
}

// sortNames keeps the order among the names of a kind.
func sortNames(names []string) (dnsNames []string, addresses []net.IP) {
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			addresses = append(addresses, ip)
		} else {
			dnsNames = append(dnsNames, name)
		}
	}
	return dnsNames, addresses
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

package chain

import (
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"time"
)

// clientHost is a DNS name in the SAN of every client certificate. It is nobody's:
// where there is a DNS name, OpenSSL, .NET and Java do not hold the CN against
// the constraints, which one like alice.smith would violate.
const clientHost = "client.localhost"

// ClientOptions says what client certificate to make.
type ClientOptions struct {
	// Name is whom or what the certificate stands for: its common name. See
	// [NewClient] for names that are refused.
	Name string
	// Emails and URIs go into the SAN. Whatever domain they have, the constraints
	// do not apply to them; see [NewClient] for what is refused.
	Emails, URIs []string
	Life         time.Duration // LeafLifetime when 0
	Key          KeyType       // RSA when empty
	// Server are names for which the certificate is a server's as well.
	Server []string
	Now    time.Time // in any zone
	Rand   io.Reader // see the package comment; nil for the system's
}

// NewClient makes a key and a client certificate for it, which ends with its
// issuer at the latest. The issuer is a client intermediate of ours, or a root,
// below which alone a certificate may be a server's as well; it must be valid
// and have its own key.
//
// A *NameError refuses a common name that is empty, longer than 64 characters,
// not printable or of the form that devcert's CAs have, or that looks like a
// host name outside the issuer's constraints; an e-mail address or URI that some
// reader of certificates refuses; and a server's name outside the constraints.
func NewClient(issuer Pair, o ClientOptions) (Pair, error) {
	p, o, err := clientOf(issuer, o)
	if err != nil {
		return Pair{}, err
	}
	key, err := newKey(o.Key)
	if err != nil {
		return Pair{}, err
	}
	cert, err := issueClient(p, issuer, key.Public(), o)
	if err != nil {
		return Pair{}, err
	}
	return Pair{Cert: cert, Key: key}, nil
}

// IssueClient is NewClient for a public key whose private half stays with
// whoever sent it; see [RequestClient].
func IssueClient(issuer Pair, pub crypto.PublicKey, o ClientOptions) (*x509.Certificate, error) {
	p, o, err := clientOf(issuer, o)
	if err != nil {
		return nil, err
	}
	return issueClient(p, issuer, pub, o)
}

// NewSelfSigned makes a key and a client certificate that nobody else signed,
// for applications that take only those. It is no CA, and names stand in it
// unrestricted: whoever trusts it trusts it for what it says.
func NewSelfSigned(o ClientOptions) (Pair, error) {
	o, err := o.normal()
	if err != nil {
		return Pair{}, err
	}
	if o.Now.IsZero() {
		return Pair{}, errors.New("making a self-signed certificate: no time was given")
	}
	key, err := newKey(o.Key)
	if err != nil {
		return Pair{}, err
	}
	cert, err := issueClient(clientLeafProfile.forServers(len(o.Server) > 0), Pair{Key: key}, key.Public(), o)
	if err != nil {
		return Pair{}, err
	}
	return Pair{Cert: cert, Key: key}, nil
}

// clientOf finds out whether a client certificate can be issued, before a slow
// key is made, and which profile it has.
func clientOf(issuer Pair, o ClientOptions) (profile, ClientOptions, error) {
	refuse := func(err error) (profile, ClientOptions, error) { return profile{}, o, err }
	o, err := o.normal()
	if err != nil {
		return refuse(err)
	}
	p := clientLeafProfile.forServers(len(o.Server) > 0)
	for _, purpose := range p.purpose {
		if err := checkSigner(issuer, o.Now, purpose); err != nil {
			return refuse(err)
		}
	}
	if CRLName(issuer.Cert) == "" {
		return refuse(fmt.Errorf("issuing a leaf: %q is no CA of devcert's", issuer.Cert.Subject.CommonName))
	}
	if err := o.within(PermitsOf(issuer.Cert)); err != nil {
		return refuse(err)
	}
	p.crl = CRLName(issuer.Cert)
	return p, o, nil
}

// within says which name the constraints of an issuer refuse.
func (o ClientOptions) within(p Permits) error {
	if _, err := permittedNames(o.serverNames(), p); err != nil {
		return err
	}
	return misleading(o.Name, p)
}

// forServers adds the purpose of a server to a client's profile.
func (p profile) forServers(also bool) profile {
	if also {
		p.purpose = append(slices.Clone(p.purpose), x509.ExtKeyUsageServerAuth)
	}
	return p
}

// issueClient makes the certificate, once clientOf has nothing against it.
func issueClient(p profile, issuer Pair, pub crypto.PublicKey, o ClientOptions) (*x509.Certificate, error) {
	v := leafValues(issuer.Cert, o.Now, o.Life)
	v.cn, v.emails = o.Name, o.Emails
	v.dnsNames, v.addresses = sortNames(o.serverNames())
	if issuer.Cert != nil {
		v.id = idInName(issuer.Cert.Subject.CommonName)
	}
	for _, s := range o.URIs {
		uri, err := url.Parse(s)
		if err != nil {
			return nil, fmt.Errorf("issuing a leaf: %w", err)
		}
		v.uris = append(v.uris, uri)
	}
	return signLeaf(p, v, issuer, pub, o.Rand)
}

// serverNames are all DNS names and addresses of the certificate.
func (o ClientOptions) serverNames() []string {
	names := slices.DeleteFunc(slices.Clone(o.Server), func(name string) bool { return name == clientHost })
	return append([]string{clientHost}, names...)
}

// checkClient says why cert is not what NewClient makes below some CA of ours.
// It does not know that CA, and so neither its constraints nor its end.
func checkClient(cert *x509.Certificate) error {
	ca, part, _ := authorityIn(cert.Issuer.CommonName)
	o := ClientOptions{Name: cert.Subject.CommonName, Emails: cert.EmailAddresses, Server: ServerNames(cert)}
	for _, uri := range cert.URIs {
		o.URIs = append(o.URIs, uri.String())
	}
	normal, err := o.normal()
	if err != nil {
		return err
	}
	same := slices.Equal(o.Emails, normal.Emails) && slices.Equal(o.URIs, normal.URIs) && slices.Equal(o.Server, normal.serverNames())
	both := slices.Contains(cert.ExtKeyUsage, x509.ExtKeyUsageServerAuth)
	switch {
	case !same:
		return errors.New("its names are twice there, not in canonical form, or without " + clientHost)
	case both && part != PartRoot:
		return errors.New("it is for servers too, and not below a root")
	case !both && len(o.Server) > 1:
		return errors.New("it has servers' names and is not for servers")
	}
	p := clientLeafProfile.forServers(both)
	p.crl = ca.revokes
	return checkIssued(p, cert, values{cn: o.Name, id: idInName(cert.Issuer.CommonName)})
}

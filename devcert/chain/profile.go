package chain

import (
	"cmp"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Organization is the O of every CA certificate: a person who finds one in a
// trust store sees where it came from.
const Organization = "devcert development CA"

// How long certificates live.
const (
	// RootYears is the life of a root in calendar years. Intermediates end with
	// it: nothing in a hierarchy outlives it, and the root's key is gone by then.
	RootYears = 10
	// LeafLifetime is the life of a leaf. Apple's limit for roots that a user
	// installed is 825 days; a year is what developers expect.
	LeafLifetime = 365 * 24 * time.Hour
	// RenewBefore is how long before its end a leaf wants renewing.
	RenewBefore = 60 * 24 * time.Hour
	// Backdate is how far the start lies before the making: containers, virtual
	// machines and WSL guests run behind their host's clock.
	Backdate = time.Hour
)

// CRLBase is where the front publishes revocation lists: CRLBase/ID/root.crl.
// It is plain http because a client that fetched a list over TLS would need the
// list first (RFC 5280, section 8).
const CRLBase = "http://localhost:44298"

// profile is one column of the table of profiles: what all certificates of a
// kind have in common. Extensions are critical where RFC 5280 demands it (basic
// constraints of a CA, key usage, name constraints), and basic constraints of a
// leaf too: one rule for all.
type profile struct {
	title   string             // what the CN calls it: "devcert TITLE OWNER ID"; "" when the CN is another
	cn      string             // the fixed CN; "" when it is as asked
	mark    string             // O of what is not to be taken for sound
	pathLen int                // CAs allowed below; notCA for a leaf
	usage   x509.KeyUsage      // besides keyEncipherment, which an RSA leaf for servers adds
	purpose []x509.ExtKeyUsage // none: any
	permits bool               // carries the hierarchy's name constraints
	names   bool               // carries a SAN
	people  bool               // whose SAN may have e-mail addresses and URIs
	crl     string             // the file under CRLBase/ID/ that may revoke it; "" for none
	revokes string             // the file with the list that it signs; "" for a leaf
	extra   []pkix.Extension
}

const notCA = -1

// signsCertificates: a CA signs certificates and revocation lists, nothing else.
const signsCertificates = x509.KeyUsageCertSign | x509.KeyUsageCRLSign

// rootProfile: no extended key usage, because clients read one in a root
// differently; no AKI, which a self-signed certificate need not have (RFC 5280,
// 4.2.1.1); no CRL point, since nobody can revoke a root but whoever removes it.
// The path length is 1 for the intermediates. Constraints stand here because
// most clients honour them in a root.
var rootProfile = profile{
	title:   "root",
	pathLen: 1,
	usage:   signsCertificates,
	permits: true,
	revokes: "root.crl",
}

// serverProfile: the constraints stand here too, because Java ignores those of
// a root. serverAuth keeps a thief of the intermediate's key from making client
// certificates. The CRL point is for .NET, whose certificate authentication
// checks revocation online by default and fails without a list.
var serverProfile = profile{
	title:   "intermediate",
	pathLen: 0,
	usage:   signsCertificates,
	purpose: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	permits: true,
	crl:     "root.crl",
	revokes: "servers.crl",
}

// clientProfile is for a CA of its own, so that a server that is to accept these
// clients can trust it alone, and so that whoever did not ask for client
// certificates has no key that can sign any. Everything else is as in
// serverProfile, for the same reasons.
var clientProfile = profile{
	title:   "client intermediate",
	pathLen: 0,
	usage:   signsCertificates,
	purpose: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	permits: true,
	crl:     "root.crl",
	revokes: "clients.crl",
}

// leafProfile: Chrome demands digitalSignature of RSA leaves below local roots
// (since 117); RSA key exchange of TLS 1.2 needs keyEncipherment besides. The
// subject is exactly CN=localhost, by which dotnet dev-certs and Kestrel know
// the development certificate; names stand in the SAN, however long.
var leafProfile = profile{
	cn:      "localhost",
	pathLen: notCA,
	names:   true,
	usage:   x509.KeyUsageDigitalSignature,
	purpose: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	extra:   []pkix.Extension{{Id: oidDevelopment, Value: []byte{developmentVersion}}},
}

// furtherProfile is what leafProfile is to localhost for any other server of the
// same machine. Without Kestrel's mark, of which one certificate is enough: it
// would take the newest one for its own.
var furtherProfile = profile{
	pathLen: notCA,
	names:   true,
	usage:   x509.KeyUsageDigitalSignature,
	purpose: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
}

// clientLeafProfile: a client only signs, so that RSA needs no keyEncipherment.
// What names the person or program is the CN, which a constraint on DNS names
// would be applied to if there were no DNS name in the SAN; see [clientHost].
var clientLeafProfile = profile{
	pathLen: notCA,
	names:   true,
	people:  true,
	usage:   x509.KeyUsageDigitalSignature,
	purpose: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
}

// oidDevelopment marks ASP.NET Core's development certificate. Its value is
// one raw byte, the version, and not DER: Kestrel takes the highest version it
// finds, and 6 is what dotnet dev-certs writes today.
var oidDevelopment = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 84, 1, 1}

const developmentVersion = 0x06

// values is what differs between two certificates of one profile.
type values struct {
	owner, id           string // of the hierarchy; for the CN and the CRL point
	cn                  string // of a leaf whose profile has none
	key                 crypto.PublicKey
	serial              *big.Int
	notBefore, notAfter time.Time
	permits             Permits
	dnsNames            []string
	addresses           []net.IP
	emails              []string
	uris                []*url.URL
}

// subject is the name that the profile gives a certificate. Two roots never
// share one: Firefox refuses two CAs with the same name and serial, and clients
// that look up issuers by name try the wrong one.
func (p profile) subject(v values) pkix.Name {
	if p.title == "" {
		name := pkix.Name{CommonName: cmp.Or(p.cn, v.cn)}
		if p.mark != "" {
			name.Organization = []string{p.mark}
		}
		return name
	}
	return pkix.Name{
		CommonName:   p.prefix() + p.ownerPart(v.owner) + " " + strings.ToUpper(v.id),
		Organization: []string{Organization},
	}
}

func (p profile) prefix() string { return "devcert " + p.title + " " }

// ownerPart is what a name with this title has room for of an owner: the longer
// the title, the fewer characters.
func (p profile) ownerPart(owner string) string {
	const idPart = len(" 1F3A9C2E")
	return reduceOwner(owner, min(maxOwner, maxCommonName-len(p.prefix())-idPart))
}

// template is the certificate before it is signed.
func (p profile) template(v values) *x509.Certificate {
	t := &x509.Certificate{
		Subject:               p.subject(v),
		SerialNumber:          v.serial,
		NotBefore:             v.notBefore,
		NotAfter:              v.notAfter,
		KeyUsage:              p.usage,
		ExtKeyUsage:           p.purpose,
		SubjectKeyId:          KeyID(v.key),
		BasicConstraintsValid: true,
		ExtraExtensions:       p.extra,
	}
	if p.pathLen != notCA {
		t.IsCA, t.MaxPathLen, t.MaxPathLenZero = true, p.pathLen, p.pathLen == 0
	} else if _, isRSA := v.key.(*rsa.PublicKey); isRSA && slices.Contains(p.purpose, x509.ExtKeyUsageServerAuth) {
		t.KeyUsage |= x509.KeyUsageKeyEncipherment
	}
	if p.names {
		t.DNSNames, t.IPAddresses = v.dnsNames, v.addresses
	}
	if p.people {
		t.EmailAddresses, t.URIs = v.emails, v.uris
	}
	if p.permits {
		t.PermittedDNSDomainsCritical = true
		t.PermittedDNSDomains = v.permits.Domains
		t.PermittedIPRanges = v.permits.ipNets()
	}
	if p.crl != "" {
		t.CRLDistributionPoints = []string{CRLBase + "/" + v.id + "/" + p.crl}
	}
	return t
}

// sign makes the certificate. A nil issuer means that it signs itself.
func (p profile) sign(v values, issuer *x509.Certificate, signer crypto.Signer) (*x509.Certificate, error) {
	t := p.template(v)
	if issuer == nil {
		issuer = t
		if p.pathLen == notCA {
			t.AuthorityKeyId = t.SubjectKeyId // only a CA may leave it out (RFC 5280, 4.2.1.1)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, t, issuer, v.key, signer)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

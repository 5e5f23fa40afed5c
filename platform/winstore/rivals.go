package winstore

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"slices"
	"time"

	"devcert/devcert/chain"
)

// developmentOID marks the certificates that Kestrel takes by itself; the first
// byte of its value is a version.
var developmentOID = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 84, 1, 1}

const (
	// IISExpressName is the friendly name under which IIS Express's setup keeps
	// its certificate in LocalMachine\My.
	IISExpressName = "IIS Express Development Certificate"
	// developmentText is the value that the first versions of ASP.NET Core gave
	// the extension; it counts as version 0.
	developmentText = "ASP.NET Core HTTPS development certificate"
)

// Effect is what a certificate in CurrentUser\My means for our leaf there, when
// Kestrel looks for a certificate that nobody configured.
type Effect string

// The effects, worst first.
const (
	Breaks Effect = "breaks" // Kestrel fails over it and then finds no certificate at all
	Wins   Effect = "wins"   // taken instead of ours
	Ties   Effect = "ties"   // of the same version: the order of the store decides
	Loses  Effect = "loses"
)

// Rival is another certificate for localhost in a My store.
type Rival struct {
	Entry
	Thumbprint string
	Cert       *x509.Certificate // nil where crypto/x509 refuses it
	Kind       Kind              // LeafKind: an older one of ours, or another user's
	Valid      bool              // now is between its start and end
	// Version is the first byte of Kestrel's extension; -1 without one.
	Version int
	Effect  Effect
	// IISExpress says that it is IIS Express's own: its friendly name,
	// self-signed, for localhost. It may be expired (Valid).
	IISExpress bool
	Reason     string // why it has this effect, in a few words
}

// TakesOver says whether Kestrel never gets to our leaf, in whatever order the
// store lists the two.
func (r Rival) TakesOver() bool { return r.Effect == Breaks || r.Effect == Wins }

// Rivals lists the certificates of a My store, other than ours, that a server
// could take for localhost, in the store's order. Ours may be nil: then every
// one that Kestrel takes wins. The effect is Kestrel's choice and only matters in
// CurrentUser\My; HTTP.sys takes what a binding names.
//
// Kestrel takes the certificate with the extension, valid now, with the highest
// version, and looks neither at the key nor at the names (CertificateManager's
// ListCertificates in dotnet/aspnetcore).
func Rivals(entries []Entry, ours *x509.Certificate, now time.Time) []Rival {
	best := -1
	if ours != nil && validAt(ours, now) {
		best = version(bare{extensions: ours.Extensions})
	}
	var rivals []Rival
	for _, e := range entries {
		if ours != nil && bytes.Equal(e.DER, ours.Raw) {
			continue
		}
		if r, ok := rival(e, best, now); ok {
			rivals = append(rivals, r)
		}
	}
	return rivals
}

func validAt(cert *x509.Certificate, now time.Time) bool {
	return !now.Before(cert.NotBefore) && !now.After(cert.NotAfter)
}

func rival(e Entry, best int, now time.Time) (Rival, bool) {
	b, err := parseBare(e.DER)
	if err != nil {
		return Rival{}, false
	}
	r := Rival{Entry: e, Kind: Other, Valid: b.validAt(now), Version: version(b),
		Thumbprint: chain.Thumbprint(&x509.Certificate{Raw: e.DER})}
	if cert, err := x509.ParseCertificate(e.DER); err == nil {
		r.Cert, r.Kind = cert, kindOf(cert)
	}
	if r.Version < 0 && (r.Cert == nil || !servesLocalhost(r.Cert)) {
		return Rival{}, false
	}
	self, _ := IsSelfSigned(e.DER)
	r.IISExpress = e.FriendlyName == IISExpressName && self && r.Cert != nil && namesLocalhost(r.Cert)
	r.Effect, r.Reason = r.effect(best, developments(b))
	return r, true
}

// effect is decided in the order in which Kestrel looks.
func (r Rival) effect(best, extensions int) (Effect, string) {
	switch {
	case extensions == 0:
		return Loses, "not marked as a development certificate"
	case !r.Valid:
		return Loses, "expired or not yet valid"
	case extensions > 1:
		return Breaks, "marked twice as a development certificate"
	case r.Version > best:
		return Wins, fmt.Sprintf("development certificate of version %d", r.Version)
	case r.Version == best:
		return Ties, fmt.Sprintf("development certificate of the same version %d", r.Version)
	}
	return Loses, fmt.Sprintf("development certificate of the lower version %d", r.Version)
}

func developments(b bare) (n int) {
	for _, x := range b.extensions {
		if x.Id.Equal(developmentOID) {
			n++
		}
	}
	return n
}

// version reads the extension's value as .NET does: one raw byte, no DER.
func version(b bare) int {
	for _, x := range b.extensions {
		switch {
		case !x.Id.Equal(developmentOID):
		case len(x.Value) == 0, len(x.Value) == len(developmentText) && x.Value[0] == 'A':
			return 0
		default:
			return int(x.Value[0])
		}
	}
	return -1
}

// servesLocalhost says whether a TLS server could use it for localhost.
func servesLocalhost(cert *x509.Certificate) bool {
	if cert.IsCA && cert.Subject.CommonName != "localhost" {
		return false
	}
	purpose := len(cert.ExtKeyUsage)+len(cert.UnknownExtKeyUsage) == 0 ||
		slices.Contains(cert.ExtKeyUsage, x509.ExtKeyUsageServerAuth) || slices.Contains(cert.ExtKeyUsage, x509.ExtKeyUsageAny)
	return purpose && namesLocalhost(cert)
}

// namesLocalhost also believes a common name: IIS Express's old certificates,
// and many self-made ones, have no other.
func namesLocalhost(cert *x509.Certificate) bool {
	return cert.Subject.CommonName == "localhost" || cert.VerifyHostname("localhost") == nil
}

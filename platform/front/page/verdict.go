package page

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"

	"devcert/devcert"
	"devcert/devcert/chain"
)

// verdict is what can be said of the very connection the page came by.
type verdict struct {
	Tone        tone
	Title, Text string
	// Limit is what a page cannot know; "" where it does not matter.
	Limit string
}

// limit is why the page never says that a browser trusts it. A browser that was
// told to go on sends the very same request: no header of it, Sec-Fetch-Site and
// the like, tells.
const limit = "What no page can see is whether a warning was clicked away, today or long ago: the request is the same. " +
	"“Not secure” or a crossed-out padlock in the address bar says that it was. Each browser may read another store: ask each."

// What is said of a connection, the best last.
const (
	plainText = "There is no certificate to judge on plain HTTP. Ask for the same address with https:// in front."
	blindText = "This page came over TLS. Whether its certificate is devcert’s is not known: the machine could not be looked at."
	faultText = "The certificate that it came with cannot be right here: %s. If there was no warning, one was clicked away before."
	unseen    = "This page came over TLS. With which certificate is not known here: compare the one that the browser shows with the leaf below."
	otherText = "What a browser thinks of it says nothing about devcert’s root."
	lostText  = "This page came over TLS with devcert’s leaf. The root or the intermediate above it is lost on this machine, " +
		"so that nobody can compare what this browser trusts."
	untrusted = "The certificate is right, but no store of this machine that could be looked into trusts its root. " +
		"A browser that shows no warning has the root from elsewhere."
	rightText = "This page came over TLS with the certificate that devcert made for this machine. " +
		"A browser that does not trust its root stops with a warning before it shows anything."
)

// presented is the certificate that a connection was answered with.
type presented struct {
	cert *x509.Certificate // nil when it is not known
	// thumbprint is known also where the certificate is not.
	thumbprint string
	// guessed says that this is what the port is bound to: nobody saw it.
	guessed bool
}

func presentedTo(r *http.Request, report *devcert.Report) presented {
	if r.TLS == nil {
		return presented{}
	}
	if get, ok := r.Context().Value(presentedKey{}).(func() *x509.Certificate); ok && get != nil {
		if cert := get(); cert != nil {
			return presented{cert: cert, thumbprint: chain.Thumbprint(cert)}
		}
	}
	if report == nil {
		return presented{}
	}
	port := localPort(r)
	for _, s := range report.PortStates() {
		if s.Port == port && s.Thumbprint != "" {
			p := presented{thumbprint: s.Thumbprint, guessed: true}
			if leaf := report.Seen.Folder.Hierarchy.Leaf.Cert; leaf != nil && chain.Thumbprint(leaf) == s.Thumbprint {
				p.cert = leaf
			}
			return p
		}
	}
	return presented{}
}

// localPort is the port that the request came to; 0 when it is not known.
func localPort(r *http.Request) int {
	if addr, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr); ok {
		return addr.Port
	}
	return 0
}

// judge says what follows from how the page came. Where the certificate is wrong
// in itself, every browser must have warned, whatever it trusts.
func judge(r *http.Request, report *devcert.Report, p presented) verdict {
	host := hostOf(r)
	trusts := "No warning? Then this browser trusts " + clean(host) + "."
	switch {
	case r.TLS == nil:
		return verdict{Tone: bad, Title: "This page came without TLS.", Text: plainText}
	case report == nil:
		return verdict{warn, trusts, blindText, limit}
	}
	leaf := report.Seen.Folder.Hierarchy.Leaf.Cert
	if fault := faultOf(report, p.cert, host); fault != "" {
		return verdict{Tone: bad, Title: "A browser must warn before it shows this page.", Text: fmt.Sprintf(faultText, fault)}
	}
	switch {
	case p.thumbprint == "" && leaf != nil:
		return verdict{warn, trusts, unseen, limit}
	case leaf == nil || p.thumbprint != chain.Thumbprint(leaf) && !ours(report, p.cert):
		return verdict{Tone: warn, Title: "This page came with another certificate than devcert’s.", Text: otherText}
	case lostAbove(report):
		return verdict{warn, trusts, lostText, limit}
	case !trustedSomewhere(report):
		return verdict{warn, "This browser should have warned.", untrusted, limit}
	}
	return verdict{good, trusts, rightText, limit}
}

// faultOf is why no verifier takes cert for host, whatever roots it has; "" when
// there is no reason. That devcert's root did not lead to another's certificate
// is none.
func faultOf(report *devcert.Report, cert *x509.Certificate, host string) string {
	if cert == nil {
		return ""
	}
	now := report.Seen.Now
	err := verify(report, cert, host)
	switch {
	case now.Before(cert.NotBefore):
		return "it is not valid before " + day(cert.NotBefore)
	case now.After(cert.NotAfter):
		return "it ended on " + day(cert.NotAfter)
	case cert.VerifyHostname(host) != nil:
		return "it is not for " + clean(host)
	case err == nil || lostAbove(report) || !cert.Equal(report.Seen.Folder.Hierarchy.Leaf.Cert):
		return ""
	}
	return strings.TrimPrefix(clean(err.Error()), "x509: ")
}

// verify builds the chain from cert to devcert's root.
func verify(report *devcert.Report, cert *x509.Certificate, host string) error {
	h := &report.Seen.Folder.Hierarchy
	if lostAbove(report) {
		return errors.New("the root or the intermediate is lost")
	}
	roots := x509.NewCertPool()
	roots.AddCert(h.Root)
	return chain.VerifyServer(roots, []*x509.Certificate{h.Intermediate.Cert}, cert, host, report.Seen.Now)
}

// ours says of a certificate that is not the leaf that it comes from the same
// intermediate, as what `devcert issue` makes.
func ours(report *devcert.Report, cert *x509.Certificate) bool {
	intermediate := report.Seen.Folder.Hierarchy.Intermediate.Cert
	return cert != nil && intermediate != nil && cert.CheckSignatureFrom(intermediate) == nil
}

func lostAbove(report *devcert.Report) bool {
	h := &report.Seen.Folder.Hierarchy
	return h.Root == nil || h.Intermediate.Cert == nil
}

func trustedSomewhere(report *devcert.Report) bool {
	return slices.ContainsFunc(report.Seen.Stores, func(s devcert.StorePlaces) bool {
		return slices.ContainsFunc(s.Places, func(p devcert.Place) bool {
			return p.Part == chain.PartRoot && p.State == devcert.Trusted
		})
	})
}

// connection is what the server knows of the connection the page came by.
func connection(r *http.Request, p presented) []fact {
	if r.TLS == nil {
		return []fact{{Name: "Protocol", Value: r.Proto + " without TLS"}}
	}
	all := []fact{
		{Name: "Protocol", Value: tls.VersionName(r.TLS.Version)},
		{Name: "Cipher", Value: tls.CipherSuiteName(r.TLS.CipherSuite)},
	}
	if r.TLS.CurveID != 0 {
		all = append(all, fact{Name: "Key exchange", Value: r.TLS.CurveID.String()})
	}
	alpn := "none agreed, " + r.Proto
	if r.TLS.NegotiatedProtocol != "" {
		alpn = clean(r.TLS.NegotiatedProtocol) // says which HTTP it is
	}
	all = append(all, fact{Name: "ALPN", Value: alpn}, fact{Name: "Server name", Value: nameAsked(r.TLS)})
	if len(r.TLS.PeerCertificates) > 0 {
		all = append(all, fact{Name: "Client certificate", Value: clean(subjectOf(r.TLS.PeerCertificates[0]))})
	}
	if p.thumbprint == "" {
		return append(all, fact{Name: "Certificate", Value: "not known here"})
	}
	name := "Certificate, SHA-1"
	if p.guessed {
		name += ", by the port's binding"
	}
	return append(all, fact{Name: name, Value: clean(p.thumbprint), Code: true})
}

func nameAsked(s *tls.ConnectionState) string {
	if s.ServerName == "" {
		return "none sent, as for an address"
	}
	return clean(s.ServerName)
}

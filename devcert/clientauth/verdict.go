package clientauth

import (
	"crypto/x509"
	"strconv"
	"strings"
)

// Status is how a refusal shows itself to a person, in the server's own words:
// IIS's status and sub-status, nginx's status line, a TLS alert, .NET's chain
// statuses; "" when the certificate is accepted.
type Status string

// IIS's statuses, as Microsoft's list of its HTTP statuses numbers them; those of
// [Serve] too.
const (
	Accepted  Status = ""
	Required  Status = "403.7"  // client certificate required
	Untrusted Status = "403.16" // client certificate is untrusted or invalid
	OutOfTime Status = "403.17" // client certificate has expired or is not yet valid
)

// Verdict is what a server makes of a client's certificate. It can be shown to a
// person as it is, but is not escaped for any markup.
type Verdict struct {
	Status Status
	Reason string // one clause; "" when accepted
	Remedy string // what a person can do about that
	// Gate is the check that decided against the certificate: one of the
	// constants, which stay as they are; "" when accepted.
	Gate string
	// Steps are what was looked at, in the server's own order, up to where it
	// stops. Only the predictors list them.
	Steps []Step
}

// Refused says whether the request goes no further.
func (v Verdict) Refused() bool { return v.Status != Accepted }

const maxName = 64 // bytes of a name that are shown: RFC 5280's bound of a common name

// nameOf is how a reason speaks of a certificate: quoted, since it may say
// anything, line breaks and terminal sequences too.
func nameOf(c *x509.Certificate) string {
	name := c.Subject.CommonName
	if name == "" {
		name = c.Subject.String()
	}
	return quote(name)
}

func issuerOf(c *x509.Certificate) string {
	name := c.Issuer.CommonName
	if name == "" {
		name = c.Issuer.String()
	}
	return quote(name)
}

func quote(name string) string {
	if len(name) > maxName {
		name = strings.ToValidUTF8(name[:maxName], "") + "..."
	}
	return strconv.Quote(name)
}

package devcert

import (
	"crypto/x509"
	"fmt"
	"slices"
	"strings"

	"devcert/devcert/chain"
	"devcert/devcert/clientauth"
)

// This file has the findings about the certificates that clients show. Whether one
// is revoked is not asked: no list is fetched.

// clientCertFindings are about the certificates that sites map to users, and those
// that this machine's own clients may offer.
func clientCertFindings(o *Observation) []Finding {
	var all []Finding
	add := func(f Finding, is bool) {
		if is && !slices.ContainsFunc(all, func(g Finding) bool { return g.Kind == f.Kind && g.Message == f.Message }) {
			all = append(all, f)
		}
	}
	for _, c := range o.IIS.Configs {
		for _, p := range c.Places {
			for _, m := range p.OneToOne {
				if m.Cert != nil && p.MapsHere {
					add(o.refused(m.Cert, p.Name(), o.IIS.Roots))
				}
			}
		}
	}
	for _, client := range o.IIS.Clients {
		add(client.keyFinding())
		add(client.accessFinding(o.IIS.Identity))
		add(o.offeredFinding(client))
	}
	return all
}

// offeredFinding is about a certificate in a personal store: one of devcert's, and
// any other whose root only this user trusts. What else is in there may be meant
// for servers elsewhere, which know its root.
func (o *Observation) offeredFinding(client IISClient) (Finding, bool) {
	f, refused := o.refused(client.Cert, client.Store, o.IIS.Roots)
	if !refused || slices.Contains(client.Cert.Issuer.Organization, chain.Organization) {
		return f, refused
	}
	for _, root := range o.IIS.UserRoots {
		if _, still := o.refused(client.Cert, client.Store, append([]*x509.Certificate{root}, o.IIS.Roots...)); !still {
			f.Message = fmt.Sprintf("IIS refuses the client certificate %s of %s: its root, %s, is in CurrentUser\\Root only", nameOf(client.Cert), client.Store, root.Subject.CommonName)
			f.Remedy = "certutil -user -store Root " + chain.Thumbprint(root) + " root.crt, and as an administrator certutil -addstore Root root.crt"
			return f, true
		}
	}
	return f, false
}

// kindsOfRefusal are what a certificate's own refusals are called.
var kindsOfRefusal = map[clientauth.Status]string{
	clientauth.Untrusted: ClientCertUntrusted,
	clientauth.OutOfTime: ClientCertExpired,
	clientauth.Required:  SchannelIssuerList,
}

// refused foresees what IIS does with cert. That the Root store or the trust mode
// spoils it for all has findings of its own.
func (o *Observation) refused(cert *x509.Certificate, where string, roots []*x509.Certificate) (Finding, bool) {
	site := clientauth.NewIIS()
	site.SSL, site.Negotiate, site.CheckRevocation = clientauth.SSLRequire, true, false
	site.SendTrustedIssuerList = o.IIS.Schannel.SendTrustedIssuerList.Value != 0
	machine := clientauth.Machine{
		Roots: pickCerts(roots, selfSigned), Intermediates: o.IIS.CAs,
	}
	v := site.Predict(clientauth.Presented{Leaf: cert, HasKey: true}, machine, o.Now)
	kind := kindsOfRefusal[v.Status]
	if kind == "" {
		return Finding{}, false
	}
	return Finding{
		Kind: kind, Severity: Warning, Where: where,
		Message:     fmt.Sprintf("IIS refuses the client certificate %s of %s: %s", nameOf(cert), where, v.Reason),
		Consequence: "whoever shows it gets " + string(v.Status),
		Remedy:      v.Remedy,
	}, true
}

func selfSigned(c *x509.Certificate) bool { return string(c.RawSubject) == string(c.RawIssuer) }

func pickCerts(all []*x509.Certificate, fits func(*x509.Certificate) bool) []*x509.Certificate {
	var some []*x509.Certificate
	for _, c := range all {
		if fits(c) {
			some = append(some, c)
		}
	}
	return some
}

func (c IISClient) keyFinding() (Finding, bool) {
	if !c.KeyGone {
		return Finding{}, false
	}
	return Finding{
		Kind: ClientKeyMissing, Severity: Warning, Where: c.Store,
		Message:     fmt.Sprintf("%s has the client certificate %s without its private key", c.Store, nameOf(c.Cert)),
		Consequence: "no client offers it, which looks like 403.7",
		Remedy: "import its PFX file; if the key is still on this machine: certutil " + c.user() + "-repairstore my " +
			chain.Thumbprint(c.Cert),
	}, true
}

// user is the flag by which certutil takes the user's stores.
func (c IISClient) user() string {
	if strings.HasPrefix(c.Store, "CurrentUser") {
		return "-user "
	}
	return ""
}

// accessFinding is about a key that the application's account cannot read.
func (c IISClient) accessFinding(identity string) (Finding, bool) {
	if identity == "" || c.KeyGone || c.Granted != nil && *c.Granted {
		return Finding{}, false
	}
	f := Finding{
		Kind: ClientKeyUnreadable, Severity: Warning, Where: c.Store,
		Message:     fmt.Sprintf("%s may not read the private key of %s in %s", identity, nameOf(c.Cert), c.Store),
		Consequence: "an application of that identity cannot offer it, and gets 403.7 from the server that it calls",
		Remedy:      fmt.Sprintf(`icacls "%s" /grant "%s:R"`, c.KeyFile, identity),
	}
	switch {
	case strings.HasPrefix(c.Store, "CurrentUser"):
		if !strings.Contains(strings.ToLower(identity), "apppool") {
			return f, false // it may be that very user
		}
		f.Message += ": it is the user's own"
		f.Remedy = `import its PFX file into LocalMachine\My`
	case c.Granted == nil:
		f.Message = fmt.Sprintf("whether %s may read the private key of %s in %s is not known", identity, nameOf(c.Cert), c.Store)
		f.Consequence = ""
		if c.KeyFile == "" {
			f.Remedy = "certlm.msc, Personal, the certificate, All Tasks, Manage Private Keys"
		}
	}
	return f, true
}

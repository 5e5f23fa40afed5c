package clientauth

import (
	"crypto/x509"
	"slices"
)

// The settings of the servers other than ASP.NET Core, by the names that their own
// documentation gives them.

var (
	onOff   = []string{"on", "off"}
	enabled = []string{"enable", "disable"} // netsh's
	digits  = []string{"0", "1"}            // a DWORD of the registry
)

// maxLevel is OpenSSL's highest security level; maxDepth is longer than any chain
// that can be built.
const (
	maxLevel = 5
	maxDepth = 100
)

var nginxOptions = []option[Nginx]{
	{name: "ssl_verify_client", values: []string{"off", "on", "optional", "optional_no_ca"}, set: func(n *Nginx, v string) { n.VerifyClient = NginxVerify(v) }},
	{name: "ssl_verify_depth", most: maxDepth, number: func(n *Nginx, v int) { n.Depth = v }},
	{name: "ssl_client_certificate", certs: func(n *Nginx, c []*x509.Certificate) { n.ClientCertificate = c }},
	{name: "ssl_trusted_certificate", certs: func(n *Nginx, c []*x509.Certificate) { n.TrustedCertificate = c }},
	{name: "ssl_crl", crls: func(n *Nginx, l []*x509.RevocationList) { n.CRLs = l }},
	{name: "SECLEVEL", most: maxLevel, number: func(n *Nginx, v int) { n.Level = v }}, // of ssl_ciphers
}

// Configure sets directives, each as name=value; those of files name what files
// reads. SECLEVEL is what ssl_ciphers says after @SECLEVEL. An error is an
// [*OptionError], or that of files.
func (n *Nginx) Configure(given []string, files Files) error {
	return configure(n, nginxOptions, given, files)
}

var opensslOptions = []option[OpenSSL]{
	{name: "Verify", most: maxDepth, number: func(s *OpenSSL, v int) { s.Required, s.Tolerance = true, v }},
	{name: "verify", most: maxDepth, number: func(s *OpenSSL, v int) { s.Required, s.Tolerance = false, v }},
	{name: "verify_return_error", values: onOff, set: func(s *OpenSSL, v string) { s.ReturnError = v == "on" }},
	{name: "verify_depth", most: maxDepth, number: func(s *OpenSSL, v int) { s.Depth = v }},
	{name: "x509_strict", values: onOff, set: func(s *OpenSSL, v string) { s.Strict = v == "on" }},
	{name: "partial_chain", values: onOff, set: func(s *OpenSSL, v string) { s.Partial = v == "on" }},
	{name: "purpose", values: []string{string(PurposeClient), string(PurposeServer), string(PurposeAny)}, set: func(s *OpenSSL, v string) { s.Purpose = Purpose(v) }},
	{name: "crl_check", values: onOff, set: func(s *OpenSSL, v string) { s.CRLCheck = checks(v, CRLLeaf) }},
	{name: "crl_check_all", values: onOff, set: func(s *OpenSSL, v string) { s.CRLCheck = checks(v, CRLAll) }},
	{name: "CAfile", certs: func(s *OpenSSL, c []*x509.Certificate) { s.CAFile = c }},
	{name: "CRL", crls: func(s *OpenSSL, l []*x509.RevocationList) { s.CRLs = slices.Concat(s.CRLs, l) }},
	{name: "SECLEVEL", most: maxLevel, number: func(s *OpenSSL, v int) { s.Level = v }}, // of -cipher
}

func checks(v string, c CRLCheck) CRLCheck {
	if v == "on" {
		return c
	}
	return CRLNone
}

// Configure sets options of s_server, each as name=value without its dash; those
// that take no value are on or off. CAfile and CRL name what files reads, SECLEVEL
// is what -cipher says after @SECLEVEL. An error is an [*OptionError], or that of
// files.
func (s *OpenSSL) Configure(given []string, files Files) error {
	return configure(s, opensslOptions, given, files)
}

var serveOptions = []option[Serve]{
	{name: "client-cert", values: []string{"require", "request"}, set: func(s *Serve, v string) { s.Required = v == "require" }},
	{name: "client-ca", certs: func(s *Serve, c []*x509.Certificate) { s.Trust(c) }},
}

// Configure sets what devcert serve's flags of these names do; client-ca names what
// files reads. An error is an [*OptionError], or that of files.
func (s *Serve) Configure(given []string, files Files) error {
	return configure(s, serveOptions, given, files)
}

// Trust makes the certificates those whom a client's must come from.
func (s *Serve) Trust(anchors []*x509.Certificate) {
	s.Roots, s.Anchors = x509.NewCertPool(), anchors
	for _, c := range anchors {
		s.Roots.AddCert(c)
	}
}

var iisOptions = []option[IIS]{
	{name: "ClientCertificates", values: []string{"Ignore", "Accept", "Require"}, set: func(s *IIS, v string) { s.SSL = iisAsks[v] }},
	{name: "clientcertnegotiation", values: enabled, set: func(s *IIS, v string) { s.Negotiate = v == "enable" }},
	{name: "disabletls13", values: enabled, set: func(s *IIS, v string) { s.TLS13 = v != "enable" }},
	{name: "verifyclientcertrevocation", values: enabled, set: func(s *IIS, v string) { s.CheckRevocation = v == "enable" }},
	{name: "usagecheck", values: enabled, set: func(s *IIS, v string) { s.UsageCheck = v == "enable" }},
	{name: "sslctlstorename", certs: func(s *IIS, c []*x509.Certificate) { s.Issuers = c }},
	{name: "SendTrustedIssuerList", values: digits, set: func(s *IIS, v string) { s.SendTrustedIssuerList = v == "1" }},
	{name: "ClientAuthTrustMode", most: int(ExclusiveCA), number: func(s *IIS, v int) { s.TrustMode = TrustMode(v) }},
	{name: "anonymousAuthentication", values: truth, set: func(s *IIS, v string) { s.Anonymous = v == "true" }},
	{name: "iisClientCertificateMappingAuthentication", values: truth, set: func(s *IIS, v string) { s.Mappings.Enabled = v == "true" }},
	{name: "oneToOneMappings", certs: func(s *IIS, c []*x509.Certificate) { s.Mappings.OneToOne = slices.Concat(s.Mappings.OneToOne, c) }},
	{name: "manyToOneMappings", values: truth, set: func(s *IIS, v string) { s.Mappings.ManyToOne = v == "true" }},
	{name: "mappingsAt", values: []string{"site", "below"}, set: func(s *IIS, v string) { s.Mappings.Below = v == "below" }},
	{name: "windows", values: []string{"24H2", "before"}, set: func(s *IIS, v string) { s.Answers500 = v == "24H2" }},
}

var iisAsks = map[string]SSLSettings{"Ignore": SSLNone, "Accept": SSLAccept, "Require": SSLRequire}

// Configure sets what IIS Manager calls Client certificates, what netsh knows of
// the binding, Schannel's values in the registry, and the mappings, each as
// name=value. sslctlstorename and oneToOneMappings name what files reads, in place
// of a store and of the configuration. An error is an [*OptionError], or that of
// files.
func (s *IIS) Configure(given []string, files Files) error {
	return configure(s, iisOptions, given, files)
}

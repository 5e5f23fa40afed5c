package clientauth

import (
	"crypto/x509"
	"slices"
	"time"
)

// NginxVerify is ssl_verify_client's value.
type NginxVerify string

// The values of ngx_http_ssl_module's documentation.
const (
	NginxOff          NginxVerify = "off"
	NginxOn           NginxVerify = "on"
	NginxOptional     NginxVerify = "optional"
	NginxOptionalNoCA NginxVerify = "optional_no_ca"
)

// Nginx is an nginx server, by the directives of ngx_http_ssl_module.
type Nginx struct {
	VerifyClient NginxVerify
	Depth        int // ssl_verify_depth
	// ClientCertificate and TrustedCertificate are what stands in the files of
	// ssl_client_certificate, whose names are sent to clients, and of
	// ssl_trusted_certificate, whose are not; nil without the directive.
	ClientCertificate, TrustedCertificate []*x509.Certificate
	// CRLs are ssl_crl's; nil without. With it, every certificate of the chain needs
	// one of its issuer.
	CRLs  []*x509.RevocationList
	Level int // OpenSSL's security level: ssl_ciphers ...@SECLEVEL=N
}

// NewNginx is nginx as it is documented: it asks for nothing, and one intermediate
// may stand between leaf and root.
func NewNginx() Nginx { return Nginx{VerifyClient: NginxOff, Depth: 1, Level: opensslLevel} }

// How nginx shows its own codes 495 and 496 (src/http/ngx_http_special_response.c):
// error_page can catch the codes, clients see 400.
const (
	nginxBad  Status = "400 The SSL certificate error"
	nginxNone Status = "400 No required SSL certificate was sent"
)

// Predict says whether nginx takes a request. It lets every handshake succeed and
// looks at the last of OpenSSL's errors afterwards (ngx_ssl_verify_callback,
// ngx_http_process_request).
func (n Nginx) Predict(p Presented, _ Machine, at time.Time) Verdict {
	var w walk
	if !n.starts(&w) {
		return w.v
	}
	if n.VerifyClient == NginxOff || n.VerifyClient == "" {
		w.note(GateRequested, Skipped, "ssl_verify_client is off: nobody is asked for a certificate")
		return w.v
	}
	w.pass(GateRequested, "ssl_verify_client is "+string(n.VerifyClient))
	if !w.shown(p) {
		if n.VerifyClient == NginxOn {
			w.missing(p, nginxNone)
		}
		return w.v
	}
	o := opensslCheck{
		trusted: slices.Concat(n.ClientCertificate, n.TrustedCertificate), untrusted: p.Sent, crls: n.CRLs,
		depth: n.Depth, level: n.Level, use: x509.ExtKeyUsageClientAuth, at: at,
	}
	if n.CRLs != nil {
		o.crlCheck = CRLAll
	}
	path := o.verify(p.Leaf)
	w.openssl(o, path, n.decisive(path.errs), func(sslError) Status { return nginxBad })
	return w.v
}

func (n Nginx) starts(w *walk) bool {
	known := []NginxVerify{"", NginxOff, NginxOn, NginxOptional, NginxOptionalNoCA}
	if !slices.Contains(known, n.VerifyClient) {
		return w.refuse(GateSettings, "[emerg] invalid value", "nginx does not start: ssl_verify_client knows no "+quote(string(n.VerifyClient)),
			"set it to off, on, optional or optional_no_ca")
	}
	needs := n.VerifyClient == NginxOn || n.VerifyClient == NginxOptional
	if !needs || n.ClientCertificate != nil {
		return true
	}
	return w.refuse(GateSettings, "[emerg] no ssl_client_certificate for ssl_verify_client",
		"nginx does not start: ssl_verify_client "+string(n.VerifyClient)+" needs ssl_client_certificate",
		"name the root's file: ssl_client_certificate root.pem;")
}

// decisive is the last error. optional_no_ca forgives it when it is about trust
// (ngx_ssl_verify_error_optional); what came before is forgotten either way.
func (n Nginx) decisive(errs []sslError) int {
	last := len(errs) - 1
	forgiven := []int{selfSignedLeaf, selfSignedRoot, noLocalIssuer, unverifiableLeaf}
	if n.VerifyClient == NginxOptionalNoCA && last >= 0 && slices.Contains(forgiven, errs[last].code) {
		return -1
	}
	return last
}

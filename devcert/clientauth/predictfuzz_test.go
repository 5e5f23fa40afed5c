package clientauth

import (
	"crypto/x509"
	"testing"

	"devcert/scripts/fuzzlimit"
)

// everyone are servers that look at all there is.
func everyone(root, second *x509.Certificate) []Predictor {
	roots := []*x509.Certificate{root}
	known := []*x509.Certificate{root, second}
	openssl := NewOpenSSL()
	openssl.ReturnError, openssl.Strict, openssl.CRLCheck, openssl.CAFile = true, true, CRLAll, roots
	partial := NewOpenSSL()
	partial.Partial, partial.CAFile = true, known
	nginx := NewNginx()
	nginx.VerifyClient, nginx.ClientCertificate = NginxOn, roots
	noCA := NewNginx()
	noCA.VerifyClient = NginxOptionalNoCA
	kestrel := core(func(a *AspNetCore) { a.Kestrel.CheckRevocation = true })
	handler := core(func(a *AspNetCore) {
		a.Kestrel.AllowAny = true
		*a.Handler = NewCertificateHandler()
		a.Handler.AllowedCertificateTypes, a.Handler.AdditionalChainCertificates = TypesAll, known
		a.Handler.ChainTrustValidationMode, a.Handler.CustomTrustStore = CustomRootTrust, roots
	})
	list := site(func(s *IIS) { s.SendTrustedIssuerList, s.CheckRevocation = true, true })
	exclusive := site(func(s *IIS) { s.TrustMode, s.Issuers = ExclusiveCA, known })
	return []Predictor{openssl, partial, nginx, noCA, kestrel, handler, list, exclusive, Serve{Required: true}}
}

// FuzzPredict: whatever stands in the certificates, every server has a verdict that
// can be shown.
func FuzzPredict(f *testing.F) {
	w := newWorld(f, today)
	for _, c := range w.candidates {
		if c.party == nil {
			continue
		}
		second := w.roots[0].Raw
		if len(c.sent) > 0 {
			second = c.sent[0].Raw
		}
		f.Add(c.Raw, second, w.roots[1].Raw, w.crls[2].Raw)
	}
	fuzzlimit.Fuzz(f, func(t *testing.T, leaf, second, root, crl []byte) {
		l, err := x509.ParseCertificate(leaf)
		if err != nil {
			return
		}
		parsed := [2]*x509.Certificate{l, l}
		for i, der := range [][]byte{second, root} {
			if c, err := x509.ParseCertificate(der); err == nil {
				parsed[i] = c
			}
		}
		m := Machine{Roots: parsed[1:]}
		if list, err := x509.ParseRevocationList(crl); err == nil {
			m.CRLs = []*x509.RevocationList{list}
		}
		p := Presented{Leaf: l, Sent: parsed[:1], HasKey: true}
		for _, server := range everyone(parsed[1], parsed[0]) {
			sound(t, server.Predict(p, m, today))
		}
	})
}

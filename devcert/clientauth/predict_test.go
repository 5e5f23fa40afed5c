package clientauth

import (
	"crypto/x509"
	"slices"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// prediction is a row of the predictors' tables: a candidate of the world by its
// name, and the gate that decides; "" for accepted.
type prediction struct {
	name      string
	server    Predictor
	candidate string
	gate      string
	status    Status
}

func (w world) find(t testing.TB, name string) Presented {
	t.Helper()
	i := slices.IndexFunc(w.candidates, func(c candidate) bool { return c.name == name })
	require.GreaterOrEqual(t, i, 0, "no candidate %q", name)
	return w.candidates[i].presented()
}

// foresee runs a table, and holds that each of gates decides in some row.
func foresee(t *testing.T, w world, m Machine, rows []prediction, accepted int, gates ...string) {
	t.Helper()
	decisive := map[string]bool{}
	for _, row := range rows {
		t.Run(row.name+"/"+row.candidate, func(t *testing.T) {
			p := w.find(t, row.candidate)
			v := row.server.Predict(p, m, today)
			sound(t, v)
			assert.Equal(t, row.gate, v.Gate, "%+v", v)
			assert.Equal(t, row.status, v.Status, v.Reason)
		})
		decisive[row.gate] = true
		if row.gate == "" {
			accepted--
		}
	}
	assert.LessOrEqual(t, accepted, 0, "so many accepted rows are missing")
	for _, gate := range gates {
		assert.True(t, decisive[gate], "%s decides in no row", gate)
	}
}

// sound is what holds of every verdict: a refusal says why, by which gate and what
// to do, and its last step is that gate; all in one line of ASCII.
func sound(t testing.TB, v Verdict) {
	t.Helper()
	require.NotEmpty(t, v.Steps)
	last := v.Steps[len(v.Steps)-1]
	refused := v.Refused()
	for _, text := range []string{v.Gate, v.Reason, v.Remedy} {
		assert.Equal(t, refused, text != "", "%+v", v)
	}
	assert.Equal(t, refused, last.Outcome == Failed && last.Gate == v.Gate, "%+v", v)
	for _, step := range v.Steps[:len(v.Steps)-1] {
		assert.NotEqual(t, Failed, step.Outcome, "%+v", v)
	}
	seen := map[string]bool{}
	for _, step := range v.Steps {
		assert.False(t, seen[step.Gate], "%s comes twice: %+v", step.Gate, v)
		seen[step.Gate] = true
	}
	text := v.Gate + string(v.Status) + v.Reason + v.Remedy
	for _, step := range v.Steps {
		text += step.Gate + string(step.Outcome) + step.Detail
	}
	for _, r := range text {
		if !unicode.IsPrint(r) {
			t.Fatalf("%q in %q", r, text)
		}
	}
}

func TestServePredicts(t *testing.T) {
	w := newWorld(t, today)
	s := Serve{Required: true, Roots: x509.NewCertPool()}
	for _, root := range w.roots {
		s.Roots.AddCert(root)
	}
	foresee(t, w, Machine{}, []prediction{
		{"required", s, "none", GateSent, "403.7"},
		{"optional", Serve{}, "none", "", ""},
		{"required", s, "good", "", ""},
		{"required", s, "missing intermediate", GateTrust, "403.16"},
		{"required", s, "DNS name outside", GateNames, "403.16"},
		{"required", s, "for servers", GateUse, "403.16"},
		{"required", s, "expired", GateValidity, "403.17"},
	}, 2, GateSent, GateTrust, GateNames, GateUse, GateValidity)
}

// Where the private key is missing, the client sends nothing.
func TestWithoutKey(t *testing.T) {
	w := newWorld(t, today)
	p := w.find(t, "good")
	p.HasKey = false
	nginx := NewNginx()
	nginx.VerifyClient, nginx.ClientCertificate = NginxOn, w.roots
	optional := nginx
	optional.VerifyClient = NginxOptional
	iis := NewIIS()
	iis.SSL, iis.Negotiate = SSLRequire, true
	core := NewAspNetCore()
	core.Kestrel.Mode = AllowCertificate
	strict := core
	strict.Kestrel.Mode = RequireCertificate
	for _, row := range []struct {
		name   string
		server Predictor
		status Status
	}{
		{"serve", Serve{Required: true}, "403.7"},
		{"nginx on", nginx, nginxNone},
		{"nginx optional", optional, ""},
		{"iis", iis, "403.7"},
		{"openssl", NewOpenSSL(), "TLS alert 116 certificate_required"},
		{"the handler", core, "403"},
		{"kestrel", strict, "handshake refused: none was sent"},
	} {
		t.Run(row.name, func(t *testing.T) {
			v := row.server.Predict(p, Machine{Roots: w.roots}, today)
			sound(t, v)
			assert.Equal(t, row.status, v.Status)
			if v.Refused() {
				assert.Equal(t, GateKey, v.Gate)
			}
		})
	}
}

func TestNginxPredicts(t *testing.T) {
	w := newWorld(t, today)
	with := func(verify NginxVerify, change func(*Nginx)) Nginx {
		n := NewNginx()
		n.VerifyClient, n.ClientCertificate = verify, w.roots
		if change != nil {
			change(&n)
		}
		return n
	}
	on, deep := with(NginxOn, nil), with(NginxOn, func(n *Nginx) { n.Depth = 3 })
	crl := with(NginxOn, func(n *Nginx) { n.CRLs = w.crls })
	noCA := with(NginxOptionalNoCA, func(n *Nginx) { n.ClientCertificate = nil })
	foresee(t, w, Machine{}, []prediction{
		{"default", NewNginx(), "expired", "", ""},
		{"on", on, "good", "", ""},
		{"on", on, "no extended key usage", "", ""},
		{"on", on, "for both", "", ""},
		{"on", on, "straight from the root", "", ""},
		{"on", on, "root sent too", "", ""},
		{"on", on, "common name is no host", "", ""},
		{"on", on, "RSA", "", ""},
		{"depth 3", deep, "two intermediates", "", ""},
		{"optional", with(NginxOptional, nil), "none", "", ""},
		{"optional_no_ca", noCA, "self-signed", "", ""},
		{"optional_no_ca", noCA, "missing intermediate", "", ""},
		{"ssl_crl", crl, "good", "", ""},
		{"no security level", with(NginxOn, func(n *Nginx) { n.Level = 0 }), "weak key", "", ""},
		{"ssl_trusted_certificate", with(NginxOn, func(n *Nginx) { n.ClientCertificate, n.TrustedCertificate = []*x509.Certificate{}, w.roots }), "good", "", ""},

		{"no ssl_client_certificate", with(NginxOn, func(n *Nginx) { n.ClientCertificate = nil }), "good", GateSettings, "[emerg] no ssl_client_certificate for ssl_verify_client"},
		{"unknown value", with("yes", nil), "good", GateSettings, "[emerg] invalid value"},
		{"on", on, "none", GateSent, nginxNone},
		{"on", on, "weak key", GateKeyStrength, nginxBad},
		{"on", on, "missing intermediate", GateTrust, nginxBad},
		{"on", on, "two intermediates", GateChainLength, nginxBad},
		{"on", on, "unknown critical extension", GateExtensions, nginxBad},
		{"on", on, "issued by a leaf", GateUse, nginxBad},
		{"on", on, "for servers", GateUse, nginxBad},
		{"on", on, "anyExtendedKeyUsage", GateUse, nginxBad},
		{"depth 3", deep, "path too long", GatePathLength, nginxBad},
		{"on", on, "SHA-1", GateAlgorithms, nginxBad},
		{"on", on, "weak issuer", GateAlgorithms, nginxBad},
		{"ssl_crl", crl, "revoked", GateRevocation, nginxBad},
		{"ssl_crl", crl, "its issuer's CRL expired", GateRevocation, nginxBad},
		{"on", on, "broken signature", GateSignature, nginxBad},
		{"on", on, "expired", GateValidity, nginxBad},
		{"on", on, "common name outside", GateNames, nginxBad},
		{"optional_no_ca, the last error counts", noCA, "self-signed and expired", GateValidity, nginxBad},
		{"optional_no_ca, the last error counts", noCA, "self-signed for servers", GateUse, nginxBad},
	}, 10, GateSettings, GateSent, GateKeyStrength, GateTrust, GateChainLength, GateExtensions, GateUse, GatePathLength,
		GateAlgorithms, GateRevocation, GateSignature, GateValidity, GateNames)
}

func TestOpenSSLPredicts(t *testing.T) {
	w := newWorld(t, today)
	with := func(change func(*OpenSSL)) OpenSSL {
		s := NewOpenSSL()
		s.ReturnError = true
		if change != nil {
			change(&s)
		}
		return s
	}
	strict := with(nil)
	anything := with(func(s *OpenSSL) { s.Purpose = PurposeAny })
	foresee(t, w, Machine{Roots: w.roots}, []prediction{
		{"the first errors pass", NewOpenSSL(), "expired", "", ""},
		{"the first errors pass", NewOpenSSL(), "self-signed", "", ""},
		{"optional", with(func(s *OpenSSL) { s.Required = false }), "none", "", ""},
		{"return error", strict, "good", "", ""},
		{"return error", strict, "straight from the root", "", ""},
		{"return error", strict, "two intermediates", "", ""},
		{"return error", strict, "next to the excluded name", "", ""},
		{"return error", strict, "mail inside", "", ""},
		{"return error", strict, "IP address inside", "", ""},
		{"any purpose", anything, "for servers", "", ""},
		{"sslserver", with(func(s *OpenSSL) { s.Purpose = PurposeServer }), "for servers", "", ""},
		{"strict", with(func(s *OpenSSL) { s.Strict = true }), "good", "", ""},

		{"default", NewOpenSSL(), "none", GateSent, "TLS alert 116 certificate_required"},
		{"-Verify 0", with(func(s *OpenSSL) { s.ReturnError, s.Tolerance = false, 0 }), "issuer expired", GateValidity, "TLS alert 45 certificate_expired"},
		{"return error", strict, "weak key", GateKeyStrength, "TLS alert 42 bad_certificate"},
		{"return error", strict, "self-signed", GateTrust, "TLS alert 48 unknown_ca"},
		{"depth 0", with(func(s *OpenSSL) { s.Depth = 0 }), "good", GateChainLength, "TLS alert 48 unknown_ca"},
		{"return error", strict, "unknown critical extension", GateExtensions, "TLS alert 46 certificate_unknown"},
		{"any purpose", anything, "issued by a leaf", GateAuthority, "TLS alert 48 unknown_ca"},
		{"strict", with(func(s *OpenSSL) { s.Strict = true }), "issuer without key usage", GateStrict, "TLS alert 46 certificate_unknown"},
		{"return error", strict, "anyExtendedKeyUsage", GateUse, "TLS alert 43 unsupported_certificate"},
		{"return error", strict, "key usage without signing", GateUse, "TLS alert 43 unsupported_certificate"},
		{"return error", strict, "path too long", GatePathLength, "TLS alert 48 unknown_ca"},
		{"return error", strict, "SHA-1", GateAlgorithms, "TLS alert 42 bad_certificate"},
		{"crl_check", with(func(s *OpenSSL) { s.CRLCheck, s.CRLs = CRLLeaf, w.crls }), "revoked", GateRevocation, "TLS alert 44 certificate_revoked"},
		{"return error", strict, "broken signature", GateSignature, "TLS alert 51 decrypt_error"},
		{"return error", strict, "not yet valid", GateValidity, "TLS alert 42 bad_certificate"},
		{"return error", strict, "excluded name", GateNames, "TLS alert 46 certificate_unknown"},
	}, 10, GateSent, GateKeyStrength, GateTrust, GateChainLength, GateExtensions, GateAuthority, GateStrict, GateUse,
		GatePathLength, GateAlgorithms, GateRevocation, GateSignature, GateValidity, GateNames)
}

// Another instant, another verdict.
func TestAt(t *testing.T) {
	w := newWorld(t, today)
	s := NewOpenSSL()
	s.ReturnError = true
	p := w.find(t, "expired")
	assert.Equal(t, GateValidity, s.Predict(p, Machine{Roots: w.roots}, today).Gate)
	assert.False(t, s.Predict(p, Machine{Roots: w.roots}, today.AddDate(0, 0, -5)).Refused())
}

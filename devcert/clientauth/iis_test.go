package clientauth

import (
	"crypto/x509"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
)

// site is one that requires certificates, asks for them in the handshake and does
// not look at revocation, changed.
func site(change func(*IIS)) IIS {
	s := NewIIS()
	s.SSL, s.Negotiate, s.CheckRevocation = SSLRequire, true, false
	if change != nil {
		change(&s)
	}
	return s
}

func TestIISPredicts(t *testing.T) {
	w := newWorld(t, today)
	good := w.find(t, "good").Leaf
	between := w.find(t, "good").Sent
	plain := site(nil)
	checking := site(func(s *IIS) { s.CheckRevocation = true })
	listing := site(func(s *IIS) { s.SendTrustedIssuerList = true })
	late := site(func(s *IIS) { s.Negotiate = false })
	mapping := func(m IISMappings, anonymous bool) IIS {
		m.Enabled = true
		return site(func(s *IIS) { s.Mappings, s.Anonymous = m, anonymous })
	}
	trusting := func(mode TrustMode, issuers []*x509.Certificate) IIS {
		return site(func(s *IIS) { s.TrustMode, s.Issuers = mode, issuers })
	}
	foresee(t, w, Machine{Roots: w.roots, CRLs: w.crls}, []prediction{
		{"nothing configured", NewIIS(), "expired", "", ""},
		{"accept", site(func(s *IIS) { s.SSL = SSLAccept }), "none", "", ""},
		{"require", plain, "good", "", ""},
		{"require", plain, "no extended key usage", "", ""},
		{"require", plain, "two intermediates", "", ""},
		{"require", plain, "weak key", "", ""}, // 1024 bits are what Windows still takes
		{"revocation", checking, "good", "", ""},
		{"list of issuers", listing, "good", "", ""},
		{"TLS 1.2, late", site(func(s *IIS) { s.Negotiate, s.TLS13 = false, false }), "good", "", ""},
		{"usagecheck=disable", site(func(s *IIS) { s.UsageCheck = false }), "for servers", "", ""},
		{"exclusive root", trusting(ExclusiveRoot, w.roots[:1]), "good", "", ""},
		{"exclusive CA, of an intermediate", trusting(ExclusiveCA, between), "good", "", ""},
		{"exclusive CA and revocation", site(func(s *IIS) { s.TrustMode, s.Issuers, s.CheckRevocation = ExclusiveCA, between, true }), "good", "", ""},
		{"one-to-one", mapping(IISMappings{OneToOne: []*x509.Certificate{good}}, false), "good", "", ""},
		{"many-to-one", mapping(IISMappings{ManyToOne: true}, false), "good", "", ""},
		{"mappings and anonymous", mapping(IISMappings{}, true), "good", "", ""},

		{"require", plain, "none", GateSent, "403.7"},
		{"TLS 1.3, late", late, "good", GateNegotiation, "ERR_CONNECTION_RESET"},
		{"TLS 1.3, late, 24H2", site(func(s *IIS) { s.Negotiate, s.Answers500 = false, true }), "good", GateNegotiation, "500.0 0x80070032"},
		{"list of issuers", listing, "other root", GateIssuerList, "403.7"},
		{"list of issuers, intermediate not sent", listing, "missing intermediate", GateIssuerList, "403.7"},
		{"require", plain, "broken signature", GateSignature, "403.16"},
		{"require", plain, "self-signed", GateTrust, "403.16"},
		{"require", plain, "missing intermediate", GateTrust, "403.16"},
		{"exclusive root", trusting(ExclusiveRoot, w.roots[1:]), "good", GateTrust, "403.16"},
		{"exclusive root, no store", trusting(ExclusiveRoot, nil), "good", GateTrust, "403.16"},
		{"exclusive CA", trusting(ExclusiveCA, between), "two intermediates", GateTrust, "403.16"},
		{"require", plain, "for servers", GateUse, "403.16"},
		{"require", plain, "issuer for servers", GateUse, "403.16"},
		{"require", plain, "expired", GateValidity, "403.17"},
		{"require", plain, "not yet valid", GateValidity, "403.17"},
		{"trust before time", plain, "self-signed and expired", GateTrust, "403.16"},
		{"require", plain, "DNS name outside", GateNames, "403.16"},
		{"require", plain, "issued by a leaf", GateAuthority, "403.16"},
		{"require", plain, "path too long", GatePathLength, "403.16"},
		{"require", plain, "unknown critical extension", GateExtensions, "403.16"},
		{"revocation", checking, "revoked", GateRevocation, "403.13"},
		{"revocation", checking, "its issuer has no CRL", GateRevocation, "403.13"},
		{"revocation", checking, "its issuer's CRL expired", GateRevocation, "403.13"},
		{"mappings below the site", mapping(IISMappings{Below: true, OneToOne: []*x509.Certificate{good}}, false), "good", GateMapping, "401.2"},
		{"another is mapped", mapping(IISMappings{OneToOne: between}, false), "good", GateMapping, "401.2"},
	}, 10, GateSent, GateNegotiation, GateIssuerList, GateSignature, GateTrust, GateUse, GateValidity, GateNames, GateAuthority,
		GatePathLength, GateExtensions, GateRevocation, GateMapping)
}

// One intermediate in LocalMachine\Root spoils it for all (KB 2802568).
func TestIISRootStore(t *testing.T) {
	w := newWorld(t, today)
	p := w.find(t, "good")
	m := Machine{Roots: slices.Concat(w.roots, p.Sent)}
	v := site(nil).Predict(p, m, today)
	sound(t, v)
	assert.Equal(t, Untrusted, v.Status)
	assert.Equal(t, GateRootStore, v.Gate)
	assert.Equal(t, `"between" in LocalMachine\Root is not self-signed, and spoils client authentication for all (0x800b0109)`, v.Reason)
	listed := site(func(s *IIS) { s.SendTrustedIssuerList = true }).Predict(p, m, today)
	assert.Equal(t, Required, listed.Status)
	assert.Equal(t, GateRootStore, listed.Gate)
	made := site(func(s *IIS) { s.TrustMode, s.Issuers = ExclusiveCA, p.Sent }).Predict(p, m, today)
	assert.False(t, made.Refused(), "%+v", made)
}

// The intermediate in LocalMachine\CA need not be sent.
func TestIISKnowsIntermediates(t *testing.T) {
	w := newWorld(t, today)
	v := site(nil).Predict(w.find(t, "missing intermediate"), Machine{Roots: w.roots, Intermediates: w.find(t, "good").Sent}, today)
	assert.False(t, v.Refused(), "%+v", v)
	sound(t, v)
}

// Schannel cuts its list at 16 KB, and nobody knows which names are left.
func TestIISIssuerListIsCut(t *testing.T) {
	w := newWorld(t, today)
	roots := slices.Clone(w.roots)
	for i := range 260 {
		roots = append(roots, &x509.Certificate{RawSubject: fmt.Appendf(nil, "%064d", i), RawIssuer: fmt.Appendf(nil, "%064d", i)})
	}
	v := site(func(s *IIS) { s.SendTrustedIssuerList = true }).Predict(w.find(t, "good"), Machine{Roots: roots}, today)
	i := slices.IndexFunc(v.Steps, func(s Step) bool { return s.Gate == GateIssuerList })
	assert.Equal(t, Unknown, v.Steps[i].Outcome)
	assert.Contains(t, v.Steps[i].Detail, "event 36885")
}

// A key below 1024 bits, which this machine's Go would not make.
func TestIISRefusesSmallKeys(t *testing.T) {
	w := newWorld(t, today)
	p := w.find(t, "weak key")
	small := *p.Leaf
	small.PublicKey = smallKey()
	p.Leaf = &small
	v := site(nil).Predict(p, Machine{Roots: w.roots}, today)
	assert.Equal(t, GateAlgorithms, v.Gate)
	assert.Equal(t, Untrusted, v.Status)
}

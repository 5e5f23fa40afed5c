package clientauth

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var today = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// issued is a certificate and its key.
type issued struct {
	*x509.Certificate
	key *ecdsa.PrivateKey
}

// issue makes a certificate for a day around today; with changes it. A nil issuer
// makes it self-signed.
func issue(t testing.TB, issuer *issued, name string, with func(*x509.Certificate)) *issued {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name},
		NotBefore: today.Add(-12 * time.Hour), NotAfter: today.Add(12 * time.Hour), BasicConstraintsValid: true,
	}
	if with != nil {
		with(template)
	}
	if issuer == nil {
		issuer = &issued{template, key}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, issuer.Certificate, &key.PublicKey, issuer.key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return &issued{cert, key}
}

// ca makes an authority that is valid longer than what it issues.
func ca(c *x509.Certificate) {
	c.IsCA, c.KeyUsage = true, x509.KeyUsageCertSign
	days(-100, 100)(c)
}

func use(u ...x509.ExtKeyUsage) func(*x509.Certificate) {
	return func(c *x509.Certificate) { c.ExtKeyUsage = u }
}

func days(from, to int) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = today.AddDate(0, 0, from), today.AddDate(0, 0, to)
	}
}

func all(changes ...func(*x509.Certificate)) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		for _, change := range changes {
			change(c)
		}
	}
}

func TestServe(t *testing.T) {
	client, server := x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth
	root := issue(t, nil, "root", ca)
	between := issue(t, root, "between", ca)
	forServers := issue(t, root, "for servers", all(ca, use(server)))
	narrow := issue(t, root, "narrow", all(ca, func(c *x509.Certificate) {
		c.PermittedDNSDomains, c.PermittedDNSDomainsCritical = []string{"test"}, true
	}))
	pastBetween := issue(t, root, "past", all(ca, days(-9, -2)))
	other := issue(t, nil, "other root", ca)
	otherBetween := issue(t, other, "other between", ca)
	leaf := func(issuer *issued, with ...func(*x509.Certificate)) *x509.Certificate {
		return issue(t, issuer, "anna", all(with...)).Certificate
	}
	chain := func(certs ...*x509.Certificate) []*x509.Certificate { return certs }

	tests := []struct {
		name   string
		sent   []*x509.Certificate
		status Status
		reason string
	}{
		{"none", nil, Required, "a client certificate is required, and none was sent"},
		{"for clients", chain(leaf(root, use(client))), Accepted, ""},
		{"for both", chain(leaf(root, use(server, client))), Accepted, ""},
		{"for any", chain(leaf(root, use(x509.ExtKeyUsageAny))), Accepted, ""},
		{"no extended key usage", chain(leaf(root)), Accepted, ""},
		{"the intermediate came along", chain(leaf(between, use(client)), between.Certificate), Accepted, ""},
		{"and the root too", chain(leaf(between, use(client)), between.Certificate, root.Certificate), Accepted, ""},

		{"another root, not sent", chain(leaf(other, use(client))), Untrusted, `"anna" was issued by "other root", which is not trusted here, and no intermediate was sent`},
		{"another root, sent", chain(leaf(other, use(client)), other.Certificate), Untrusted, `"anna" comes from "other root", which is not trusted here`},
		{
			"another root's intermediate", chain(leaf(otherBetween, use(client)), otherBetween.Certificate), Untrusted,
			`"anna" comes by way of "other between" from "other root", which is not trusted here`,
		},
		{"the intermediate is missing", chain(leaf(between, use(client))), Untrusted, `"anna" was issued by "between", which is not trusted here, and no intermediate was sent`},
		{"self-signed", chain(leaf(nil, use(client))), Untrusted, `"anna" is self-signed, and not trusted here itself`},
		{"a root of the same name", chain(leaf(issue(t, nil, "root", ca), use(client))), Untrusted, `"anna" was issued by "root", which is not trusted here, and no intermediate was sent`},
		{
			"outside the constraints", chain(leaf(narrow, use(client), func(c *x509.Certificate) { c.DNSNames = []string{"example.com"} }), narrow.Certificate), Untrusted,
			`"anna" has a name for which its authority may not issue any`,
		},
		{"issued by a leaf", chain(leaf(issue(t, root, "no authority", nil), use(client))), Untrusted, `"anna" was issued by "no authority", which is not trusted here, and no intermediate was sent`},

		{"for servers", chain(leaf(root, use(server))), Untrusted, `"anna" is not for client authentication: its extended key usage does not list it`},
		{
			"issuer for servers", chain(leaf(forServers, use(client)), forServers.Certificate), Untrusted,
			`"anna" is not for client authentication: its issuer "for servers" may not issue any for that`,
		},
		{
			"issuer for servers, leaf for anything", chain(leaf(forServers), forServers.Certificate), Untrusted,
			`"anna" is not for client authentication: its issuer "for servers" may not issue any for that`,
		},

		{"expired", chain(leaf(root, use(client), days(-3, -1))), OutOfTime, `"anna" expired on 2026-11-20 12:00 UTC; it is 2026-11-21 12:00 UTC`},
		{"expired before the root began", chain(leaf(root, use(client), days(-300, -200))), Untrusted, `"anna" was issued by "root", which is not trusted here, and no intermediate was sent`},
		{"not yet valid", chain(leaf(root, use(client), days(1, 2))), OutOfTime, `"anna" is not valid before 2026-11-22 12:00 UTC; it is 2026-11-21 12:00 UTC`},
		{
			"its issuer expired", chain(leaf(pastBetween, use(client), days(-9, 9)), pastBetween.Certificate), OutOfTime,
			`its issuer "past" expired on 2026-11-19 12:00 UTC; it is 2026-11-21 12:00 UTC`,
		},
		{"expired, and untrusted: trust first", chain(leaf(other, use(client), days(-3, -1)), other.Certificate), Untrusted, `"anna" comes from "other root", which is not trusted here`},
		{"expired, and for servers: use first", chain(leaf(root, use(server), days(-3, -1))), Untrusted, `"anna" is not for client authentication: its extended key usage does not list it`},

		{
			"a name for terminals", chain(issue(t, nil, "\x1b[2J\r\nset", nil).Certificate), Untrusted,
			`"\x1b[2J\r\nset" is self-signed, and not trusted here itself`,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			roots := x509.NewCertPool()
			roots.AddCert(root.Certificate)
			v := Serve{Required: true, Roots: roots}.Judge(test.sent, today)
			assert.Equal(t, test.status, v.Status, v.Reason)
			assert.Equal(t, test.reason, v.Reason)
			assert.Equal(t, v.Refused(), v.Remedy != "", "a refusal says what to do")
		})
	}
}

func TestServeAsksForNone(t *testing.T) {
	root := issue(t, nil, "root", ca)
	leaf := issue(t, root, "anna", use(x509.ExtKeyUsageClientAuth)).Certificate
	other := issue(t, nil, "other root", ca)
	pool := func(certs ...*issued) *x509.CertPool {
		p := x509.NewCertPool()
		for _, c := range certs {
			p.AddCert(c.Certificate)
		}
		return p
	}
	tests := []struct {
		name   string
		s      Serve
		sent   []*x509.Certificate
		status Status
	}{
		{"no certificate is fine", Serve{Roots: pool(root)}, nil, Accepted},
		{"a good one too", Serve{Roots: pool(root)}, []*x509.Certificate{leaf}, Accepted},
		{"a bad one is refused", Serve{Roots: pool(other)}, []*x509.Certificate{leaf}, Untrusted},
		{"nobody is trusted: never the system's roots", Serve{}, []*x509.Certificate{leaf}, Untrusted},
		{"an empty pool", Serve{Roots: pool()}, []*x509.Certificate{leaf}, Untrusted},
		{"the leaf itself is trusted", Serve{Roots: pool(&issued{Certificate: leaf})}, []*x509.Certificate{leaf}, Accepted},
		{"one of several", Serve{Roots: pool(other, root)}, []*x509.Certificate{leaf}, Accepted},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			assert.Equal(t, test.status, test.s.Judge(test.sent, today).Status)
		})
	}
}

// A browser sends the leaf alone where it has the intermediate from elsewhere.
func TestServeKnowsIntermediates(t *testing.T) {
	root := issue(t, nil, "root", ca)
	between := issue(t, root, "between", ca)
	leaf := issue(t, between, "anna", nil)
	s := Serve{Roots: x509.NewCertPool(), Intermediates: []*x509.Certificate{between.Certificate}}
	s.Roots.AddCert(root.Certificate)
	assert.Equal(t, Verdict{}, s.Judge([]*x509.Certificate{leaf.Certificate}, today))
}

// FuzzJudge: whatever a client sends, there is a verdict, in one line of ASCII.
func FuzzJudge(f *testing.F) {
	root := issue(f, nil, "root", ca)
	between := issue(f, root, "between", ca)
	for _, issuer := range []*issued{nil, root, between} {
		f.Add(issue(f, issuer, "anna", use(x509.ExtKeyUsageServerAuth)).Raw, between.Raw)
	}
	f.Fuzz(func(t *testing.T, leaf, second []byte) {
		var sent []*x509.Certificate
		for _, der := range [][]byte{leaf, second} {
			if c, err := x509.ParseCertificate(der); err == nil {
				sent = append(sent, c)
			}
		}
		s := Serve{Required: true, Roots: x509.NewCertPool()}
		s.Roots.AddCert(root.Certificate)
		v := s.Judge(sent, today)
		for _, r := range v.Reason + v.Remedy {
			if r < ' ' || r > '~' {
				t.Fatalf("%q in %q", r, v.Reason)
			}
		}
		if v.Refused() == (v.Reason == "" || v.Remedy == "") {
			t.Fatalf("a refusal says why, and nothing else does: %+v", v)
		}
	})
}

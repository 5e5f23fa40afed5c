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
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"devcert/scripts/fuzzlimit"
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
	olderBetween := issue(t, root, "older", all(ca, days(-310, -290)))
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
		{"expired before the root began", chain(leaf(root, use(client), days(-300, -200))), OutOfTime, `"anna" expired on 2026-05-05 12:00 UTC; it is 2026-11-21 12:00 UTC`},
		{"begins when the root has ended", chain(leaf(root, use(client), days(200, 300))), OutOfTime, `"anna" is not valid before 2027-06-09 12:00 UTC; it is 2026-11-21 12:00 UTC`},
		{
			"its issuer ended before it began", chain(leaf(pastBetween, use(client)), pastBetween.Certificate), OutOfTime,
			`its issuer "past" expired on 2026-11-19 12:00 UTC; it is 2026-11-21 12:00 UTC`,
		},
		{
			"no two of three at a time", chain(leaf(olderBetween, use(client)), olderBetween.Certificate), OutOfTime,
			`its issuer "older" expired on 2026-02-04 12:00 UTC; it is 2026-11-21 12:00 UTC`,
		},
		{
			"no two at a time, and a forged issuer", chain(leaf(issue(t, other, "older", ca), use(client)), olderBetween.Certificate), Untrusted,
			`"anna" comes by way of "older" from "root", which is not trusted here`,
		},
		{
			"no two at a time, and outside the constraints", chain(leaf(narrow, use(client), days(-300, -200), func(c *x509.Certificate) { c.DNSNames = []string{"example.com"} }), narrow.Certificate), Untrusted,
			`"anna" has a name for which its authority may not issue any`,
		},
		{"no two at a time, and for servers", chain(leaf(root, use(server), days(-300, -200))), Untrusted, `"anna" is not for client authentication: its extended key usage does not list it`},
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

// A root that is trusted, and has expired, is nothing to be trusted anew.
func TestServeWithAnExpiredRoot(t *testing.T) {
	past := issue(t, nil, "root", all(ca, days(-20, -10)))
	future := issue(t, nil, "root to come", all(ca, days(10, 20)))
	other := issue(t, nil, "other root", all(ca, days(-20, -10)))
	between := issue(t, past, "between", all(ca, days(-400, 400)))
	ended := `its issuer "root" expired on 2026-11-11 12:00 UTC; it is 2026-11-21 12:00 UTC`
	tests := []struct {
		name     string
		issuer   *issued
		from, to int
		sent     []*issued
		known    bool // the roots one by one
		status   Status
		reason   string
	}{
		{"valid longer than its root", past, -15, 100, nil, false, OutOfTime, ended},
		{"the same, roots known", past, -15, 100, nil, true, OutOfTime, ended},
		{"begun when the root had ended", past, -1, 1, nil, true, OutOfTime, ended},
		{"begun before, ended after", past, -100, 100, nil, true, OutOfTime, ended},
		{"the root sent along", past, -1, 1, []*issued{past}, false, OutOfTime, ended},
		{"by an intermediate", between, -1, 1, []*issued{between}, true, OutOfTime, ended},
		{"ended before the root began", past, -100, -90, nil, true, OutOfTime, `"anna" expired on 2026-08-23 12:00 UTC; it is 2026-11-21 12:00 UTC`},
		{"a root to come", future, -1, 1, nil, true, OutOfTime, `its issuer "root to come" is not valid before 2026-12-01 12:00 UTC; it is 2026-11-21 12:00 UTC`},
		{"another that has expired", other, -15, 100, []*issued{other}, true, Untrusted, `"anna" comes from "other root", which is not trusted here`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := Serve{Roots: x509.NewCertPool()}
			for _, root := range []*issued{past, future} {
				s.Roots.AddCert(root.Certificate)
				if test.known {
					s.Anchors = append(s.Anchors, root.Certificate)
				}
			}
			sent := []*x509.Certificate{issue(t, test.issuer, "anna", days(test.from, test.to)).Certificate}
			for _, c := range test.sent {
				sent = append(sent, c.Certificate)
			}
			before := *sent[0]
			v := s.Judge(sent, today)
			assert.Equal(t, test.status, v.Status, v.Reason)
			assert.Equal(t, test.reason, v.Reason)
			assert.Equal(t, before, *sent[0], "what was sent is as it was")
		})
	}
}

// Who is known besides is not trusted for it.
func TestServeTrustsNoAnchorThatIsNoRoot(t *testing.T) {
	root, other := issue(t, nil, "root", ca), issue(t, nil, "other root", ca)
	s := Serve{Roots: x509.NewCertPool(), Anchors: []*x509.Certificate{root.Certificate, other.Certificate}}
	s.Roots.AddCert(root.Certificate)
	v := s.Judge([]*x509.Certificate{issue(t, other, "anna", nil).Certificate}, today)
	assert.Equal(t, Untrusted, v.Status, v.Reason)
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
	f.Add(issue(f, root, "anna", days(-300, -200)).Raw, between.Raw)
	fuzzlimit.Fuzz(f, func(t *testing.T, leaf, second []byte) {
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
			if !unicode.IsPrint(r) {
				t.Fatalf("%q in %q", r, v.Reason)
			}
		}
		if v.Refused() == (v.Reason == "" || v.Remedy == "") {
			t.Fatalf("a refusal says why, and nothing else does: %+v", v)
		}
	})
}

package chain

import (
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// flawCase is what verifiers say of a flaw, and of the same certificate once
// that alone is put right.
type flawCase struct {
	inGo    string // "" where Go's verifier has nothing against it
	openssl string // "error NUMBER at DEPTH"
	cured   func(*trial)
}

// trial is one look at a certificate, by either verifier.
type trial struct {
	root    *x509.Certificate
	chain   []*x509.Certificate
	leaf    *x509.Certificate
	client  bool
	anyUse  bool // whatever its extended key usage is
	host    string
	now     time.Time
	level   string // of OpenSSL's security
	revoked []Revoked
	list    Pair // who signs the list; none is looked at without
}

func flawCases(client bool) map[Flaw]flawCase {
	cases := map[Flaw]flawCase{
		FlawExpired:             {"expired", "error 10 at 0", func(r *trial) { r.now = r.leaf.NotBefore.Add(time.Minute) }},
		FlawNotYetValid:         {"not yet valid", "error 9 at 0", func(r *trial) { r.now = r.leaf.NotBefore.Add(time.Minute) }},
		FlawWrongUse:            {"incompatible key usage", "error 26 at 0", func(r *trial) { r.anyUse = true }},
		FlawMissingIntermediate: {"unknown authority", "error 20 at 0", nil},
		FlawRevoked:             {"", "error 23 at 0", func(r *trial) { r.revoked = nil }},
		FlawSelfSigned:          {"unknown authority", "error 18 at 0", func(r *trial) { r.root = r.leaf }},
		FlawUnknownRoot:         {"unknown authority", "error 19 at 1", func(r *trial) { r.root = r.chain[0] }},
		FlawWeakKey:             {"", "error 66 at 0", func(r *trial) { r.level = "1" }},
		FlawBrokenSignature:     {"ECDSA verification failure", "error 7 at 0", nil},
	}
	if client {
		cases[FlawWrongName] = flawCase{"not permitted", "error 47 at 0", nil}
	} else {
		cases[FlawWrongName] = flawCase{"certificate is valid for wrong-name.localhost, not app.test", "error 62 at 0", func(r *trial) { r.host = "wrong-name.localhost" }}
	}
	return cases
}

// flawHierarchy has existed for a while, as one that a person tries this with has.
func flawHierarchy(t testing.TB) *Hierarchy {
	return newHierarchy(t, Options{Key: ECDSA, ClientCerts: true, Now: noon.AddDate(0, -2, 0), Names: []string{"localhost"}})
}

func newTrial(t *testing.T, h *Hierarchy, f Flaw, client bool) *trial {
	t.Helper()
	r := &trial{root: h.Root, client: client, host: "app.test", now: noon, level: "2", list: h.Intermediate}
	name := "app.test"
	if client {
		name, r.list = "anna", h.ClientIntermediate
	}
	made, err := NewFlawed(f, r.list, client, name, noon)
	require.NoError(t, err)
	require.True(t, SameKey(made.Cert, made.Key))
	r.leaf, r.chain = made.Cert, made.Chain
	r.revoked = []Revoked{{Serial: made.Cert.SerialNumber, At: noon}}
	if f != FlawRevoked {
		r.list = Pair{}
	}
	if made.Root != nil && f != FlawUnknownRoot {
		r.root = made.Root // what is wrong besides the root that nobody trusts
	}
	return r
}

func TestFlaws(t *testing.T) {
	h := flawHierarchy(t)
	for _, client := range []bool{true, false} {
		cases := flawCases(client)
		require.Len(t, cases, len(Flaws()))
		for _, f := range Flaws() {
			t.Run(map[bool]string{true: "client, ", false: "server, "}[client]+string(f), func(t *testing.T) {
				r, want := newTrial(t, h, f, client), cases[f]
				assertMarked(t, r.leaf, f)
				assert.Empty(t, PartOf(r.leaf))
				err := r.inGo()
				if want.inGo == "" {
					assert.NoError(t, err)
				} else {
					assert.ErrorContains(t, err, want.inGo)
				}
				if want.cured != nil {
					want.cured(r)
					assert.NoError(t, r.inGo(), "nothing else is wrong")
				}
			})
		}
	}
}

func assertMarked(t *testing.T, c *x509.Certificate, f Flaw) {
	assert.Equal(t, []string{"devcert flaw: " + string(f)}, c.Subject.Organization)
	if f.sound() {
		assert.NotContains(t, c.Issuer.Organization, c.Subject.Organization[0])
	} else {
		assert.Equal(t, c.Subject.Organization, c.Issuer.Organization, "a throw-away root")
		assert.Empty(t, OwnerOf(c))
	}
}

func (r *trial) inGo() error {
	o := x509.VerifyOptions{
		Roots: poolOf(r.root), Intermediates: poolOf(r.chain...), CurrentTime: r.now,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if r.client {
		o.KeyUsages = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	} else {
		o.DNSName = r.host
	}
	if r.anyUse {
		o.KeyUsages = []x509.ExtKeyUsage{x509.ExtKeyUsageAny}
	}
	_, err := r.leaf.Verify(o)
	return err
}

func (r *trial) byOpenSSL(t *testing.T, o openssl) (string, error) {
	purpose := "sslserver"
	if r.client {
		purpose = "sslclient"
	}
	if r.anyUse {
		purpose = "any"
	}
	args := []string{"-purpose", purpose, "-auth_level", r.level}
	if !r.client {
		args = append(args, "-verify_hostname", r.host)
	}
	if r.list.Cert != nil {
		der, err := SignCRL(r.list, r.revoked, noon, time.Minute)
		require.NoError(t, err)
		o.write(t, "list.crl", EncodeCRL(der))
		args = append(args, "-crl_check", "-CRLfile", "list.crl")
	}
	return o.judge(t, r.root, r.chain, r.leaf, r.now, args...)
}

var opensslErrors = regexp.MustCompile(`error \d+ at \d+`)

// TestOpenSSLNoticesFlaws: one error each, and none once it is put right.
func TestOpenSSLNoticesFlaws(t *testing.T) {
	o, h := newOpenSSL(t), flawHierarchy(t)
	for _, client := range []bool{true, false} {
		for f, want := range flawCases(client) {
			t.Run(map[bool]string{true: "client, ", false: "server, "}[client]+string(f), func(t *testing.T) {
				r := newTrial(t, h, f, client)
				out, err := r.byOpenSSL(t, o)
				require.Error(t, err)
				assert.Equal(t, []string{want.openssl}, opensslErrors.FindAllString(out, -1), out)
				t.Log(out)
				if want.cured != nil {
					want.cured(r)
					out, err := r.byOpenSSL(t, o)
					assert.NoError(t, err, out)
				}
			})
		}
	}
}

// What no trial can put right without another certificate.
func TestFlawsAreAlone(t *testing.T) {
	h := flawHierarchy(t)
	made, err := NewFlawed(FlawMissingIntermediate, h.ClientIntermediate, true, "anna", noon)
	require.NoError(t, err)
	assert.Empty(t, made.Chain)
	assert.NoError(t, verifyClient(h, made.Cert, noon), "the intermediate is all that is missing")

	made, err = NewFlawed(FlawBrokenSignature, h.ClientIntermediate, true, "anna", noon)
	require.NoError(t, err)
	whole, err := breakSignature(made.Cert)
	require.NoError(t, err)
	assert.NoError(t, whole.CheckSignatureFrom(made.Root), "the bit is all that is wrong")

	made, err = NewFlawed(FlawWrongName, h.ClientIntermediate, true, "anna", noon)
	require.NoError(t, err)
	assert.Equal(t, []string{"client.localhost", "wrong-name.invalid"}, made.Cert.DNSNames)

	made, err = NewFlawed(FlawWeakKey, h.Intermediate, false, "app.test", noon)
	require.NoError(t, err)
	key, ok := made.Cert.PublicKey.(*rsa.PublicKey)
	require.True(t, ok)
	assert.Equal(t, 1024, key.N.BitLen())
	assert.True(t, PermitsOf(made.Root).Equal(PermitsOf(h.Root)), "a throw-away root is for no more than the real one")
}

// Flaws can be had at both ends of an issuer's life, or are refused.
func TestFlawsOfTime(t *testing.T) {
	h := clientHierarchy(t)
	issuer := h.ClientIntermediate
	for _, row := range []struct {
		name string
		now  time.Time
		f    Flaw
		err  string
	}{
		{"expired, of an issuer made this minute", noon, FlawExpired, ""},
		{"expired, when the issuer starts", issuer.Cert.NotBefore, FlawExpired, "too new"},
		{"expired, when the issuer ends", issuer.Cert.NotAfter, FlawExpired, ""},
		{"not yet valid, of an issuer made this minute", noon, FlawNotYetValid, ""},
		{"not yet valid, a minute before the issuer ends", issuer.Cert.NotAfter.Add(-time.Minute), FlawNotYetValid, ""},
		{"not yet valid, when the issuer ends", issuer.Cert.NotAfter, FlawNotYetValid, "too soon"},
	} {
		t.Run(row.name, func(t *testing.T) {
			made, err := NewFlawed(row.f, issuer, true, "anna", row.now)
			if row.err != "" {
				assert.ErrorContains(t, err, row.err)
				return
			}
			require.NoError(t, err)
			assert.Error(t, verifyClient(h, made.Cert, row.now))
			assert.NoError(t, verifyClient(h, made.Cert, made.Cert.NotBefore), "the issuer is valid when it starts")
			assert.NoError(t, verifyClient(h, made.Cert, made.Cert.NotAfter), "the issuer is valid when it ends")
		})
	}
}

func TestNewFlawedRefuses(t *testing.T) {
	h := clientHierarchy(t)
	root := Pair{h.Root, h.RootKey}
	for _, row := range []struct {
		name   string
		f      Flaw
		issuer Pair
		client bool
		cn     string
		now    time.Time
		reason string
	}{
		{"no flaw", "", h.ClientIntermediate, true, "anna", noon, "no such flaw"},
		{"unknown flaw", "rusty", h.ClientIntermediate, true, "anna", noon, `"rusty"`},
		{"nothing missing below a root", FlawMissingIntermediate, root, true, "anna", noon, "no intermediate"},
		{"server intermediate for a client", FlawExpired, h.Intermediate, true, "anna", noon, "not for clients"},
		{"client intermediate for a server", FlawExpired, h.ClientIntermediate, false, "app.test", noon, "not for servers"},
		{"no issuer", FlawRevoked, Pair{}, true, "anna", noon, "key is not that"},
		{"no time", FlawWeakKey, Pair{}, true, "anna", time.Time{}, "no time"},
		{"a host as name", FlawExpired, h.ClientIntermediate, true, "www.example.com", noon, "host name outside"},
		{"a host as name below a throw-away root", FlawWeakKey, h.ClientIntermediate, true, "www.example.com", noon, "host name outside"},
		{"server outside", FlawExpired, h.Intermediate, false, "example.com", noon, "outside what the root permits"},
		{"server outside below a throw-away root", FlawSelfSigned, h.Intermediate, false, "example.com", noon, "outside what the root permits"},
	} {
		t.Run(row.name, func(t *testing.T) {
			made, err := NewFlawed(row.f, row.issuer, row.client, row.cn, row.now)
			assert.ErrorContains(t, err, row.reason)
			assert.Zero(t, made)
		})
	}
	for _, f := range Flaws() {
		_, err := NewFlawed(f, Pair{}, false, "app.test", noon)
		assert.Equal(t, f.sound(), err != nil, "%s, without an issuer: %v", f, err)
		var refusal *NameError
		assert.False(t, errors.As(err, &refusal))
	}
}

package winstore

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/devcert/chain"
)

// newAuthority makes an authority of a name and organization, by issuer or itself.
func newAuthority(t testing.TB, name, organization string, issuer chain.Pair) chain.Pair {
	t.Helper()
	return signed(t, func(c *x509.Certificate) {
		c.Subject = pkix.Name{CommonName: name, Organization: []string{organization}}
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
		c.DNSNames, c.ExtKeyUsage = nil, nil
	}, issuer)
}

// newClient makes a certificate for clients.
func newClient(t testing.TB, name string, issuer chain.Pair) chain.Pair {
	t.Helper()
	return signed(t, func(c *x509.Certificate) {
		c.Subject.CommonName, c.ExtKeyUsage = name, []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	}, issuer)
}

func TestAbove(t *testing.T) {
	root := newAuthority(t, "root", chain.Organization, chain.Pair{})
	ours := newAuthority(t, "between", chain.Organization, root)
	twin := newAuthority(t, "between", chain.Organization, root)
	theirs := newAuthority(t, "between", "somebody", root)
	for _, row := range []struct {
		name   string
		issuer chain.Pair
		there  []*x509.Certificate
		want   *x509.Certificate
	}{
		{"ours", ours, []*x509.Certificate{root.Cert, theirs.Cert, twin.Cert, ours.Cert}, ours.Cert},
		{"another of the same name", ours, []*x509.Certificate{twin.Cert}, nil},
		{"somebody else's", theirs, []*x509.Certificate{theirs.Cert, ours.Cert}, nil},
		{"a root", root, []*x509.Certificate{root.Cert}, nil},
		{"none", ours, nil, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			alice := newClient(t, "alice", row.issuer).Cert
			require.Equal(t, row.want, aboveOf(alice, append(entries(row.there...), Entry{DER: []byte("no certificate")})))
		})
	}
}

func TestNeeded(t *testing.T) {
	root := newAuthority(t, "root", chain.Organization, chain.Pair{})
	above, twin := newAuthority(t, "between", chain.Organization, root), newAuthority(t, "between", chain.Organization, root)
	alice, other := newClient(t, "alice", above).Cert, newClient(t, "alice", twin).Cert
	for _, row := range []struct {
		name string
		list []Entry
		want bool
	}{
		{"one with its key", []Entry{{DER: alice.Raw, HasKey: true}}, true},
		{"one without its key", []Entry{{DER: alice.Raw}}, false},
		{"one of another with the same name", []Entry{{DER: other.Raw, HasKey: true}}, false},
		{"none", nil, false},
	} {
		t.Run(row.name, func(t *testing.T) { require.Equal(t, row.want, needed(above.Cert, row.list)) })
	}
}

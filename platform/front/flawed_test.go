package front

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/devcert/chain"
)

// Each flaw is presented where it was asked for, and is what Go's verifier refuses,
// while the port beside it presents the leaf.
func TestFlawsArePresented(t *testing.T) {
	t.Parallel()
	for flaw, refusal := range map[chain.Flaw]string{
		chain.FlawExpired: "certificate has expired", chain.FlawNotYetValid: "not yet valid", chain.FlawWrongUse: "incompatible key usage",
		chain.FlawWrongName: "not localhost", chain.FlawMissingIntermediate: "unknown authority", chain.FlawRevoked: "",
		chain.FlawSelfSigned: "unknown authority", chain.FlawUnknownRoot: "unknown authority", chain.FlawWeakKey: "unknown authority",
		chain.FlawBrokenSignature: "unknown authority",
	} {
		t.Run(string(flaw), func(t *testing.T) {
			t.Parallel()
			s := setUp(t)
			ports := free(t, 2)
			sv := devcert.Serving{Ports: ports}
			require.NoError(t, sv.Flaw([]string{strconv.Itoa(ports[0]) + "=" + string(flaw)}))
			begin(t, s.front(sv), hello)
			sent := s.sent(t, ports[0])
			require.Equal(t, "devcert flaw: "+string(flaw), sent[0].Subject.Organization[0])
			require.True(t, s.sent(t, ports[1])[0].Equal(s.leaf.Cert))
			roots, between := x509.NewCertPool(), x509.NewCertPool()
			roots.AddCert(s.made.Root)
			for _, c := range sent[1:] {
				between.AddCert(c)
			}
			_, err := sent[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, DNSName: "localhost"})
			if refusal == "" {
				require.NoError(t, err, "only the list says it")
				return
			}
			require.ErrorContains(t, err, refusal)
		})
	}
}

// What is presented as revoked is on the list that it names.
func TestTheRevokedFlawIsOnItsList(t *testing.T) {
	t.Parallel()
	s := setUp(t)
	k := newKeyring(s.folder, s.binder, 0, &teller{say: s.say})
	k.flawOf = map[int]chain.Flaw{8443: chain.FlawRevoked}
	v := k.read(true)
	cert := v.flawed[chain.FlawRevoked].cert
	path := chain.HierarchyID(s.made.Root) + "/servers.crl"
	require.Equal(t, []string{chain.CRLBase + "/" + path}, cert.CRLDistributionPoints)
	list, err := x509.ParseRevocationList(k.list(path, time.Now()))
	require.NoError(t, err)
	require.NoError(t, list.CheckSignatureFrom(s.made.Intermediate.Cert))
	require.Len(t, list.RevokedCertificateEntries, 1)
	require.Zero(t, cert.SerialNumber.Cmp(list.RevokedCertificateEntries[0].SerialNumber))
	require.True(t, k.read(true).flawed[chain.FlawRevoked].cert.Equal(cert), "made once for a hierarchy")
	s.setup(t)
	require.False(t, k.read(true).flawed[chain.FlawRevoked].cert.Equal(cert), "and anew for another")
}

// sent is the chain that a port presents.
func (s *stage) sent(t *testing.T, port int) []*x509.Certificate {
	t.Helper()
	conn, err := tls.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)),
		&tls.Config{ServerName: "localhost", InsecureSkipVerify: true})
	require.NoError(t, err)
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates
}

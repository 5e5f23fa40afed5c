package clients

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/devcert/chain"
)

// serve greets whoever comes with what a file has, until it is killed.
func serve(file string, greet func(net.Conn, tls.Certificate)) int {
	cert, err := tls.LoadX509KeyPair(file, file)
	if err != nil {
		fmt.Fprintln(os.Stderr, "fake: no certificate to serve with")
		return 1
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 1
	}
	port := fmt.Sprint(listener.Addr().(*net.TCPAddr).Port)
	if os.WriteFile("port.new", []byte(port), 0o600) != nil || os.Rename("port.new", portFile) != nil {
		return 1
	}
	for {
		conn, err := listener.Accept()
		if err != nil {
			return 1
		}
		greet(conn, cert)
		_ = conn.Close()
	}
}

// fakeServer is a server that has a chain, the leaf with its key first.
func fakeServer(t *testing.T, behaviour string, a *hall, leaf chain.Pair, more ...*x509.Certificate) kind {
	t.Helper()
	file := filepath.Join(t.TempDir(), "chain.pem")
	if leaf.Cert != nil {
		key, err := chain.EncodeKey(leaf.Key)
		require.NoError(t, err)
		text := append(chain.EncodeCertificates(append([]*x509.Certificate{leaf.Cert}, more...)...), key...)
		require.NoError(t, os.WriteFile(file, text, 0o600))
	}
	k := fake(behaviour, file, a.notes, false)
	k.serves, k.last = true, true
	return k
}

func TestServers(t *testing.T) {
	a := newHall(t)
	h := a.trusted
	another, err := chain.NewLeaf(h.Intermediate, chain.LeafOptions{Names: []string{"localhost"}, Key: chain.ECDSA, Now: time.Now()})
	require.NoError(t, err)
	for _, row := range []struct {
		name, behaviour string
		leaf            chain.Pair
		more            []*x509.Certificate
		root            *x509.Certificate
		inside          devcert.Verdict
		said            string // matches
	}{
		{"the chain", "serves", h.Leaf, []*x509.Certificate{h.Intermediate.Cert}, h.Root, devcert.Accepted, ""},
		{"and its root", "serves", h.Leaf, []*x509.Certificate{h.Intermediate.Cert, h.Root}, h.Root, devcert.Accepted, ""},
		{"no intermediate", "serves", h.Leaf, nil, h.Root, devcert.Refused, "it does not send the intermediate"},
		{"another leaf", "serves", another, []*x509.Certificate{h.Intermediate.Cert}, h.Root, devcert.Refused, chain.Thumbprint(another.Cert)},
		{"another intermediate", "serves", h.Leaf, []*x509.Certificate{another.Cert}, h.Root, devcert.Refused, "as its intermediate"},
		{"another root", "serves", h.Leaf, []*x509.Certificate{h.Intermediate.Cert}, another.Cert, devcert.Refused, "x509: "},
		{"no root", "serves", h.Leaf, []*x509.Certificate{h.Intermediate.Cert}, nil, devcert.Refused, "x509: "},
		{"it does not start", "serves", chain.Pair{}, nil, h.Root, devcert.Refused, "fake: no certificate to serve with"},
		{"it shakes no hands", "serves without a key", h.Leaf, nil, h.Root, devcert.Refused, "EOF"},
		{"it ends well", "ends well without asking", h.Leaf, nil, h.Root, devcert.NotAsked, "without having served"},
	} {
		t.Run(row.name, func(t *testing.T) {
			a.exam.Root = row.root
			got := a.ask(t, t.Context(), fakeServer(t, row.behaviour, a, row.leaf, row.more...))[0]
			require.Equal(t, row.inside, got.Inside, got.Said)
			require.Regexp(t, row.said, got.Said)
			require.Equal(t, row.said == "", got.Said == "", got.Said)
			if row.inside != devcert.NotAsked {
				require.Equal(t, devcert.Refused, got.Outside)
			}
		})
	}
}

// TestServerForEveryName: what serves the name outside has been given what nobody
// may accept, and is found out by who trusts the root.
func TestServerForEveryName(t *testing.T) {
	a := newHall(t)
	outside, err := x509.ParseCertificate(a.exam.Outside.Certificate[0])
	require.NoError(t, err)
	o := order{name: a.exam.OutsideName, root: a.trusted.Root, cert: a.exam.Outside}
	require.ErrorContains(t, o.check([]*x509.Certificate{outside, a.trusted.Intermediate.Cert}), "not authorized")
	require.ErrorContains(t, o.check([]*x509.Certificate{a.trusted.Leaf.Cert, a.trusted.Intermediate.Cert}), a.exam.OutsideName)
}

func TestServerThatHangs(t *testing.T) {
	a := newHall(t)
	a.exam.Limit = time.Second
	started := time.Now()
	k := fakeServer(t, "hanging", a, a.trusted.Leaf)
	k.version = nil // which it may not reach on a busy machine
	got := a.ask(t, t.Context(), k)[0]
	require.Less(t, time.Since(started), 8*time.Second)
	require.Equal(t, devcert.Hung, got.Inside)
	require.Contains(t, got.Said, "within 1s")
}

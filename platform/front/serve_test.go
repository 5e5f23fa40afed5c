package front

import (
	"context"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/devcert/chain"
	"devcert/devcert/disk"
)

func TestServesEveryBoundPort(t *testing.T) {
	t.Parallel()
	ports := free(t, 2)
	s := setUp(t, ports...)
	r := begin(t, s.front(devcert.Serving{}), hello)
	assert.Equal(t, ports, r.listening.Ports)
	assert.Equal(t, loopback(), r.listening.Addresses)
	assert.Empty(t, r.listening.Failed)
	for _, port := range ports {
		for _, host := range []string{"127.0.0.1", "::1"} {
			for _, http2 := range []bool{false, true} {
				address := net.JoinHostPort(host, strconv.Itoa(port))
				response, err := s.client(address, http2).Get("https://localhost:" + strconv.Itoa(port))
				require.NoError(t, err, address)
				body, err := io.ReadAll(response.Body)
				require.NoError(t, err)
				_ = response.Body.Close()
				assert.Equal(t, map[bool]string{false: "hello over HTTP/1.1", true: "hello over HTTP/2.0"}[http2], string(body))
				assert.Len(t, response.TLS.PeerCertificates, 2, "the intermediate comes with the leaf")
			}
		}
	}
	require.NoError(t, r.end())
	assert.Empty(t, s.lines())
}

func TestServesPortsByNumber(t *testing.T) {
	t.Parallel()
	ports := free(t, 3)
	s := setUp(t, ports[0])
	r := begin(t, s.front(devcert.Serving{Ports: []int{ports[2], ports[1], ports[2]}}), hello)
	assert.Equal(t, ports[1:], r.listening.Ports)
	assert.False(t, answersAt(target4(ports[0])), "is bound, and not asked for")
	assert.Equal(t, s.thumbprint(), s.presented(t, ports[1], "localhost"), "is bound to nothing, and presents the leaf")
}

func TestWhichCertificate(t *testing.T) {
	t.Parallel()
	ports := free(t, 3)
	s := setUp(t, ports[0])
	api := s.issue(t, "api.dev.internal", "deep.dev.internal")
	s.issued(t, "api", []*x509.Certificate{api.Cert, s.made.Intermediate.Cert}, keyOf(t, api))
	deep := s.issue(t, "localhost", "deep.test", "127.0.0.1")
	s.issued(t, "deep", []*x509.Certificate{deep.Cert, s.made.Intermediate.Cert}, keyOf(t, deep))
	require.NoError(t, s.binder.Bind(t.Context(), order(chain.Thumbprint(deep.Cert), ports[1])))
	require.NoError(t, s.binder.Bind(t.Context(), order(thumbA, ports[2])))
	begin(t, s.front(devcert.Serving{}), hello)

	leaf, apis, deeps := s.thumbprint(), chain.Thumbprint(api.Cert), chain.Thumbprint(deep.Cert)
	for _, row := range []struct {
		why  string
		port int
		name string
		want string
	}{
		{"bound to the leaf", ports[0], "localhost", leaf},
		{"a client that gives no name", ports[0], "127.0.0.1", leaf},
		{"the leaf's wildcard is preferred to what was issued", ports[0], "api.dev.internal", leaf},
		{"a name that only something issued has", ports[0], "deep.test", deeps},
		{"bound to what was issued", ports[1], "localhost", deeps},
		{"another name on such a port", ports[1], "api.dev.internal", apis},
		{"bound to what is nowhere to be had", ports[2], "localhost", leaf},
	} {
		assert.Equal(t, row.want, s.presented(t, row.port, row.name), row.why)
	}
	assert.Empty(t, s.lines())
}

func TestUnusableIssuedCertificates(t *testing.T) {
	t.Parallel()
	port := free(t, 1)[0]
	s := setUp(t, port)
	good, other := s.issue(t, "good.test"), s.issue(t, "other.test")
	s.write(t, "issued/garbage/garbage.pem", []byte("-----BEGIN"))
	s.issued(t, "mixed", []*x509.Certificate{other.Cert}, keyOf(t, good))
	s.issued(t, "badkey", []*x509.Certificate{other.Cert}, []byte("secret"))
	s.issued(t, "request", []*x509.Certificate{other.Cert}, nil)
	s.issued(t, "authority", []*x509.Certificate{s.made.Root}, nil)
	require.NoError(t, os.MkdirAll(filepath.Join(s.dir, "issued", "empty"), 0o700))
	s.issued(t, "good", []*x509.Certificate{good.Cert, s.made.Intermediate.Cert}, keyOf(t, good))
	f := s.front(devcert.Serving{})
	begin(t, f, hello)

	assert.Equal(t, chain.Thumbprint(good.Cert), s.presented(t, port, "good.test"))
	f.keyring.read(true)
	for _, name := range []string{"garbage", "mixed", "badkey"} {
		assert.Equal(t, 1, s.heard("issued/"+name+" cannot be presented"), "%s is said once: %v", name, s.lines())
	}
	assert.Len(t, s.lines(), 3, "what has no key here, or is no server's, is nothing to say")
	assert.Zero(t, s.heard("secret"))
}

func keyOf(t *testing.T, pair chain.Pair) []byte {
	t.Helper()
	data, err := chain.EncodeKey(pair.Key)
	require.NoError(t, err)
	return data
}

func TestNothingToServe(t *testing.T) {
	t.Parallel()
	port := free(t, 1)[0]
	for _, row := range []struct {
		name   string
		spoil  func(*testing.T, *stage)
		ports  []int
		want   string
		remedy string
	}{
		{"never set up", func(t *testing.T, s *stage) { require.NoError(t, os.RemoveAll(s.dir)) }, nil, "no certificate", "devcert setup"},
		{"never set up, by number", func(t *testing.T, s *stage) { require.NoError(t, os.RemoveAll(s.dir)) }, []int{port}, "no certificate", "devcert setup"},
		{"no key", func(t *testing.T, s *stage) {
			for _, name := range []string{disk.LeafKeyFile, "generations/" + s.folder.Generations()[0] + "/leaf-key.pem"} {
				require.NoError(t, os.Remove(filepath.Join(s.dir, name)))
			}
		}, nil, "cannot be used", "devcert repair"},
		{"nothing bound", func(t *testing.T, s *stage) { require.NoError(t, s.binder.Unbind(t.Context(), []int{port})) }, nil, "no port is bound", "devcert ports bind 44300-44399"},
		{"damaged table", func(t *testing.T, s *stage) { s.write(t, disk.BindingsFile, []byte("{")) }, nil, "cannot tell which ports", "devcert repair"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := setUp(t, port)
			row.spoil(t, s)
			err := s.front(devcert.Serving{Ports: row.ports}).run(t.Context(), http.HandlerFunc(hello))
			require.ErrorContains(t, err, row.want)
			var remedied interface{ Remedy() string }
			require.ErrorAs(t, err, &remedied)
			assert.Equal(t, row.remedy, remedied.Remedy())
			var partial *devcert.PartialError
			assert.NotErrorAs(t, err, &partial)
			assert.False(t, answersAt(target4(port)))
		})
	}
}

func TestADamagedTableDoesNotKeepPortsByNumberFromBeingServed(t *testing.T) {
	t.Parallel()
	port := free(t, 1)[0]
	s := setUp(t, port)
	s.write(t, disk.BindingsFile, []byte("{"))
	begin(t, s.front(devcert.Serving{Ports: []int{port}}), hello)
	assert.Equal(t, s.thumbprint(), s.presented(t, port, "localhost"))
	assert.Equal(t, 1, s.heard("every port presents the leaf"))
}

// What Serve wires together is tested piece by piece elsewhere.
func TestServe(t *testing.T) {
	t.Parallel()
	port := free(t, 1)[0]
	s := setUp(t, port)
	server := &Server{StateDir: s.dir, Files: plainFiles{}, Binder: s.binder}
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "a.txt"), []byte("served"), 0o600))
	listens, ended := make(chan bool), make(chan error)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		ended <- server.Serve(ctx, devcert.Serving{Static: folder, Listening: func(devcert.Listening) { close(listens) }})
	}()
	<-listens
	response, err := s.client(target4(port), true).Get("https://localhost:" + strconv.Itoa(port) + "/a.txt")
	require.NoError(t, err)
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	_ = response.Body.Close()
	assert.Equal(t, "served", string(body))
	cancel()
	require.NoError(t, <-ended)
}

package front

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/devcert/chain"
	"devcert/devcert/disk"
)

// ticking answers with a line now and then until the client goes away.
func ticking(w http.ResponseWriter, r *http.Request) {
	for n := 0; r.Context().Err() == nil; n++ {
		_, _ = fmt.Fprintln(w, n)
		_ = http.NewResponseController(w).Flush()
		time.Sleep(20 * time.Millisecond)
	}
}

// stream reads numbers that must come one after the other.
func (s *stage) stream(t *testing.T, port int, http2 bool) (next func() error) {
	t.Helper()
	response, err := s.client(target4(port), http2).Get("https://localhost:" + strconv.Itoa(port))
	require.NoError(t, err)
	t.Cleanup(func() { _ = response.Body.Close() })
	want := 0
	return func() error {
		var got int
		if _, err := fmt.Fscanln(response.Body, &got); err != nil || got != want {
			return fmt.Errorf("line %d is %d: %w", want, got, err)
		}
		want++
		return nil
	}
}

func TestRenewWhileFiftyConnectionsStream(t *testing.T) {
	t.Parallel()
	port := free(t, 1)[0]
	s := setUp(t, port)
	begin(t, s.front(devcert.Serving{}), ticking)
	streams := make([]func() error, 50)
	for i := range streams {
		streams[i] = s.stream(t, port, i%2 == 0)
		require.NoError(t, streams[i]())
	}
	former := s.thumbprint()
	s.renew(t, port)
	assert.Equal(t, s.thumbprint(), s.presented(t, port, "localhost"), "the very next handshake")
	assert.NotEqual(t, former, s.thumbprint())
	var wait sync.WaitGroup
	for _, next := range streams {
		wait.Go(func() {
			for range 30 {
				if !assert.NoError(t, next()) {
					return
				}
			}
		})
	}
	wait.Wait()
	assert.Equal(t, 1, s.heard("a new leaf is presented"))
}

// The order of renew is: generation, current, bindings. In between, the table
// names the former leaf, which nothing on disk has any more.
func TestTheFormerLeafAsLongAsABindingNamesIt(t *testing.T) {
	t.Parallel()
	ports := free(t, 2)
	s := setUp(t, ports...)
	f := s.front(devcert.Serving{})
	begin(t, f, hello)
	former := s.thumbprint()
	s.leaf = s.issue(t, "localhost")
	s.install(t)
	assert.Equal(t, former, s.presented(t, ports[0], "localhost"))
	s.bind(t, ports[0])
	assert.Equal(t, s.thumbprint(), s.presented(t, ports[0], "localhost"))
	assert.Equal(t, former, s.presented(t, ports[1], "localhost"))
	s.bind(t, ports[1])
	assert.Equal(t, s.thumbprint(), s.presented(t, ports[1], "localhost"))
	assert.NotContains(t, f.keyring.now.Load().known, former, "nobody needs its key any more")
}

func TestASessionEndsWithItsLeaf(t *testing.T) {
	t.Parallel()
	port := free(t, 1)[0]
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		s := setUp(t, port)
		r := begin(t, s.front(devcert.Serving{}), hello)
		client := s.client(target4(port), false)
		transport := client.Transport.(*http.Transport)
		transport.TLSClientConfig.ClientSessionCache = tls.NewLRUClientSessionCache(4)
		transport.TLSClientConfig.MaxVersion, transport.DisableKeepAlives = version, true
		resumed := func() bool {
			response, err := client.Get("https://localhost:" + strconv.Itoa(port))
			require.NoError(t, err)
			_, err = io.Copy(io.Discard, response.Body)
			require.NoError(t, err)
			_ = response.Body.Close()
			return response.TLS.DidResume
		}
		assert.False(t, resumed())
		assert.True(t, resumed(), "a session spares a handshake")
		s.renew(t, port)
		assert.False(t, resumed(), "but not past a renewal")
		assert.True(t, resumed())
		require.NoError(t, r.end())
	}
}

func TestTheTableIsFollowed(t *testing.T) {
	t.Parallel()
	ports := free(t, 2)
	s := setUp(t, ports[0])
	begin(t, s.front(devcert.Serving{}), ticking)
	next := s.stream(t, ports[0], false)
	require.NoError(t, next())

	s.bind(t, ports[1])
	eventually(t, "a port that is bound is served", func() bool { return answersAt(target4(ports[1])) })
	require.NoError(t, s.binder.Unbind(t.Context(), ports[:1]))
	eventually(t, "a port that is unbound is closed", func() bool { return !answersAt(target4(ports[0])) })
	for range 20 {
		require.NoError(t, next(), "its connections go on")
	}
	// A port is told of once all ports have been gone through.
	eventually(t, "it is said", func() bool { return s.heard(fmt.Sprintf("port %d is served no longer", ports[0])) == 1 })
	assert.Equal(t, 1, s.heard(fmt.Sprintf("port %d is served now", ports[1])), "%v", s.lines())

	s.write(t, disk.BindingsFile, []byte("{"))
	eventually(t, "a damaged table is said", func() bool { return s.heard("ports stay as they were") == 1 })
	time.Sleep(2 * followEvery)
	assert.True(t, answersAt(target4(ports[1])))
	assert.Equal(t, 1, s.heard("ports stay as they were"), "and only once")
	table := filepath.Join(s.dir, disk.BindingsFile)
	require.NoError(t, os.Remove(table))
	eventually(t, "it is gone, on Windows once nobody reads it", func() bool {
		_, err := os.Lstat(table)
		return errors.Is(err, fs.ErrNotExist)
	})
	s.bind(t, ports[0])
	eventually(t, "a table that was mended is followed", func() bool {
		return answersAt(target4(ports[0])) && !answersAt(target4(ports[1]))
	})
	time.Sleep(2 * followEvery)
	assert.Equal(t, 1, s.heard("the bindings can be read again"), "%v", s.lines())
}

func TestAFolderThatIsHalfWritten(t *testing.T) {
	t.Parallel()
	port := free(t, 1)[0]
	s := setUp(t, port)
	begin(t, s.front(devcert.Serving{}), hello)
	key := "generations/" + s.folder.Generations()[0] + "/leaf-key.pem"
	whole, err := s.folder.Read(key)
	require.NoError(t, err)
	current, err := s.folder.Read(disk.CurrentFile)
	require.NoError(t, err)
	for _, name := range []string{key, disk.LeafKeyFile, disk.CurrentFile} {
		require.NoError(t, os.Remove(filepath.Join(s.dir, filepath.FromSlash(name))))
	}
	assert.Equal(t, s.thumbprint(), s.presented(t, port, "localhost"))
	time.Sleep(3 * followEvery)
	assert.Equal(t, s.thumbprint(), s.presented(t, port, "localhost"))
	assert.Equal(t, 1, s.heard("the leaf's key cannot be read"), "%v", s.lines())

	s.write(t, key, whole)
	s.write(t, disk.CurrentFile, current)
	s.renew(t, port)
	assert.Equal(t, s.thumbprint(), s.presented(t, port, "localhost"))
	assert.Equal(t, 1, s.heard("can be used again"), "%v", s.lines())
}

func TestUninstalledAndSetUpAgain(t *testing.T) {
	t.Parallel()
	ports := free(t, 2)
	for name, asked := range map[string][]int{"bound": nil, "by number": ports} {
		t.Run(name, func(t *testing.T) {
			s := setUp(t, ports...)
			f := s.front(devcert.Serving{Ports: asked})
			begin(t, f, ticking)
			next := s.stream(t, ports[0], true)
			_, err := s.folder.Remove()
			require.NoError(t, err)
			require.NoDirExists(t, s.dir)
			eventually(t, "nothing is served", func() bool { return !answersAt(target4(ports[0])) && !answersAt(target4(ports[1])) })
			require.NoError(t, next(), "connections go on")
			eventually(t, "it is said", func() bool { return s.heard("nothing is served until devcert setup") == 1 })
			eventually(t, "the keys are forgotten", func() bool { v := f.keyring.now.Load(); return v.leaf == nil && len(v.known) == 0 })

			s.setup(t)
			s.bind(t, ports...)
			eventually(t, "what was set up is served", func() bool { return answersAt(target4(ports[0])) && answersAt(target4(ports[1])) })
			assert.Equal(t, s.thumbprint(), s.presented(t, ports[1], "localhost"))
		})
	}
}

func TestATableThatIsAwayForAMoment(t *testing.T) {
	t.Parallel()
	port := free(t, 1)[0]
	s := setUp(t, port)
	f := s.front(devcert.Serving{})
	f.keyring.read(true)
	f.wanted = []int{port}
	require.NoError(t, os.Rename(filepath.Join(s.dir, disk.BindingsFile), filepath.Join(s.dir, "aside")))
	assert.Equal(t, []int{port}, f.wants(f.keyring.refresh()), "repair sets a damaged table aside before it writes another")
	require.NoError(t, os.Rename(filepath.Join(s.dir, "aside"), filepath.Join(s.dir, disk.BindingsFile)))
	assert.Equal(t, []int{port}, f.wants(f.keyring.refresh()))
	require.NoError(t, os.Remove(filepath.Join(s.dir, disk.BindingsFile)))
	assert.Equal(t, []int{port}, f.wants(f.keyring.refresh()))
	assert.Empty(t, f.wants(f.keyring.refresh()), "a second later it is gone")
}

func TestAnIssuedCertificateIsFollowed(t *testing.T) {
	t.Parallel()
	port := free(t, 1)[0]
	s := setUp(t, port)
	f := s.front(devcert.Serving{})
	begin(t, f, hello)
	for range 2 { // new, and then another one in its place
		pair := s.issue(t, "api.test")
		s.issued(t, "api", []*x509.Certificate{pair.Cert, s.made.Intermediate.Cert}, keyOf(t, pair))
		eventually(t, "what was issued is presented", func() bool {
			id := f.keyring.now.Load().presents(port, "api.test")
			return chain.Thumbprint(id.cert) == chain.Thumbprint(pair.Cert)
		})
		assert.Equal(t, chain.Thumbprint(pair.Cert), s.presented(t, port, "api.test"))
	}
}

// BenchmarkFresh is what keeping up costs each handshake.
func BenchmarkFresh(b *testing.B) {
	s := setUp(b, 44300)
	k := newKeyring(s.folder, s.binder, 0, &teller{})
	k.read(true)
	b.ReportAllocs()
	for b.Loop() {
		k.fresh()
	}
}

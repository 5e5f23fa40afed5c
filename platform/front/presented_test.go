package front

import (
	"crypto/x509"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/devcert/chain"
)

// What is behind the front can tell which certificate the very connection got.
func TestTheConnectionKnowsWhatItPresented(t *testing.T) {
	t.Parallel()
	port := free(t, 1)[0]
	s := setUp(t, port)
	other := s.issue(t, "127.0.0.1", "::1", "deep.test")
	s.issued(t, "deep", []*x509.Certificate{other.Cert, s.made.Intermediate.Cert}, keyOf(t, other))
	begin(t, s.front(devcert.Serving{}), func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, chain.Thumbprint(connectionOf(r).presented))
	})
	for name, want := range map[string]string{"localhost": s.thumbprint(), "deep.test": chain.Thumbprint(other.Cert)} {
		for _, http2 := range []bool{false, true} {
			response, err := s.client(target4(port), http2).Get("https://" + name + ":" + strconv.Itoa(port))
			require.NoError(t, err)
			body, err := io.ReadAll(response.Body)
			require.NoError(t, err)
			require.NoError(t, response.Body.Close())
			assert.Equal(t, want, string(body), "%s, HTTP/2 %v", name, http2)
		}
	}
}

// A port that is bound to what was issued presents it, also for names that it is not
// for: that was asked for.
func TestAPortPresentsWhatWasIssued(t *testing.T) {
	t.Parallel()
	ports := free(t, 2)
	s := setUp(t, ports...)
	api := s.issue(t, "api.dev.internal")
	s.issued(t, "api.dev.internal", []*x509.Certificate{api.Cert, s.made.Intermediate.Cert}, keyOf(t, api))
	require.NoError(t, s.binder.Bind(t.Context(), order(chain.Thumbprint(api.Cert), ports[1])))
	begin(t, s.front(devcert.Serving{}), hello)
	assert.Equal(t, s.thumbprint(), s.presented(t, ports[0], "localhost"))
	assert.Equal(t, chain.Thumbprint(api.Cert), s.presented(t, ports[1], "api.dev.internal"))
	answers := Probe(t.Context(), ports) // asks for localhost
	assert.Equal(t, []string{s.thumbprint(), chain.Thumbprint(api.Cert)}, []string{answers[0].Listener, answers[1].Listener})
}

func TestWhatTheFrontCanServe(t *testing.T) {
	t.Parallel()
	s := setUp(t)
	whole, keyless, mixed := s.issue(t, "a.test"), s.issue(t, "b.test"), s.issue(t, "c.test")
	s.issued(t, "a.test", []*x509.Certificate{whole.Cert}, keyOf(t, whole))
	s.issued(t, "b.test", []*x509.Certificate{keyless.Cert}, nil)
	s.issued(t, "c.test", []*x509.Certificate{mixed.Cert}, keyOf(t, whole))
	s.write(t, "issued/d.test/d.test.pem", []byte("none"))
	for _, row := range []struct {
		name, thumbprint, says string
	}{
		{"whole", chain.Thumbprint(whole.Cert), ""},
		{"without its key", chain.Thumbprint(keyless.Cert), "its key is not in the state folder"},
		{"with another's key", chain.Thumbprint(mixed.Cert), "do not belong together"},
		{"unknown", strings.Repeat("A", 40), "devcert has made none with this thumbprint"},
	} {
		t.Run(row.name, func(t *testing.T) {
			err := s.binder.CanServe(row.thumbprint)
			if row.says == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, row.says)
		})
	}
}

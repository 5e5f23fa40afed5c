package front

import (
	"crypto/x509"
	"io"
	"net/http"
	"strconv"
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

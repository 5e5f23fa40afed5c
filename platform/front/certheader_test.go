package front

import (
	"bufio"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"devcert/devcert"
	"devcert/scripts/fuzzlimit"
)

func TestForbids(t *testing.T) {
	s := newStripper([]devcert.CertHeader{{Name: "My-Cert.1", Encoding: devcert.CertHex}})
	tests := []struct {
		name string
		want bool
	}{
		{"X-SSL-CERT", true},
		{"X-Ssl-Cert", true},
		{"x-ssl-cert", true},
		{"X_SSL_CERT", true},
		{"X-SSL_CERT", true},
		{"X.SSL.CERT", true},
		{"X-ARR-ClientCert", true},
		{"x_arr_clientcert", true},
		{"X-Client-Cert", true},
		{"Client-Cert", true},
		{"Client-Cert-Chain", true},
		{"Ms-Aspnetcore-Clientcert", true},
		{"Ssl-Client-Cert", true},
		{"My-Cert.1", true},
		{"MY_CERT_1", true},
		{"Forwarded", true},
		{"X-Forwarded-For", true},
		{"X_Forwarded_Tls_Client_Cert_Info_And_A_Name_That_Is_Longer_Than_Any_Other_Name", true},
		{"X-Forwarded-" + strings.Repeat("x", 1000), true},
		{"", false},
		{"X-SSL", false},
		{"X-SSL-CERTS", false},
		{"XSSLCERT", false},
		{"X-SSL-CERT-", false},
		{"X--SSL-CERT", false},
		{"X-Forwarded", false},
		{"Cookie", false},
		{"My-Cert", false},
		{strings.Repeat("x", 1000), false},
	}
	for _, test := range tests {
		assert.Equal(t, test.want, s.forbids(test.name), test.name)
	}
	long := strings.Repeat("Very-", 60) + "Long"
	assert.True(t, newStripper([]devcert.CertHeader{{Name: long}}).forbids(strings.ReplaceAll(strings.ToUpper(long), "-", "_")))
}

// FuzzForbids compares with what servers that make variables of headers do.
func FuzzForbids(f *testing.F) {
	for _, name := range []string{"X-SSL-CERT", "x_arr.clientcert", "X-Forwarded-For", "Cookie", "X-\xffSSL"} {
		f.Add(name)
	}
	s := newStripper(nil)
	other := regexp.MustCompile(`[^A-Za-z0-9]`)
	fuzzlimit.Fuzz(f, func(t *testing.T, name string) {
		variable := strings.ToUpper(other.ReplaceAllString(strings.ToValidUTF8(name, "?"), "_"))
		if strings.ToValidUTF8(name, "?") != name || strings.ContainsFunc(name, func(r rune) bool { return r > 127 }) {
			return // no server takes that for a name
		}
		want := s.names[variable] || strings.HasPrefix(variable, "X_FORWARDED_")
		if got := s.forbids(name); got != want {
			t.Fatalf("%q: %v", name, got)
		}
	})
}

func TestEscapePEM(t *testing.T) {
	// What nginx 1.22 gives for $ssl_client_escaped_cert: letters, digits and
	// "-._~" as they are, everything else as %XX.
	assert.Equal(t, "-----BEGIN%20CERTIFICATE-----%0Aab%2B%2F%3D~._%0A", escapePEM([]byte("-----BEGIN CERTIFICATE-----\nab+/=~._\n")))
}

func TestEncodeCert(t *testing.T) {
	cert := newClients(t).good.Leaf
	values := encodeCert(cert, []devcert.CertHeader{
		{Name: "X-Ssl-Cert", Encoding: devcert.CertHex}, {Name: "x-arr-clientcert", Encoding: devcert.CertBase64}, {Name: "X-Pem", Encoding: devcert.CertPEMURL},
	})
	require.Len(t, values, 3)
	assert.Equal(t, "X-Ssl-Cert", values[0].name)
	der, err := hex.DecodeString(values[0].value[0])
	require.NoError(t, err)
	assert.Equal(t, cert.Raw, der)
	assert.Equal(t, "X-Arr-Clientcert", values[1].name)
	der, err = base64.StdEncoding.DecodeString(values[1].value[0])
	require.NoError(t, err)
	assert.Equal(t, cert.Raw, der)
	text, err := url.PathUnescape(values[2].value[0]) // a "+" that were a space would break this
	require.NoError(t, err)
	block, rest := pem.Decode([]byte(text))
	require.NotNil(t, block)
	assert.Empty(t, rest)
	assert.Equal(t, cert.Raw, block.Bytes)
	assert.Regexp(t, `^[A-Za-z0-9._~%-]+$`, values[2].value[0])
}

// forged are the names under which a client might pretend to have shown a
// certificate.
var forged = []string{
	"X-SSL-CERT", "x-ssl-cert", "X_SSL_CERT", "X-Ssl_Cert", "x.ssl.cert", "X-ARR-ClientCert", "x_arr_clientcert", "X-Client-Cert", "X_CLIENT_CERT",
	"Client-Cert", "X-Own-Cert", "X_OWN_CERT", "X-Forwarded-Client-Cert",
}

// headersSeen is an application that answers with the headers and trailers it got.
func headersSeen(t *testing.T) string {
	return startApp(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = fmt.Fprintf(w, "%v trailers %v", r.Header, r.Trailer)
	})
}

// Whether or not a certificate is asked for or a header configured, none arrives
// that a client made up.
func TestForgedHeadersDoNotArrive(t *testing.T) {
	upstream := headersSeen(t)
	for _, mode := range []devcert.ClientCertMode{devcert.NoClientCert, devcert.RequestClientCert} {
		s := forwarding(t, upstream)
		s.ClientCert = mode
		s.CertHeaders = []devcert.CertHeader{{Name: "X-Own-Cert", Encoding: devcert.CertHex}}
		f := handled(t, s, nil)
		for _, protocol := range spoken {
			t.Run(string(mode)+" over "+protocol, func(t *testing.T) {
				r := newRequest(t, "POST", f.URL, io.MultiReader(strings.NewReader("body")))
				r.Trailer = http.Header{"X-Sum": {"honest"}}
				for _, name := range forged {
					r.Header[name] = []string{"forged"}
					r.Trailer[name] = []string{"forged"}
				}
				_, body := fetchAll(t, f.client(protocol), r)
				assert.NotContains(t, body, "forged")
				assert.NotContains(t, strings.ToUpper(body), "CERT")
				assert.Contains(t, body, "honest")
			})
		}
	}
}

// Over HTTP/1.1 trailers need not be announced, Connection can name headers to drop,
// and a header can come twice.
func TestForgedByHand(t *testing.T) {
	c := newClients(t)
	s := forwarding(t, headersSeen(t))
	s.ClientCert = devcert.RequestClientCert
	s.CertHeaders = []devcert.CertHeader{{Name: "X-Ssl-Cert", Encoding: devcert.CertHex}}
	f := handled(t, s, c.roots)
	for name, text := range map[string]string{
		"unannounced trailer":   "POST / HTTP/1.1\r\nHost: a\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-Sum: honest\r\nX-SSL-CERT: forged\r\nx_ssl_cert: forged\r\n\r\n",
		"no trailer announced":  "POST / HTTP/1.1\r\nHost: a\r\nX-Sum: honest\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-SSL-CERT: forged\r\n\r\n",
		"dropped by Connection": "GET / HTTP/1.1\r\nHost: a\r\nX-Sum: honest\r\nConnection: X-SSL-CERT\r\nX-SSL-CERT: forged\r\n\r\n",
		"twice":                 "GET / HTTP/1.1\r\nHost: a\r\nX-Sum: honest\r\nX-SSL-CERT: forged\r\nx-ssl-cert: forged\r\n\r\n",
		"in two lines":          "GET / HTTP/1.1\r\nHost: a\r\nX-Sum: honest\r\nX-SSL-CERT:\r\n forged\r\n\r\n",
		"HTTP/1.0":              "GET / HTTP/1.0\r\nX-Sum: honest\r\nX-SSL-CERT: forged\r\n\r\n",
	} {
		for _, with := range []bool{false, true} {
			t.Run(fmt.Sprint(name, ", certificate ", with), func(t *testing.T) {
				conn := f.raw()
				if with {
					conn = f.raw(c.good)
				}
				_, err := io.WriteString(conn, text)
				require.NoError(t, err)
				answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
				require.NoError(t, err)
				body, _ := io.ReadAll(answer.Body)
				_ = answer.Body.Close()
				assert.Equal(t, 200, answer.StatusCode, string(body))
				assert.NotContains(t, string(body), "forged")
				assert.Contains(t, string(body), "honest")
				assert.Equal(t, with, strings.Contains(string(body), "X-Ssl-Cert:["+strings.ToUpper(hex.EncodeToString(c.good.Leaf.Raw))+"]"), string(body))
			})
		}
	}
}

// A client that writes its own HTTP/2 frames can send trailers of any name.
func TestForgedTrailersOverHTTP2(t *testing.T) {
	f := handled(t, forwarding(t, headersSeen(t)), nil)
	c := f.raw2()
	_, err := io.WriteString(c, http2.ClientPreface)
	require.NoError(t, err)
	framer := http2.NewFramer(c, c)
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	require.NoError(t, framer.WriteSettings())
	var block strings.Builder
	encoder := hpack.NewEncoder(&block)
	fields := func(pairs ...string) []byte {
		block.Reset()
		for i := 0; i < len(pairs); i += 2 {
			require.NoError(t, encoder.WriteField(hpack.HeaderField{Name: pairs[i], Value: pairs[i+1]}))
		}
		return []byte(block.String())
	}
	require.NoError(t, framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, EndHeaders: true, BlockFragment: fields(
		":method", "POST", ":scheme", "https", ":authority", "a", ":path", "/", "trailer", "x-sum, x-ssl-cert, x_ssl_cert", "x_client_cert", "forged")}))
	require.NoError(t, framer.WriteData(1, false, []byte("x")))
	require.NoError(t, framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, EndHeaders: true, EndStream: true, BlockFragment: fields(
		"x-sum", "honest", "x-ssl-cert", "forged", "x_ssl_cert", "forged", "x-client-cert", "forged")}))
	body := ""
	for !strings.Contains(body, "trailers") {
		frame, err := framer.ReadFrame()
		require.NoError(t, err)
		if data, ok := frame.(*http2.DataFrame); ok {
			body += string(data.Data())
		}
	}
	assert.NotContains(t, body, "forged")
	assert.Contains(t, body, "honest")
}

// What a page or a folder of files serves has no use for them, and does not get
// them either.
func TestForgedHeadersReachNobody(t *testing.T) {
	var got http.Header
	page := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Header })
	h := newHandler(devcert.Serving{}, "", page, nil)
	r := newRequest(t, "GET", "https://localhost/", nil)
	for _, name := range forged[:10] {
		r.Header[name] = []string{"forged"}
	}
	h.ServeHTTP(discard{}, r)
	assert.Empty(t, got)
}

// discard is a ResponseWriter of which nothing is wanted.
type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) WriteHeader(int)             {}

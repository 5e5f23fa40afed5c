package front

import (
	"log"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"devcert/devcert"
)

func TestWhatIsSaidOnce(t *testing.T) {
	var said []string
	tells := &teller{say: func(line string) { said = append(said, line) }}
	tells.once("table", "damaged")
	tells.once("table", "damaged")
	tells.once("leaf", "damaged")
	tells.once("table", "unreadable")
	tells.mended("table", "mended")
	tells.mended("table", "mended")
	tells.once("table", "unreadable")
	assert.True(t, tells.over("leaf"))
	assert.Equal(t, []string{"damaged", "damaged", "unreadable", "mended", "unreadable"}, said)
	new(teller).once("table", "nobody is there")
}

func TestWhatTheServerLogs(t *testing.T) {
	for _, row := range []struct{ logged, said string }{
		{"http: TLS handshake error from 127.0.0.1:1: EOF", ""},
		{"http: Accept error: accept tcp4: too many open files; retrying in 5ms", "cannot take connections for the moment: accept tcp4: too many open files"},
		{"http: panic serving 127.0.0.1:1: boom\ngoroutine 7 [running]:\nsecret", "a request ended in a mistake of devcert's: 127.0.0.1:1: boom"},
		{"http: superfluous response.WriteHeader call", ""},
	} {
		var said []string
		logger := log.New(&errorLog{teller: &teller{say: func(line string) { said = append(said, line) }}}, "", 0)
		logger.Print(row.logged)
		logger.Print(row.logged)
		if row.said == "" {
			assert.Empty(t, said, row.logged)
		} else {
			assert.Equal(t, []string{row.said}, said)
		}
	}
}

func TestAPanicEndsOneRequest(t *testing.T) {
	t.Parallel()
	port := free(t, 1)[0]
	s := setUp(t, port)
	begin(t, s.front(devcert.Serving{}), func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/panic" {
			panic("boom")
		}
		hello(w, r)
	})
	for _, http2 := range []bool{false, true} {
		client := s.client(target4(port), http2)
		_, err := client.Get("https://localhost/panic")
		require.Error(t, err)
		response, err := client.Get("https://localhost/")
		require.NoError(t, err)
		_ = response.Body.Close()
	}
	assert.Equal(t, 1, s.heard("a request ended in a mistake of devcert's"), "%v", s.lines())
}

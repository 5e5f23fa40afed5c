//go:build unix

package front

import (
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"devcert/devcert"
)

// A pipe would keep the request waiting for its writer.
func TestStaticServesFilesOnly(t *testing.T) {
	site := folder(t)
	require.NoError(t, syscall.Mkfifo(filepath.Join(site, "pipe"), 0o600))
	f := handled(t, devcert.Serving{Static: site}, nil)
	answer, body := fetchAll(t, f.client("HTTP/1.1"), newRequest(t, "GET", f.URL+"/pipe", nil))
	assert.Equal(t, 404, answer.StatusCode, body)
}

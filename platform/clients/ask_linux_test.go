package clients

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/devcert/chain"
)

func TestRealClients(t *testing.T) {
	h, err := chain.New(chain.Options{Owner: "anna@birch", Key: chain.ECDSA, Now: time.Now()})
	require.NoError(t, err)
	out, err := chain.NewOutside(h.Intermediate, devcert.OutsideName, time.Now())
	require.NoError(t, err)
	pem := filepath.Join(t.TempDir(), "root.pem")
	require.NoError(t, os.WriteFile(pem, chain.EncodeCertificates(h.Root), 0o644))
	home := t.TempDir()
	var env []string
	if os.Getenv("X") != "" {
		for _, n := range []string{"SSL_CERT_FILE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"} {
			env = append(env, n+"="+pem)
		}
	}
	c := New(Options{Env: append(env, "PATH="+os.Getenv("PATH")), Home: home})
	exam := devcert.Exam{OutsideName: devcert.OutsideName, Limit: 60 * time.Second}
	exam.Inside.Certificate = [][]byte{h.Leaf.Cert.Raw, h.Intermediate.Cert.Raw}
	exam.Inside.PrivateKey = h.Leaf.Key
	exam.Outside.Certificate = [][]byte{out.Cert.Raw, h.Intermediate.Cert.Raw}
	exam.Outside.PrivateKey = out.Key
	exam.Told = func(a devcert.Asked) {
		t.Logf("%-16s %-12s %-11s %-11s %6dms %s", a.Name, a.Version, a.Inside, a.Outside, a.Took.Milliseconds(), a.Said)
	}
	start := time.Now()
	found := c.Find(t.Context(), devcert.Material{Root: h.Root})
	t.Log(time.Since(start))
	if only := os.Getenv("ONLY"); only != "" {
		found = slices.DeleteFunc(found, func(c devcert.Client) bool { return c.Name != only })
	}
	if os.Getenv("DEVCERT_TEST_BROWSERS") == "" {
		found = slices.DeleteFunc(found, func(c devcert.Client) bool { return c.Browser })
	}
	asked, err := c.Ask(t.Context(), found, exam)
	require.NoError(t, err)
	for _, a := range asked {
		require.Equal(t, devcert.Refused, a.Outside, a.Name)
	}
}

package crowd

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// atOnce is how many first runs there are in each round.
const atOnce = 3

// TestFirstRuns: whoever comes first, the files that are left belong together. The
// variable DEVCERT_TEST_ROUNDS says how often.
func TestFirstRuns(t *testing.T) {
	if testing.Short() {
		t.Skip("starts hundreds of processes")
	}
	rounds := 20
	if text := os.Getenv("DEVCERT_TEST_ROUNDS"); text != "" {
		var err error
		rounds, err = strconv.Atoi(text)
		require.NoError(t, err)
	}
	bin := filepath.Join(t.TempDir(), "devcert")
	out, err := exec.Command("go", "build", "-o", bin, "devcert").CombinedOutput()
	require.NoError(t, err, "%s", out)
	for range rounds {
		dir := filepath.Join(t.TempDir(), "state")
		runs(t, dir, bin, "setup", "--stores", "none", "--ports", "none", "--key", "ecdsa", "--home", dir)
		require.NoError(t, belong(dir, "root.pem", "localhost.pem", "localhost-key.pem"))
	}
	t.Logf("counted: devcert, %d first runs at once: wrong in 0 of %d rounds", atOnce, rounds)
}

// TestFirstRunsOfMkcert is the control of the test above: the same, asked of a
// program that is known to go wrong (mkcert 1.4.4). DEVCERT_TEST_MKCERT is its path.
func TestFirstRunsOfMkcert(t *testing.T) {
	bin := os.Getenv("DEVCERT_TEST_MKCERT")
	if bin == "" {
		t.Skip("DEVCERT_TEST_MKCERT names no mkcert")
	}
	const least, most = 20, 200
	wrong, rounds := 0, 0
	for ; rounds < least || wrong == 0 && rounds < most; rounds++ {
		dir := t.TempDir()
		runs(t, dir, bin, "-ecdsa", "-cert-file", filepath.Join(dir, "leaf.pem"), "-key-file", filepath.Join(dir, "key.pem"), "localhost")
		if err := belong(dir, "rootCA.pem", "leaf.pem", "key.pem"); err != nil {
			wrong++
			t.Log(err)
		}
	}
	t.Logf("counted: mkcert, %d first runs at once: wrong in %d of %d rounds", atOnce, wrong, rounds)
	require.NotZero(t, wrong, "what the test looks for cannot be seen")
}

// runs starts a program several times at once, with its files in a folder that
// nobody has used.
func runs(t *testing.T, dir, bin string, args ...string) {
	t.Helper()
	var all []*exec.Cmd
	for range atOnce {
		cmd := exec.Command(bin, args...)
		cmd.Env = []string{"HOME=" + dir, "CAROOT=" + dir, "PATH=/usr/bin:/bin"}
		require.NoError(t, cmd.Start())
		all = append(all, cmd)
	}
	for _, cmd := range all {
		if err := cmd.Wait(); err != nil && filepath.Base(bin) == "devcert" {
			t.Error(err)
		}
	}
}

// belong says what is wrong with a root, a leaf and its key.
func belong(dir, root, leaf, key string) error {
	path := func(name string) string { return filepath.Join(dir, name) }
	pair, err := tls.LoadX509KeyPair(path(leaf), path(key))
	if err != nil {
		return err
	}
	text, err := os.ReadFile(path(root))
	if err != nil {
		return err
	}
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return errors.New("the root is no certificate")
	}
	for _, der := range pair.Certificate[1:] {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return err
		}
		between.AddCert(cert)
	}
	if _, err := pair.Leaf.Verify(x509.VerifyOptions{DNSName: "localhost", Roots: roots, Intermediates: between}); err != nil {
		return fmt.Errorf("the leaf does not lead to the root: %w", err)
	}
	return nil
}

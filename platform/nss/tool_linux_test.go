package nss

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/devcert/chain"
	"devcert/scripts/fuzzlimit"
)

func realTool(t testing.TB) Tool {
	t.Helper()
	tool, ok := FindTool()
	if !ok {
		t.Skip("certutil is not installed")
	}
	return tool
}

func newDatabase(t testing.TB, tool Tool) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "nssdb")
	browserMakes(t, tool, dir)
	return dir
}

// browserMakes makes a database that is not devcert's own.
func browserMakes(t testing.TB, tool Tool, dir string) {
	t.Helper()
	require.NoError(t, tool.Create(context.Background(), dir))
	require.NoError(t, unmark(dir))
}

func newHierarchy(t testing.TB, now time.Time) *chain.Hierarchy {
	t.Helper()
	h, err := chain.New(chain.Options{Owner: "anna@birch", Key: chain.ECDSA, Now: now})
	require.NoError(t, err)
	return h
}

func newRoot(t testing.TB) *x509.Certificate { return newHierarchy(t, time.Now()).Root }

// foreignCA is nobody's that devcert knows.
func foreignCA(t testing.TB, subject pkix.Name, notAfter time.Time) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	require.NoError(t, err)
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		Subject: subject, SerialNumber: serial, NotBefore: notAfter.AddDate(-1, 0, 0), NotAfter: notAfter,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}, &x509.Certificate{Subject: subject}, key.Public(), key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return cert
}

// certutil runs the real one as somebody else would.
func certutil(t testing.TB, tool Tool, dir string, input []byte, args ...string) string {
	t.Helper()
	out, err := tool.run(context.Background(), dir, input, args...)
	require.NoError(t, err)
	return string(out)
}

func requireState(t testing.TB, tool Tool, dir string, want devcert.PlaceState, root *x509.Certificate) Seen {
	t.Helper()
	seen, err := tool.Look(context.Background(), dir, root)
	require.NoError(t, err)
	require.Equal(t, want, seen.State, seen.Evidence)
	require.Equal(t, want == devcert.Trusted, seen.Evidence == "")
	return seen
}

// files are the database's files by name, with what they hold.
func files(t testing.TB, dir string) map[string]string {
	t.Helper()
	all := make(map[string]string)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		require.NoError(t, err)
		info, err := e.Info()
		require.NoError(t, err)
		all[e.Name()] = info.ModTime().String() + string(data)
	}
	return all
}

func TestTrustAndBack(t *testing.T) {
	tool := realTool(t)
	dir, root, other := newDatabase(t, tool), newRoot(t), newRoot(t)
	requireState(t, tool, dir, devcert.Missing, root)
	for range 2 { // once more is no error
		require.NoError(t, tool.Add(t.Context(), dir, root))
		require.Equal(t, "C,,", requireState(t, tool, dir, devcert.Trusted, root).Trust)
	}
	require.NoError(t, tool.Add(t.Context(), dir, other))
	seen := requireState(t, tool, dir, devcert.Trusted, root)
	require.Len(t, seen.Others, 1)
	require.True(t, seen.Others[0].Equal(other))
	require.False(t, seen.Newer)

	before := files(t, dir)
	requireState(t, tool, dir, devcert.Trusted, root)
	seen = requireState(t, tool, dir, devcert.Missing, nil)
	require.Len(t, seen.Others, 2)
	require.Equal(t, before, files(t, dir), "looking changed something")

	for range 2 {
		require.NoError(t, tool.Remove(t.Context(), dir, root))
		require.Len(t, requireState(t, tool, dir, devcert.Missing, root).Others, 1)
	}
	requireState(t, tool, dir, devcert.Trusted, other)
}

func TestTrustBits(t *testing.T) {
	tool := realTool(t)
	root := newRoot(t)
	for _, row := range []struct {
		name, bits string
		want       devcert.PlaceState
	}{
		{"none", ",,", devcert.Denied},
		{"valid, not trusted", "c,,", devcert.Denied},
		{"client certificates only", "T,,", devcert.Denied},
		{"mail only", ",C,", devcert.Denied},
		{"distrusted", "p,,", devcert.Denied},
		{"distrusted for servers, trusted for mail", "p,C,C", devcert.Denied},
		{"more than asked for", "CT,C,C", devcert.Trusted},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir := newDatabase(t, tool)
			certutil(t, tool, dir, root.Raw, "-A", "-t", row.bits, "-n", "somebody's name for it ")
			requireState(t, tool, dir, row.want, root)
			require.NoError(t, tool.Add(t.Context(), dir, root))
			requireState(t, tool, dir, devcert.Trusted, root)
			require.NoError(t, tool.Remove(t.Context(), dir, root))
			requireState(t, tool, dir, devcert.Missing, root)
			require.Empty(t, parseListing([]byte(certutil(t, tool, dir, nil, "-L"))))
		})
	}
}

// Whatever a nickname looks like, the bytes decide.
func TestNicknames(t *testing.T) {
	tool := realTool(t)
	root := newRoot(t)
	for _, row := range []struct{ name, nickname string }{
		{"none", ""},
		{"blanks at its end", "name   "},
		{"blanks before", "   name"},
		{"looks like trust bits", "a C,,"},
		{"longer than the column", "n1234567890123456789012345678901234567890123456789012345678901234567890"},
		{"an option", "-D"},
		{"a token", "token:name"},
		{"umlauts", "Würzel 根"},
		{"a URI", "pkcs11:object=name"},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir := newDatabase(t, tool)
			keep := foreignCA(t, pkix.Name{CommonName: "keep"}, time.Now().AddDate(1, 0, 0))
			certutil(t, tool, dir, keep.Raw, "-A", "-t", "p,,", "-n", "keep")
			certutil(t, tool, dir, root.Raw, "-A", "-t", "C,,", "-n", row.nickname)
			requireState(t, tool, dir, devcert.Trusted, root)
			require.NoError(t, tool.Add(t.Context(), dir, root))
			requireState(t, tool, dir, devcert.Trusted, root)
			require.NoError(t, tool.Remove(t.Context(), dir, root))
			requireState(t, tool, dir, devcert.Missing, root)
			require.Equal(t, []entry{{"keep", "p,,"}}, parseListing([]byte(certutil(t, tool, dir, nil, "-L"))))
		})
	}
}

// Somebody else's certificate has the nickname that Add gives.
func TestNicknameTaken(t *testing.T) {
	tool := realTool(t)
	dir, root := newDatabase(t, tool), newRoot(t)
	theirs := foreignCA(t, pkix.Name{CommonName: "theirs"}, time.Now().AddDate(1, 0, 0))
	certutil(t, tool, dir, theirs.Raw, "-A", "-t", "p,,", "-n", Nickname(root))
	require.NoError(t, tool.Add(t.Context(), dir, root))
	requireState(t, tool, dir, devcert.Trusted, root)
	require.NoError(t, tool.Remove(t.Context(), dir, root))
	require.Equal(t, []entry{{Nickname(root), "p,,"}}, parseListing([]byte(certutil(t, tool, dir, nil, "-L"))))
}

// certutil gives both certificates for either nickname when they share a
// subject: which one is trusted is then known only if both are, and the right
// one is removed all the same.
func TestSameSubject(t *testing.T) {
	tool := realTool(t)
	dir, root := newDatabase(t, tool), newRoot(t)
	twin := foreignCA(t, root.Subject, time.Now().AddDate(0, 0, -1))
	certutil(t, tool, dir, twin.Raw, "-A", "-t", "p,,", "-n", "twin")
	require.NoError(t, tool.Add(t.Context(), dir, root))
	requireState(t, tool, dir, devcert.Unknown, root)
	require.NoError(t, tool.Remove(t.Context(), dir, root))
	requireState(t, tool, dir, devcert.Missing, root)
	require.Equal(t, twin.Raw, []byte(certutil(t, tool, dir, nil, "-L", "-r", "-n", "twin")))

	certutil(t, tool, dir, twin.Raw, "-A", "-t", "C,,", "-n", "twin")
	require.NoError(t, tool.Add(t.Context(), dir, root))
	requireState(t, tool, dir, devcert.Trusted, root)
}

// An expired root is added, seen and removed like another: that it does not
// serve is said of the hierarchy, not of the store.
func TestExpiredRoot(t *testing.T) {
	tool := realTool(t)
	dir, root := newDatabase(t, tool), newHierarchy(t, time.Now().AddDate(-11, 0, 0)).Root
	require.True(t, root.NotAfter.Before(time.Now()))
	require.NoError(t, tool.Add(t.Context(), dir, root))
	requireState(t, tool, dir, devcert.Trusted, root)
	require.NoError(t, tool.Remove(t.Context(), dir, root))
	requireState(t, tool, dir, devcert.Missing, root)
}

func TestOnlyTheProfileCountsAsOthers(t *testing.T) {
	tool := realTool(t)
	dir, h := newDatabase(t, tool), newHierarchy(t, time.Now())
	stranger := foreignCA(t, pkix.Name{CommonName: "x", Organization: []string{chain.Organization}}, time.Now().AddDate(1, 0, 0))
	for i, cert := range []*x509.Certificate{stranger, h.Intermediate.Cert, h.Leaf.Cert} {
		certutil(t, tool, dir, cert.Raw, "-A", "-t", ",,", "-n", string(rune('a'+i)))
	}
	seen := requireState(t, tool, dir, devcert.Missing, h.Root)
	require.Len(t, seen.Others, 2)
	require.False(t, has(seen.Others, stranger))
	require.NoError(t, tool.Remove(t.Context(), dir, h.Intermediate.Cert))
	require.Len(t, requireState(t, tool, dir, devcert.Missing, h.Root).Others, 1)
}

// Where there are many certificates, not each is asked for, and the same is seen.
func TestManyCertificates(t *testing.T) {
	tool := realTool(t)
	dir := newDatabase(t, tool)
	for i := range askAll {
		ca := foreignCA(t, pkix.Name{CommonName: fmt.Sprint("ca ", i)}, time.Now().AddDate(1, 0, 0))
		certutil(t, tool, dir, ca.Raw, "-A", "-t", ",,", "-n", fmt.Sprint("ca ", i))
	}
	root, odd, removed := newRoot(t), newRoot(t), newRoot(t)
	for _, cert := range []*x509.Certificate{root, odd, removed} {
		require.NoError(t, tool.Add(t.Context(), dir, cert))
	}
	require.NoError(t, tool.Remove(t.Context(), dir, removed))
	require.NoError(t, tool.Remove(t.Context(), dir, odd))
	certutil(t, tool, dir, odd.Raw, "-A", "-t", "c,,", "-n", "odd")
	seen := requireState(t, tool, dir, devcert.Trusted, root)
	require.Len(t, seen.Others, 1)
	require.True(t, seen.Others[0].Equal(odd))
	require.Len(t, requireState(t, tool, dir, devcert.Missing, removed).Others, 2)
	require.Equal(t, "c,,", requireState(t, tool, dir, devcert.Denied, odd).Trust)

	twin := foreignCA(t, root.Subject, time.Now().AddDate(1, 0, 0))
	certutil(t, tool, dir, twin.Raw, "-A", "-t", ",,", "-n", "twin")
	requireState(t, tool, dir, devcert.Unknown, root)
}

func TestCreateLeavesADatabaseAlone(t *testing.T) {
	tool := realTool(t)
	dir, root := newDatabase(t, tool), newRoot(t)
	info, err := os.Stat(dir)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
	require.NoError(t, tool.Add(t.Context(), dir, root))
	require.NoError(t, tool.Create(t.Context(), dir))
	requireState(t, tool, dir, devcert.Trusted, root)
}

// Bytes of a database are anybody's.
func FuzzHeld(f *testing.F) {
	root := newRoot(f)
	f.Add(root.Raw, 0)
	f.Add(append([]byte{0x30, 0x82, 0xff, 0xff, 0x30, 0x82}, root.Raw...), 40)
	f.Add([]byte("0\x82"+chain.Organization), 3)
	fuzzlimit.Fuzz(f, func(t *testing.T, data []byte, cut int) {
		if cut > 0 && cut < len(data) {
			data = data[:cut]
		}
		for _, cert := range (held{data}).ours() {
			require.NotEmpty(t, chain.PartOf(cert))
			require.True(t, bytes.Contains(data, cert.Raw))
		}
	})
}

func FuzzListing(f *testing.F) {
	f.Add([]byte("\nCertificate Nickname      Trust Attributes\n     SSL,S/MIME,JAR/XPI\n\nA  B      C,,  \n(NULL)   CT,p,\n"))
	f.Add([]byte("x ,,"))
	fuzzlimit.Fuzz(f, func(t *testing.T, output []byte) {
		for _, e := range parseListing(output) {
			require.NotEmpty(t, e.name)
			require.True(t, bytes.Contains(output, []byte(e.name)))
			require.Regexp(t, `^[a-zA-Z]*,[a-zA-Z]*,[a-zA-Z]*$`, e.trust)
		}
	})
}

package clients

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"software.sslmate.com/src/go-pkcs12"

	"devcert/devcert"
	"devcert/devcert/chain"
	"devcert/platform/dotnet"
	"devcert/platform/securefile"
	"devcert/scripts/dotnethost"
)

// user is somebody with .NET.
type user struct {
	*hall
	t    *testing.T
	home string
	env  []string
}

// newDotNet makes an installation of .NET and returns the folder of its host.
func newDotNet(t *testing.T, frameworks ...string) string {
	t.Helper()
	from, to := os.Getenv(dotnethost.Variable), t.TempDir()
	if from == "" {
		t.Skip(dotnethost.Variable + " names no folder with a .NET")
	}
	require.NoError(t, dotnethost.Install(from, to, frameworks...))
	return to
}

func newUser(t *testing.T, path string) *user {
	u := &user{hall: newHall(t), t: t, home: t.TempDir()}
	u.exam.Limit = 2 * time.Minute
	u.env = []string{"PATH=" + path + ":/usr/bin:/bin", "HOME=" + u.home}
	return u
}

// deploy is what setup does for .NET.
func (u *user) deploy() {
	u.t.Helper()
	store := dotnet.Store{Env: u.env, Files: securefile.Files{}, Now: time.Now}
	require.NoError(u.t, store.Deploy(u.t.Context(), u.material()))
}

func (u *user) in(folder, name string) string {
	return filepath.Join(dotnet.Folder(u.home), folder, name)
}

// put writes a certificate without a key into one of .NET's folders.
func (u *user) put(folder string, cert *x509.Certificate) {
	u.t.Helper()
	data, err := pkcs12.LegacyDES.EncodeTrustStore([]*x509.Certificate{cert}, "")
	require.NoError(u.t, err)
	require.NoError(u.t, os.MkdirAll(u.in(folder, ""), 0o700))
	require.NoError(u.t, os.WriteFile(u.in(folder, chain.Thumbprint(cert)+".pfx"), data, 0o600))
}

func (u *user) remove(folder string) { require.NoError(u.t, os.RemoveAll(u.in(folder, ""))) }

// ask asks .NET and Kestrel, and requires that what is the user's is left alone.
func (u *user) ask() map[string]devcert.Asked {
	u.t.Helper()
	c := New(Options{Env: u.env, Home: u.home})
	found := slices.DeleteFunc(c.Find(u.t.Context(), u.material()), func(c devcert.Client) bool {
		return c.Name != "dotnet" && c.Name != "kestrel"
	})
	before := digest(u.t, u.home)
	asked, err := c.Ask(u.t.Context(), found, u.exam)
	require.NoError(u.t, err)
	require.Equal(u.t, before, digest(u.t, u.home), "what is the user's was written to")
	u.requireClean(u.t)
	all := map[string]devcert.Asked{}
	for _, one := range asked {
		u.t.Logf("%-8s %-8s foreseen %-8s %-11s %-11s %5d ms  %s | %s", one.Name, one.Version, one.State, one.Inside, one.Outside, one.Took.Milliseconds(), one.Said, one.Evidence)
		all[one.Name] = one
	}
	return all
}

// file leads OpenSSL's users to a file of roots, in the place of the bundle.
func (u *user) file(path string) { u.env = append(u.env, "SSL_CERT_FILE="+path) }

// folder leads them to a folder as well, with these files in it.
func (u *user) folder(certs ...*x509.Certificate) {
	dir := u.t.TempDir()
	for _, cert := range certs {
		require.NoError(u.t, os.WriteFile(filepath.Join(dir, "root.pem"), chain.EncodeCertificates(cert), 0o600))
	}
	u.env = append(u.env, "SSL_CERT_DIR="+dir)
}

// other is a file with a root of somebody's.
func (u *user) other() string {
	path := filepath.Join(u.t.TempDir(), "other.pem")
	h, err := chain.New(chain.Options{Owner: "bob@elm", Key: chain.ECDSA, Now: time.Now()})
	require.NoError(u.t, err)
	require.NoError(u.t, os.WriteFile(path, chain.EncodeCertificates(h.Root), 0o600))
	return path
}

// rival is what dotnet dev-certs of a later .NET makes.
func (u *user) rival(version byte) {
	u.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(u.t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 84, 1, 1}, Value: []byte{version}}},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(u.t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(u.t, err)
	data, err := chain.EncodePFX(chain.PFXLegacy, chain.Pair{Cert: cert, Key: key}, nil, "")
	require.NoError(u.t, err)
	require.NoError(u.t, os.WriteFile(u.in("my", "rival.pfx"), data, 0o600))
}

// TestTruthOfDotNet changes what .NET reads, and compares what is foreseen with
// what it then does.
func TestTruthOfDotNet(t *testing.T) {
	const (
		trusted, missing, stale, denied = devcert.Trusted, devcert.Missing, devcert.Stale, devcert.Denied
		unset                           = devcert.PlaceState("") // as the system's store, which has no such root
		noCertificate                   = "No server certificate was specified"
	)
	path := newDotNet(t, netCore, aspNetCore)
	for _, row := range []struct {
		name           string
		change         func(u *user)
		client, server devcert.PlaceState // foreseen
		said           string             // by the server
	}{
		{"before setup", func(*user) {}, unset, missing, noCertificate},
		{"after setup", func(u *user) { u.file(u.root); u.deploy() }, trusted, trusted, ""},
		{"the root in .NET's own store", func(u *user) { u.put("root", u.trusted.Root) }, trusted, missing, noCertificate},
		{"another file", func(u *user) { u.file(u.other()) }, unset, missing, noCertificate},
		{"a folder", func(u *user) { u.folder() }, unset, missing, noCertificate},
		{"a folder with the root", func(u *user) { u.folder(u.trusted.Root) }, trusted, missing, noCertificate},
		{"another file, and a folder", func(u *user) { u.file(u.other()); u.folder() }, missing, missing, noCertificate},
		{"another file, and a folder with the root", func(u *user) { u.file(u.other()); u.folder(u.trusted.Root) }, trusted, missing, noCertificate},
		{"no intermediate", func(u *user) { u.deploy(); u.remove("ca") }, unset, missing, "it does not send the intermediate"},
		{"no leaf", func(u *user) { u.deploy(); u.remove("my") }, unset, missing, noCertificate},
		{"no key", func(u *user) { u.deploy(); u.put("my", u.trusted.Leaf.Cert) }, unset, stale, "private key"},
		{"a newer rival", func(u *user) { u.deploy(); u.rival(7) }, unset, denied, "it presents CN=localhost"},
		{"an older one", func(u *user) { u.deploy(); u.rival(5) }, unset, trusted, ""},
		{"something disallowed", func(u *user) { u.file(u.root); u.deploy(); u.put("disallowed", u.trusted.Root) }, denied, denied, noCertificate},
	} {
		t.Run(row.name, func(t *testing.T) {
			u := newUser(t, path)
			row.change(u)
			all := u.ask()
			require.Len(t, all, 2)
			for name, foreseen := range map[string]devcert.PlaceState{"dotnet": row.client, "kestrel": row.server} {
				one := all[name]
				require.Regexp(t, `^\d+\.\d+\.\d+$`, one.Version)
				require.Equal(t, foreseen, one.State, "%s: %s", name, one.Evidence)
				require.Equal(t, foreseen == trusted, one.Inside == devcert.Accepted, "%s: %s", name, one.Said)
				require.Contains(t, []devcert.Verdict{devcert.Accepted, devcert.Refused}, one.Inside)
				require.Equal(t, devcert.Refused, one.Outside, "%s: %s", name, one.Said)
			}
			require.Contains(t, all["kestrel"].Said, row.said)
			require.Equal(t, row.said == "", all["kestrel"].Said == "")
		})
	}
}

// TestDotNetWithoutASPNETCore: what cannot serve is not asked to.
func TestDotNetWithoutASPNETCore(t *testing.T) {
	u := newUser(t, newDotNet(t, netCore))
	u.file(u.root)
	all := u.ask()
	require.Len(t, all, 1)
	require.Equal(t, devcert.Accepted, all["dotnet"].Inside, all["dotnet"].Said)
}

package systemtest

import (
	"bytes"
	"cmp"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	pkcs12 "software.sslmate.com/src/go-pkcs12"
)

// developmentCertificate is one that Kestrel takes for a development certificate
// of a version.
func developmentCertificate(t *testing.T, version byte) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := certificateFor(ours)
	template.NotBefore = time.Now().Add(-time.Minute) // newer than devcert's
	template.DNSNames, template.KeyUsage = []string{ours}, x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	template.ExtraExtensions = []pkix.Extension{{Id: developmentOID, Value: []byte{version}}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return cert, key
}

var developmentOID = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 84, 1, 1}

// addDevelopmentCertificate puts one where dev-certs would, or exports it.
func (m *machine) addDevelopmentCertificate(path, password string, version byte) {
	m.t.Helper()
	cert, key := developmentCertificate(m.t, version)
	data, err := pkcs12.LegacyDES.Encode(key, cert, nil, password)
	require.NoError(m.t, err)
	require.NoError(m.t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(m.t, os.WriteFile(path, data, 0o600))
}

// ofTie is what status finds of a rival of the leaf's version: an error where the
// folder, whose order decides, lists it first.
var ofTie = []string{""}

func (m *machine) addTie() {
	m.t.Helper()
	rival := m.dotnetStore("my", "rival.pfx")
	m.addDevelopmentCertificate(rival, "", 6)
	f, err := os.Open(filepath.Dir(rival))
	require.NoError(m.t, err)
	defer f.Close()
	names, err := f.Readdirnames(-1)
	require.NoError(m.t, err)
	leaf := slices.Index(names, m.status().Hierarchy.Leaf.Thumbprint+".pfx")
	require.GreaterOrEqual(m.t, leaf, 0, names)
	if ofTie[0] = "rival-certificate?"; slices.Index(names, "rival.pfx") < leaf {
		ofTie[0] = "rival-certificate"
	}
}

// clean does what `dotnet dev-certs https --clean` does: of all certificates in
// the personal store, those with the mark and CN=localhost go.
func (m *machine) clean() {
	m.t.Helper()
	files, err := filepath.Glob(m.dotnetStore("my", "*.pfx"))
	require.NoError(m.t, err)
	for _, path := range files {
		_, cert, _, err := pkcs12.DecodeChain([]byte(m.read(path)), "")
		require.NoError(m.t, err)
		marked := slices.ContainsFunc(cert.Extensions, func(x pkix.Extension) bool { return x.Id.Equal(developmentOID) })
		if marked && cert.Subject.CommonName == "localhost" {
			m.remove(path)
		}
	}
}

// removeAllIn removes a store's certificates.
func (m *machine) removeAllIn(store string) {
	m.t.Helper()
	files, err := filepath.Glob(m.dotnetStore(store, "*.pfx"))
	require.NoError(m.t, err)
	for _, path := range files {
		m.remove(path)
	}
}

const (
	dotnetMy   = "HOME/.dotnet/corefx/cryptography/x509stores/my/…"
	dotnetCA   = "HOME/.dotnet/corefx/cryptography/x509stores/ca/…"
	exportsOf  = ".aspnet/https"
	itsExport  = "azmcp.pfx" // as the application is called
	itsKeyWord = "Kestrel__Certificates__Development__Password=geheim"
)

// deletes is a person who deletes a file below their home.
func deletes(name string) func(m *machine) {
	return func(m *machine) { m.remove(filepath.Join(m.home(), name)) }
}

// kestrelBreak is a break and what Kestrel then serves, and still does after
// repair: "" for devcert's chain.
type kestrelBreak struct {
	runtimeBreak
	serves, still string
}

var kestrelBreaks = []kestrelBreak{
	{runtimeBreak: runtimeBreak{name: "my/*.pfx deleted", how: changed(func(m *machine) { m.removeAllIn("my") }),
		finds: []string{"leaf-missing"}, says: "x509stores/my", touches: []string{dotnetMy}}, serves: "nothing"},
	{runtimeBreak: runtimeBreak{name: "dotnet dev-certs https --clean", how: changed((*machine).clean),
		finds: []string{"leaf-missing"}, says: "x509stores/my", touches: []string{dotnetMy}}, serves: "nothing"},
	{runtimeBreak: runtimeBreak{name: "ca/*.pfx deleted", how: changed(func(m *machine) { m.removeAllIn("ca") }),
		finds: []string{"intermediate-missing"}, says: "x509stores/ca", touches: []string{dotnetCA}}, serves: "the leaf alone"},
	{runtimeBreak: runtimeBreak{name: "a rival of a higher version", how: changed(func(m *machine) {
		m.addDevelopmentCertificate(m.dotnetStore("my", "rival.pfx"), "", 7)
	}), finds: []string{"rival-certificate"}, says: "my/rival.pfx", remedy: "remove it", stands: []string{"rival-certificate"}, mend: deletes(".dotnet/corefx/cryptography/x509stores/my/rival.pfx")}, serves: "another", still: "another"},
	{runtimeBreak: runtimeBreak{name: "a rival of the same version", how: changed((*machine).addTie),
		finds: ofTie, says: "my/rival.pfx", remedy: "remove it", stands: ofTie, mend: deletes(".dotnet/corefx/cryptography/x509stores/my/rival.pfx")}, serves: "the first", still: "the first"},
	{runtimeBreak: runtimeBreak{name: "a stale export, and its password known", how: func(m *machine) *machine {
		m.addDevelopmentCertificate(filepath.Join(m.home(), exportsOf, itsExport), "geheim", 6)
		return m.with(itsKeyWord)
	}, finds: []string{"stale-export?"}, says: exportsOf + "/" + itsExport, remedy: "delete it", stands: []string{"stale-export?"}, mend: deletes(exportsOf + "/" + itsExport)}, serves: "another", still: "another"},
	{runtimeBreak: runtimeBreak{name: "an older export, its password not known", how: changed(func(m *machine) {
		path := filepath.Join(m.home(), exportsOf, itsExport)
		m.addDevelopmentCertificate(path, "geheim", 6)
		require.NoError(m.t, os.Chtimes(path, time.Now().Add(-day), time.Now().Add(-day)))
	}), finds: []string{"stale-export?"}, says: exportsOf + "/" + itsExport, remedy: "delete it", stands: []string{"stale-export?"}, mend: deletes(exportsOf + "/" + itsExport)}, serves: "ours", still: "ours"},
	{runtimeBreak: runtimeBreak{name: "a file in disallowed", how: changed(func(m *machine) {
		require.NoError(m.t, os.Mkdir(m.dotnetStore("disallowed"), 0o700))
		m.write(m.dotnetStore("disallowed", "README"), "mine")
	}), finds: []string{"key-missing?"}, says: "x509stores/disallowed is not empty", remedy: "remove", stands: []string{"key-missing?"}, mend: deletes(".dotnet/corefx/cryptography/x509stores/disallowed/README")}, serves: "nothing", still: "nothing"},
}

// TestKestrelBreaks asks a real Kestrel whenever status has said what is wrong.
func TestKestrelBreaks(t *testing.T) {
	for _, b := range kestrelBreaks {
		t.Run(b.name, func(t *testing.T) {
			m := kestrelMachine(t, servedImage)
			unrelated := m.dotnetStore("my", "unrelated.pfx")
			if b.name != "my/*.pfx deleted" {
				m.write(unrelated, m.unrelated())
				defer func() { require.FileExists(t, unrelated) }()
			}
			m.requireHealthy()
			b.breakAndRepair(m, func(m *machine, repaired bool) {
				want := b.serves
				if repaired {
					want = cmp.Or(b.still, "ours")
				}
				if want == "the first" {
					want = map[string]string{"rival-certificate": "another", "rival-certificate?": "ours"}[ofTie[0]]
				}
				served, said := m.kestrel()
				require.Equal(t, want, m.word(served), said)
			})
		})
	}
}

// unrelated is a person's own certificate, with its key.
func (m *machine) unrelated() string {
	m.t.Helper()
	pair := newAuthority(m.t, "somebody").issue(m.t, "somebody.example")
	cert, err := x509.ParseCertificate(pair.Certificate[0])
	require.NoError(m.t, err)
	data, err := pkcs12.LegacyDES.Encode(pair.PrivateKey, cert, nil, "")
	require.NoError(m.t, err)
	return string(data)
}

// word says what was served.
func (m *machine) word(served []*x509.Certificate) string {
	leaf := m.pair().Certificate[0]
	switch {
	case m.isOurs(served):
		return "ours"
	case len(served) == 0:
		return "nothing"
	case bytes.Equal(served[0].Raw, leaf):
		return "the leaf alone"
	}
	return "another"
}

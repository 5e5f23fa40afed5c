package devcert

import (
	"context"
	"crypto/x509"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert/chain"
	"devcert/devcert/clientauth"
	"devcert/devcert/disk"
	"devcert/scripts/fuzzlimit"
)

// withClients is a machine on which setup --client-certs has run, and a client's
// certificate as a client shows it.
func withClients(t *testing.T) (*machine, *disk.Hierarchy, chain.Credential) {
	t.Helper()
	m := newMachine(t, "dotnet")
	m.stores["dotnet"].part = chain.PartClientIntermediate
	yes := true
	m.mustSetup(Request{Key: "ecdsa", Ports: "none", ClientCerts: &yes})
	h := &m.status().Seen.Folder.Hierarchy
	return m, h, shownBy(t, h.ClientIntermediate)
}

func shownBy(t *testing.T, issuer chain.Pair) chain.Credential {
	t.Helper()
	pair, err := chain.NewClient(issuer, chain.ClientOptions{Name: "anna", Key: chain.ECDSA, Now: noon})
	require.NoError(t, err)
	return chain.Credential{Leaf: pair.Cert, Chain: []*x509.Certificate{issuer.Cert}, Key: pair.Key, HasKey: true}
}

func (m *machine) check(server string, shown chain.Credential, options ...string) clientauth.Verdict {
	m.t.Helper()
	v, err := m.engine().CheckClient(context.Background(), ClientCheck{Server: server, Shown: shown, Options: options, At: m.now})
	require.NoError(m.t, err)
	return v
}

// Every server by itself takes what devcert makes for it, revocation included: the
// lists are those that devcert serve hands out.
func TestWhatDevcertIssuesIsAccepted(t *testing.T) {
	m, h, shown := withClients(t)
	for server, options := range map[string][]string{
		"aspnetcore": nil, "nginx": nil, "openssl": {"verify_return_error=on"}, "serve": nil, "iis": {"clientcertnegotiation=enable"},
	} {
		v := m.check(server, shown, options...)
		require.Empty(t, v.Reason, server)
	}
	v := m.check("aspnetcore", shown)
	require.Contains(t, v.Steps, clientauth.Step{Gate: "handler-revocation", Outcome: clientauth.Passed})

	later, err := m.engine().CheckClient(context.Background(), ClientCheck{Server: "aspnetcore", Shown: shown, At: noon.AddDate(2, 0, 0)})
	require.NoError(t, err)
	require.Equal(t, "kestrel-validity", later.Gate)

	m.stores["dotnet"].certs = nil // the handler does not get at what the client sends
	require.Equal(t, "handler-trust", m.check("aspnetcore", shown).Gate)
	m.stores[SystemStore].denied = true
	for server, gate := range map[string]string{"aspnetcore": "kestrel-trust", "openssl": "", "nginx": "", "serve": ""} {
		options := []string(nil)
		if server == "openssl" {
			options, gate = []string{"verify_return_error=on"}, "trust"
		}
		require.Equal(t, gate, m.check(server, shown, options...).Gate, server)
	}
	require.NotNil(t, h.RootCRL)
}

func TestCouldNotLookIsNotUntrusted(t *testing.T) {
	m, _, shown := withClients(t)
	m.stores[SystemStore].blind = true
	for _, server := range []string{"aspnetcore", "openssl", "iis"} {
		_, err := m.engine().CheckClient(context.Background(), ClientCheck{Server: server, Shown: shown, At: noon})
		require.EqualError(t, err, "looking at what this machine trusts: /system: permission denied", server)
		var remedied interface{ Remedy() string }
		require.ErrorAs(t, err, &remedied)
		require.Contains(t, remedied.Remedy(), "--trust")
	}
	for _, server := range []string{"nginx", "serve"} { // they have files
		require.False(t, m.check(server, shown).Refused())
	}
	m.stores[SystemStore].blind = false
	m.host.Roots = func() ([]byte, error) { return nil, fs.ErrPermission }
	_, err := m.engine().CheckClient(context.Background(), ClientCheck{Server: "aspnetcore", Shown: shown, At: noon})
	require.ErrorIs(t, err, fs.ErrPermission)
}

// The system's own roots count, and what stands between them in the file does not
// disturb.
func TestTheSystemsRootsCount(t *testing.T) {
	m, _, _ := withClients(t)
	other, err := chain.New(chain.Options{Owner: "bob@pc", Key: chain.ECDSA, Now: noon, ClientCerts: true})
	require.NoError(t, err)
	shown := shownBy(t, other.ClientIntermediate)
	strict := "verify_return_error=on"
	require.Equal(t, "trust", m.check("openssl", shown, strict).Gate)
	require.Equal(t, []string{"warning: devcert does not know this system's own roots: only its own counts"}, m.said)
	m.host.Roots = func() ([]byte, error) {
		return append([]byte("# roots\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), chain.EncodeCertificates(other.Root)...), nil
	}
	require.Empty(t, m.check("openssl", shown, strict).Gate)

	elsewhere := ClientCheck{Server: "aspnetcore", Shown: shown, At: noon, Trust: []*x509.Certificate{other.Root, other.ClientIntermediate.Cert}}
	v, err := m.engine().CheckClient(context.Background(), elsewhere)
	require.NoError(t, err)
	require.Equal(t, "handler-revocation", v.Gate, "a server elsewhere gets at no list of this machine's")
	elsewhere.Options = []string{"RevocationMode=NoCheck"}
	v, err = m.engine().CheckClient(context.Background(), elsewhere)
	require.NoError(t, err)
	require.Empty(t, v.Gate)
}

// windowsStores are stores of Windows in memory.
type windowsStores struct {
	machine, user []*x509.Certificate
	between       []*x509.Certificate
	personal      map[string]chain.Credential
	err           error
}

func (w windowsStores) Find(_ context.Context, thumbprint string) (chain.Credential, error) {
	c, ok := w.personal[thumbprint]
	switch {
	case w.err != nil:
		return c, w.err
	case !ok:
		return c, fs.ErrNotExist
	}
	return c, nil
}

func (w windowsStores) Trusted(_ context.Context, user bool) (roots, between []*x509.Certificate, err error) {
	if user {
		return w.user, w.between, w.err
	}
	return w.machine, w.between, w.err
}

func TestWindowsStoresDecide(t *testing.T) {
	m, h, shown := withClients(t)
	root, negotiate := []*x509.Certificate{h.Root}, "clientcertnegotiation=enable"
	stores := windowsStores{user: root, between: []*x509.Certificate{h.ClientIntermediate.Cert}}
	m.host.Certificates = stores
	require.Empty(t, m.check("aspnetcore", shown).Gate)
	require.Equal(t, "trust", m.check("iis", shown, negotiate).Gate, "the user's roots are not the services'")
	stores.machine = root
	m.host.Certificates = stores
	require.Empty(t, m.check("iis", shown, negotiate).Gate)
	require.Equal(t, "trust", m.check("openssl", shown, "verify_return_error=on").Gate, "OpenSSL does not look there")

	stores.machine = append(root, h.Intermediate.Cert)
	m.host.Certificates = stores
	require.Equal(t, "root-store", m.check("iis", shown, negotiate).Gate)
	stores.err = errors.New("access is denied")
	m.host.Certificates = stores
	_, err := m.engine().CheckClient(context.Background(), ClientCheck{Server: "iis", Options: []string{negotiate}, Shown: shown, At: noon})
	require.EqualError(t, err, "looking at what this machine trusts: access is denied")
}

func TestListsAreHandedOutWhereTheyAreNamed(t *testing.T) {
	_, h, shown := withClients(t)
	lists := ownLists(h, nil, noon)
	require.Len(t, lists, 3, "the root's, and what servers' and clients' intermediates sign")
	require.Len(t, handedOut(ownLists(h, nil, noon), []*x509.Certificate{shown.Leaf, shown.Chain[0], h.Root}), 3)
	silent := *shown.Leaf
	silent.CRLDistributionPoints = []string{"http://crl.example.com/clients.crl"}
	left := handedOut(ownLists(h, nil, noon), []*x509.Certificate{&silent, shown.Chain[0]})
	require.Len(t, left, 2)
	require.Equal(t, h.Root.RawSubject, left[0].RawIssuer)
	require.Equal(t, h.Intermediate.Cert.RawSubject, left[1].RawIssuer)

	gone := ownLists(h, []disk.Revocation{disk.Revoke("anna", shown.Leaf, noon.Add(-2*time.Hour))}, noon)
	require.Len(t, gone[2].RevokedCertificateEntries, 1)
	require.Empty(t, ownLists(&disk.Hierarchy{}, nil, noon))
}

func TestCredentialsByName(t *testing.T) {
	m, _, shown := withClients(t)
	thumb := chain.Thumbprint(shown.Leaf)
	key, err := chain.EncodeKey(shown.Key)
	require.NoError(t, err)
	for name, files := range map[string]map[string][]byte{
		"anna":  {"anna.pem": chain.EncodeCertificates(shown.Leaf, shown.Chain[0]), "anna-key.pem": key},
		"bare":  {"bare.pem": chain.EncodeCertificates(shown.Leaf)},
		"other": {"other.pem": []byte("nonsense")},
	} {
		require.NoError(t, os.MkdirAll(m.path(filepath.Join("issued", name)), 0o700))
		for file, data := range files {
			require.NoError(t, os.WriteFile(m.path(filepath.Join("issued", name, file)), data, 0o600))
		}
	}
	find := func(name string) (chain.Credential, error) { return m.engine().Credential(context.Background(), name) }
	c, err := find("anna")
	require.NoError(t, err)
	require.True(t, c.HasKey && c.Leaf.Equal(shown.Leaf) && len(c.Chain) == 1)
	c, err = find("bare")
	require.NoError(t, err)
	require.False(t, c.HasKey)
	_, err = find("other")
	require.ErrorContains(t, err, "reading the certificate that was issued as other: it is neither")

	var usage *UsageError
	for _, name := range []string{"nobody", "", ".", "..", "../issued/anna", `..\issued\anna`, "C:anna", "anna/anna", thumb} {
		_, err := find(name)
		require.ErrorAs(t, err, &usage, name)
	}
	m.host.Certificates = windowsStores{personal: map[string]chain.Credential{thumb: shown}}
	for _, name := range []string{thumb, "\u200e" + spaced(thumb, " "), spaced(thumb, ":")} {
		c, err := find(name)
		require.NoError(t, err, "%q", name)
		require.True(t, c.Leaf.Equal(shown.Leaf))
	}
	_, err = find("0000000000000000000000000000000000000000")
	require.ErrorAs(t, err, &usage)
	m.host.Certificates = windowsStores{err: errors.New("access is denied")}
	_, err = find(thumb)
	require.EqualError(t, err, "access is denied")
}

// spaced is a thumbprint in lower case with sep behind each octet.
func spaced(thumb, sep string) string {
	out := ""
	for i, r := range thumb {
		if i > 0 && i%2 == 0 {
			out += sep
		}
		if r >= 'A' {
			r += 'a' - 'A'
		}
		out += string(r)
	}
	return out
}

func TestWrongChecks(t *testing.T) {
	m, _, shown := withClients(t)
	settings, err := clientauth.ParseAppSettings([]byte(`{"Kestrel":{"EndpointDefaults":{"ClientCertificateMode":"Sometimes"}}}`))
	require.NoError(t, err)
	for says, c := range map[string]ClientCheck{
		`"apache" is no server whose verdict can be foreseen`:        {Server: "apache"},
		"only aspnetcore has settings in a file":                     {Server: "nginx", Settings: &settings},
		`"Sometimes" is none of NoCertificate`:                       {Server: "aspnetcore", Settings: &settings},
		`--option "x" is not an option: there are ssl_verify_client`: {Server: "nginx", Options: []string{"x"}},
		`--option "x=1" is not an option: there are Allowed`:         {Server: "aspnetcore", Options: []string{"x=1"}},
	} {
		c.Shown, c.At = shown, noon
		_, err := m.engine().CheckClient(context.Background(), c)
		var usage *UsageError
		require.ErrorAs(t, err, &usage, says)
		require.ErrorContains(t, err, says)
		require.NotEmpty(t, usage.Hint)
	}
}

// The settings lie over what the code sets, and the code's stay where they say
// nothing.
func TestSettingsLieOverTheCode(t *testing.T) {
	m, _, shown := withClients(t)
	for _, row := range []struct{ name, settings, option, gate string }{
		{"neither", `{}`, "RevocationMode=Online", "certificate-asked"},
		{"the code", `{}`, "ClientCertificateMode=AllowCertificate", ""},
		{"the settings", `{"Kestrel":{"EndpointDefaults":{"ClientCertificateMode":"RequireCertificate"}}}`, "RevocationMode=Online", ""},
		{"both", `{"Kestrel":{"EndpointDefaults":{"ClientCertificateMode":"NoCertificate"}}}`, "ClientCertificateMode=RequireCertificate", "certificate-asked"},
	} {
		t.Run(row.name, func(t *testing.T) {
			settings, err := clientauth.ParseAppSettings([]byte(row.settings))
			require.NoError(t, err)
			v, err := m.engine().CheckClient(context.Background(), ClientCheck{
				Server: "aspnetcore", Settings: &settings, Shown: shown, At: noon, Options: []string{row.option},
			})
			require.NoError(t, err)
			require.Equal(t, row.gate, v.Gate)
		})
	}
}

func FuzzNormalThumbprint(f *testing.F) {
	for _, text := range []string{"", "0123456789abcdef0123456789ABCDEF01234567", "\u200e01 23", "01:23"} {
		f.Add(text)
	}
	fuzzlimit.Fuzz(f, func(t *testing.T, text string) {
		if thumb := normalThumbprint(text); thumb != "" && (len(thumb) != 40 || normalThumbprint(thumb) != thumb) {
			t.Fatalf("%q: %q", text, thumb)
		}
	})
}

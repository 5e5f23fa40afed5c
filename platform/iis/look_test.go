package iis

import (
	"context"
	"crypto/x509"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"devcert/devcert"
)

// fake is a machine whose registry and stores are maps. A value that is an error
// cannot be read.
type fake struct {
	values map[string]map[string]any
	stores map[string][]*x509.Certificate
}

func (f *fake) get(key, name string) any { return f.values[key][name] }

func (f *fake) machine(t *testing.T) machine {
	dir := t.TempDir()
	return machine{
		inetsrv: filepath.Join(dir, "inetsrv"), documents: filepath.Join(dir, "Documents"), here: filepath.Join(dir, "src", "app"),
		number: func(key, name string) (n devcert.IISNumber, err error) {
			switch v := f.get(key, name).(type) {
			case error:
				return n, v
			case int:
				return devcert.IISNumber{Value: uint32(v), Set: true}, nil
			}
			return n, nil
		},
		texts: func(key string) (map[string]string, error) {
			texts := map[string]string{}
			for name, v := range f.values[key] {
				if text, is := v.(string); is {
					texts[name] = text
				}
			}
			return texts, nil
		},
		binary: func(key, name string) ([]byte, error) {
			data, _ := f.get(key, name).([]byte)
			return data, nil
		},
		keys: func(key string) (names []string, err error) {
			for path := range f.values {
				if name, is := strings.CutPrefix(path, key+`\`); is {
					names = append(names, name)
				}
			}
			return names, nil
		},
		store: func(name string) ([]*x509.Certificate, error) {
			if f.stores == nil {
				return nil, errors.New("shut")
			}
			return f.stores[name], nil
		},
		client: func(c *devcert.IISClient, identity string) { c.KeyFile = identity },
	}
}

func place(t *testing.T, text string, parts ...string) string {
	t.Helper()
	path := filepath.Join(parts...)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func newFake() *fake {
	return &fake{values: map[string]map[string]any{}, stores: map[string][]*x509.Certificate{}}
}

func TestConfigsAreFound(t *testing.T) {
	m := newFake().machine(t)
	of := place(t, host(""), m.inetsrv, "config", "applicationHost.config")
	express := place(t, "<configuration>", m.documents, "IISExpress", "config", "applicationhost.config")
	solution := place(t, host(""), m.here, "..", ".vs", "App", "config", "applicationhost.config")
	own := place(t, host(at("Shop", `<access sslFlags="SslNegotiateCert"/>`)), m.here, ".vs", "App", "config", "applicationhost.config")
	require.NoError(t, os.Mkdir(filepath.Join(m.here, "..", ".git"), 0o700))
	far := place(t, host(""), m.here, "..", "..", ".vs", "far", "config", "applicationhost.config")
	s, err := m.look(t.Context(), devcert.IISLook{})
	require.NoError(t, err)
	var paths []string
	for _, c := range s.Configs {
		paths = append(paths, c.Path)
		assert.Equal(t, c.Path != of, c.Express, c.Path)
	}
	assert.Equal(t, []string{of, own, solution}, paths)
	assert.NotContains(t, paths, far)
	require.Len(t, s.Damaged, 1)
	assert.Equal(t, express, s.Damaged[0].Where)
	assert.Contains(t, s.Damaged[0].Why, "line 1: ")
	assert.Empty(t, s.Unseen)
	assert.True(t, s.Configs[1].Places[0].Negotiate)

	// One that was named is not read twice.
	s, err = m.look(t.Context(), devcert.IISLook{Configs: []string{own}})
	require.NoError(t, err)
	assert.Len(t, s.Configs, 3)
}

// What may not be read is unseen; but a folder that Windows shuts without an IIS in
// it is nobody's.
func TestConfigIsShut(t *testing.T) {
	f := newFake()
	m := f.machine(t)
	require.NoError(t, os.MkdirAll(filepath.Join(m.inetsrv, "config", "applicationHost.config"), 0o700)) // a folder cannot be read either
	s, err := m.look(t.Context(), devcert.IISLook{})
	require.NoError(t, err)
	assert.Empty(t, s.Unseen)
	f.values[`HKLM\SOFTWARE\Microsoft\InetStp`] = map[string]any{"MajorVersion": 10}
	s, err = m.look(t.Context(), devcert.IISLook{})
	require.NoError(t, err)
	require.Len(t, s.Unseen, 1)
	assert.Empty(t, s.Damaged)
}

// Files that a person named are a mistake of theirs where they are unusable.
func TestGivenFiles(t *testing.T) {
	m := newFake().machine(t)
	dir := t.TempDir()
	good, malformed := place(t, host(""), dir, "a.config"), place(t, "<configuration>\n<x>", dir, "b.config")
	huge := place(t, host(strings.Repeat(" ", maxConfig)), dir, "c.config")
	log := place(t, fields+logLine("10:00:01", "403 7 0"), dir, "u.log")
	s, err := m.look(t.Context(), devcert.IISLook{Configs: []string{good}, Logs: []string{log}})
	require.NoError(t, err)
	assert.Equal(t, good, s.Configs[0].Path)
	assert.Equal(t, []devcert.IISRefusal{{File: log, Status: "403.7", Times: 1, Last: on("10:00:01")}}, s.Refusals)
	for name, ask := range map[string]devcert.IISLook{
		"line 2: ":                      {Configs: []string{malformed}},
		"it is larger than 4 MB":        {Configs: []string{huge}},
		"none.config":                   {Configs: []string{filepath.Join(dir, "none.config")}},
		"it is not a file":              {Configs: []string{dir}},
		"it is not a W3SVC log":         {Logs: []string{place(t, "x", dir, "x.log")}},
		"expected element type <failed": {Logs: []string{good}},
	} {
		_, err := m.look(t.Context(), ask)
		var usage *devcert.UsageError
		require.ErrorAs(t, err, &usage, name)
		assert.Contains(t, usage.Problem, name)
		assert.NotContains(t, usage.Problem, "\n")
		assert.NotEmpty(t, usage.Hint)
	}
}

func TestRegistry(t *testing.T) {
	f := newFake()
	f.values[schannelKey] = map[string]any{"SendTrustedIssuerList": 1, "EventLogging": fs.ErrPermission}
	f.values[schannelKey+`\Protocols\TLS 1.3\Server`] = map[string]any{"Enabled": 0}
	f.values[versionKey] = map[string]any{"CurrentBuildNumber": "26100"}
	f.values[httpKey+`SslBindingInfo\[::1]:44300`] = map[string]any{
		"DefaultFlags": 0x42, "DefaultSslCertCheckMode": 0x10000, "DefaultSslCtlStoreName": "Issuers", "SslCertHash": []byte{0xab, 1},
		"AppId": []byte{0xcd, 0x24, 0x41, 0x21, 0x5d, 0xd0, 0x09, 0x43, 0x9a, 0xf9, 0x9c, 0xaa, 0x44, 0xb2, 0xb7, 0x4a},
	}
	f.values[httpKey+`SslBindingInfo\nonsense`] = map[string]any{"DefaultFlags": 2}
	f.values[httpKey+`SslSniBindingInfo\shop.test:443`] = map[string]any{"AppId": []byte{1}}
	s, err := f.machine(t).look(t.Context(), devcert.IISLook{})
	require.NoError(t, err)
	assert.Equal(t, devcert.IISSchannel{SendTrustedIssuerList: devcert.IISNumber{Value: 1, Set: true}, TLS13: devcert.IISNumber{Set: true}}, s.Schannel)
	assert.Equal(t, 26100, s.Build)
	assert.Equal(t, []devcert.IISBinding{
		{Address: "[::1]:44300", Port: 44300, Thumbprint: "AB01", AppID: "{214124cd-d05d-4309-9af9-9caa44b2b74a}", Negotiate: true, NoTLS13: true, NoUsage: true, CTLStore: "Issuers"},
		{Address: "shop.test:443", Named: true, Port: 443},
	}, s.Bindings)
	require.Len(t, s.Unseen, 1)
	assert.Equal(t, schannelKey+`\EventLogging`, s.Unseen[0].Where)
}

func TestPrompts(t *testing.T) {
	for _, row := range []struct {
		name, key, value string
		set              any
		want             string // of the first; "" for none
	}{
		{"Edge and localhost", `HKLM\SOFTWARE\Policies\Microsoft\Edge\AutoSelectCertificateForUrls`, "1", `{"pattern":"https://localhost","filter":{}}`, "Edge policy: for https://localhost"},
		{"Chrome and everything", `HKCU\SOFTWARE\Policies\Google\Chrome\AutoSelectCertificateForUrls`, "7", `{"pattern":"*","filter":{}}`, "Chrome policy: for *"},
		{"Chrome and a port", `HKCU\SOFTWARE\Policies\Google\Chrome\AutoSelectCertificateForUrls`, "1", `{"pattern":"https://[*.]localhost:44300/","filter":{}}`, "Chrome policy: for https://[*.]localhost:44300/"},
		{"IPv6", `HKCU\SOFTWARE\Policies\Google\Chrome\AutoSelectCertificateForUrls`, "1", `{"pattern":"https://[::1]:443"}`, "Chrome policy: for https://[::1]:443"},
		{"the company's site", `HKLM\SOFTWARE\Policies\Microsoft\Edge\AutoSelectCertificateForUrls`, "1", `{"pattern":"https://[*.]corp.example","filter":{}}`, ""},
		{"http", `HKLM\SOFTWARE\Policies\Microsoft\Edge\AutoSelectCertificateForUrls`, "1", `{"pattern":"http://localhost"}`, ""},
		{"no JSON", `HKLM\SOFTWARE\Policies\Microsoft\Edge\AutoSelectCertificateForUrls`, "1", `localhost`, ""},
		{"the zone does not ask", `HKCU\SOFTWARE\` + zoneKey, "1A04", 0, "Internet Explorer's mode, and what uses WinINet, : 0"},
		{"the zone asks", `HKCU\SOFTWARE\` + zoneKey, "1A04", 3, ""},
		{"a policy does not ask", `HKLM\SOFTWARE\Policies\` + zoneKey, "1A04", 0, "Internet Explorer's mode, and what uses WinINet, policy: 0"},
	} {
		t.Run(row.name, func(t *testing.T) {
			f := newFake()
			f.values[row.key] = map[string]any{row.value: row.set}
			s, err := f.machine(t).look(t.Context(), devcert.IISLook{})
			require.NoError(t, err)
			got := ""
			for _, p := range s.Prompts {
				word := ""
				if p.Policy {
					word = "policy"
				}
				got = p.Program + " " + word + ": " + p.Value
				assert.Equal(t, row.key+`\`+row.value, p.Where)
			}
			assert.Equal(t, row.want, got)
		})
	}
}

// A policy goes before what the user has chosen.
func TestPolicyOfTheZone(t *testing.T) {
	f := newFake()
	f.values[`HKLM\SOFTWARE\Policies\`+zoneKey] = map[string]any{"1A04": 3}
	f.values[`HKCU\SOFTWARE\`+zoneKey] = map[string]any{"1A04": 0}
	s, err := f.machine(t).look(t.Context(), devcert.IISLook{})
	require.NoError(t, err)
	assert.Empty(t, s.Prompts)
}

func TestStores(t *testing.T) {
	f := newFake()
	client := newCert(t, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} })
	server := newCert(t, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })
	for _, name := range []string{`LocalMachine\Root`, `LocalMachine\CA`, `LocalMachine\ClientAuthIssuer`, `CurrentUser\Root`} {
		f.stores[name] = []*x509.Certificate{newCert(t, nil)}
	}
	f.stores[`CurrentUser\My`] = []*x509.Certificate{client, server}
	s, err := f.machine(t).look(t.Context(), devcert.IISLook{Identity: "me"})
	require.NoError(t, err)
	assert.Equal(t, f.stores[`LocalMachine\Root`], s.Roots)
	assert.Equal(t, f.stores[`LocalMachine\CA`], s.CAs)
	assert.Equal(t, f.stores[`LocalMachine\ClientAuthIssuer`], s.Issuers)
	assert.Equal(t, f.stores[`CurrentUser\Root`], s.UserRoots)
	assert.Equal(t, []devcert.IISClient{{Cert: client, Store: `CurrentUser\My`, KeyFile: "me"}}, s.Clients)
	assert.Equal(t, "me", s.Identity)

	f.stores = nil
	s, err = f.machine(t).look(t.Context(), devcert.IISLook{})
	require.NoError(t, err)
	assert.Len(t, s.Unseen, 6, "shut stores are not empty ones")
}

func TestLookEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := newFake().machine(t).look(ctx, devcert.IISLook{})
	assert.ErrorIs(t, err, context.Canceled)
}

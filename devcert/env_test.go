package devcert

import (
	"context"
	"crypto/x509"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestVariables(t *testing.T) {
	for _, row := range []struct {
		name    string
		prepare func(m *machine, c *memClients)
		want    map[string]string // name to file
	}{
		{"programs that follow the system", func(_ *machine, c *memClients) { c.found = []Client{{Name: "curl"}} }, map[string]string{}},
		{"node adds to its list", func(_ *machine, c *memClients) { c.found = []Client{{Name: "node"}} },
			map[string]string{"NODE_EXTRA_CA_CERTS": "bundle.pem"}},
		{"node where the system's roots are not known", func(m *machine, c *memClients) {
			m.host.Roots, c.found = nil, []Client{{Name: "node"}}
		}, map[string]string{"NODE_EXTRA_CA_CERTS": "root.pem"}},
		{"requests where the system's roots are not known", func(m *machine, c *memClients) {
			m.host.Roots, c.found = nil, []Client{{Name: "python requests"}, {Name: "pip"}}
		}, map[string]string{}},
		{"the system's roots cannot be read just now", func(m *machine, c *memClients) {
			m.host.Roots = func() ([]byte, error) { return nil, errors.New("permission denied") }
			c.found = []Client{{Name: "pip"}}
		}, map[string]string{"PIP_CERT": "bundle.pem"}},
		{"two of a kind", func(_ *machine, c *memClients) { c.found = []Client{{Name: "node"}, {Name: "node (/opt/node)"}} },
			map[string]string{"NODE_EXTRA_CA_CERTS": "bundle.pem"}},
		{"a name that only begins so", func(_ *machine, c *memClients) { c.found = []Client{{Name: "nodejs-like"}} }, map[string]string{}},
		{"requests and pip replace theirs", func(_ *machine, c *memClients) { c.found = []Client{{Name: "python requests"}, {Name: "pip"}} },
			map[string]string{"REQUESTS_CA_BUNDLE": "bundle.pem", "PIP_CERT": "bundle.pem"}},
		{"a variable that leads astray", func(m *machine, _ *memClients) {
			m.host.Overrides = func(*x509.Certificate) []Override {
				return []Override{{Name: "SSL_CERT_FILE", Value: "/old.pem", Reason: "it lacks the root"}, {Name: "SSL_CERT_DIR", Value: "/fine"}}
			}
		}, map[string]string{"SSL_CERT_FILE": "bundle.pem"}},
		{"variables of folders", func(m *machine, _ *memClients) {
			m.host.Overrides = func(*x509.Certificate) []Override {
				return []Override{{Name: "SSL_CERT_FILE", Value: "/old.pem", Reason: "it lacks the root"}, {Name: "SSL_CERT_DIR", Value: "/old", Reason: "no hash link"}}
			}
		}, map[string]string{"SSL_CERT_FILE": "bundle.pem"}},
		{"the system lost the root", func(m *machine, _ *memClients) { m.stores[SystemStore].certs = nil },
			map[string]string{"SSL_CERT_FILE": "bundle.pem", "CURL_CA_BUNDLE": "bundle.pem", "GIT_SSL_CAINFO": "bundle.pem"}},
		{"the system could not be looked into", func(m *machine, _ *memClients) { m.stores[SystemStore].blind = true }, map[string]string{}},
	} {
		t.Run(row.name, func(t *testing.T) {
			m := setUp(t)
			c := &memClients{}
			m.host.Clients = c
			m.host.Roots = func() ([]byte, error) { return []byte("# public roots\n"), nil }
			row.prepare(m, c)
			all, _, err := m.engine().Variables(context.Background())
			require.NoError(t, err)
			got := map[string]string{}
			for _, v := range all {
				got[v.Name] = v.Value
				assert.NotEmpty(t, v.Why)
			}
			want := map[string]string{}
			for name, file := range row.want {
				want[name] = m.path(file)
			}
			assert.Equal(t, want, got)
		})
	}
}

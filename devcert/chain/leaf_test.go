package chain

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// serverVariants are leaves of servers other than localhost.
func serverVariants() map[string]struct {
	o  LeafOptions
	cn string
} {
	long := strings.Repeat("a", 63) + ".test"
	return map[string]struct {
		o  LeafOptions
		cn string
	}{
		"rsa":                {LeafOptions{Names: []string{"app.test"}}, "app.test"},
		"several names":      {LeafOptions{Names: []string{"127.0.0.1", "App.test", "*.dev.localhost"}, Key: ECDSA}, "app.test"},
		"a wildcard":         {LeafOptions{Names: []string{"*.dev.localhost"}, Key: ECDSA}, "*.dev.localhost"},
		"localhost":          {LeafOptions{Names: []string{"localhost"}, Key: ECDSA}, "localhost"},
		"first name too big": {LeafOptions{Names: []string{long, "app.test"}, Key: ECDSA}, "app.test"},
		"only name too big":  {LeafOptions{Names: []string{long}, Key: ECDSA}, "devcert server"},
		"addresses alone":    {LeafOptions{Names: []string{"127.0.0.1", "::1"}, Key: ECDSA}, "devcert server"},
		"a week":             {LeafOptions{Names: []string{"app.test"}, Key: ECDSA, Life: 7 * 24 * time.Hour}, "app.test"},
	}
}

func TestServerProfile(t *testing.T) {
	h := standardHierarchy(t)
	for name, v := range serverVariants() {
		t.Run(name, func(t *testing.T) {
			v.o.Now = noon
			p, err := NewServer(h.Intermediate, v.o)
			require.NoError(t, err)
			require.True(t, SameKey(p.Cert, p.Key))
			assert.Equal(t, "CN="+v.cn, p.Cert.Subject.String())
			end := seconds(noon).Add(365 * 24 * time.Hour)
			if v.o.Life != 0 {
				end = seconds(noon).Add(v.o.Life)
			}
			assert.Equal(t, end, p.Cert.NotAfter)
			assertServer(t, h, p.Cert, v.o.Names, noon)
		})
	}
}

// assertServer: all that stands in the leaf of a further server.
func assertServer(t *testing.T, h *Hierarchy, c *x509.Certificate, names []string, now time.Time) {
	t.Helper()
	assertCommon(t, c, h.Intermediate.Cert, now)
	usage := "03020780"
	if _, isRSA := c.PublicKey.(*rsa.PublicKey); isRSA {
		usage = "030205a0"
	}
	assertExtensions(t, c, map[string]wantExtension{
		"2.5.29.19": {true, "3000"},
		"2.5.29.15": {true, usage},
		"2.5.29.37": {false, "300a06082b06010505070301"},
		"2.5.29.14": {false, "0414" + hex.EncodeToString(KeyID(c.PublicKey))},
		"2.5.29.35": {false, "30168014" + hex.EncodeToString(KeyID(h.Intermediate.Cert.PublicKey))},
		"2.5.29.17": {false, namesHex(t, names)},
	})
	for _, name := range names {
		assert.NoError(t, VerifyServer(poolOf(h.Root), []*x509.Certificate{h.Intermediate.Cert}, c, name, now))
	}
	assert.Empty(t, PartOf(c), "a server may have many of them, and no store has to have any")
}

package systemtest

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/devcert/chain"
	"devcert/platform"
)

// newClientHierarchy is one of devcert's that is on no machine.
func newClientHierarchy(t *testing.T, owner string) *chain.Hierarchy {
	t.Helper()
	h, err := chain.New(chain.Options{Owner: owner, ClientCerts: true, Now: time.Now()})
	require.NoError(t, err)
	return h
}

// offered is what a client is to have, as the helper process reads it.
type offered struct {
	PFX   []byte // without a password
	Chain [][]byte
}

func issueClient(t *testing.T, h *chain.Hierarchy, name string) offered {
	t.Helper()
	pair, err := chain.NewClient(h.ClientIntermediate, chain.ClientOptions{Name: name, Now: time.Now()})
	require.NoError(t, err)
	pfx, err := chain.EncodePFX(chain.PFXModern, pair, nil, "")
	require.NoError(t, err)
	return offered{pfx, [][]byte{h.ClientIntermediate.Cert.Raw}}
}

// personalVariable makes this program the user's process that acts on what
// devcert's host keeps certificates in: it says what to do.
const personalVariable = "DEVCERT_TEST_PERSONAL"

// personal has the user's host offer a certificate, or withdraw it, and returns
// where it then is.
func (m *machine) personal(what string, o offered) (places []string) {
	m.t.Helper()
	image := filepath.Join(suite.dir, "bin", "systemtest")
	if !exists(image) { // the user may not enter go test's folder
		data, err := os.ReadFile(os.Args[0])
		require.NoError(m.t, err)
		require.NoError(m.t, os.WriteFile(image, data, 0o755))
	}
	input, err := json.Marshal(o)
	require.NoError(m.t, err)
	ctx, cancel := context.WithTimeout(m.t.Context(), limit)
	defer cancel()
	cmd := m.with(personalVariable+"="+what).command(ctx, image, "-test.run=^TestPersonalProcess$")
	cmd.Stdin = bytes.NewReader(input)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	require.NoError(m.t, cmd.Run(), "%s%s", &stdout, &stderr)
	require.NoError(m.t, json.NewDecoder(&stdout).Decode(&places), "%s", &stdout)
	return places
}

// TestPersonalProcess is that process.
func TestPersonalProcess(t *testing.T) {
	what := os.Getenv(personalVariable)
	if what == "" {
		t.Skip("is for other tests")
	}
	var o offered
	require.NoError(t, json.NewDecoder(os.Stdin).Decode(&o))
	pair, err := chain.DecodePFX(o.PFX, "")
	require.NoError(t, err)
	offer := devcert.Offered{Pair: pair, Label: pair.Cert.Subject.CommonName}
	for _, der := range o.Chain {
		cert, err := x509.ParseCertificate(der)
		require.NoError(t, err)
		offer.Chain = append(offer.Chain, cert)
	}
	host, err := platform.NewHost(devcert.HostOptions{Env: os.Environ()})
	require.NoError(t, err)
	defer host.Close()
	all := []string{}
	for _, p := range host.Personals {
		var places []string
		switch what {
		case "offer":
			places, err = p.Offer(t.Context(), offer)
		case "offers":
			places, err = p.Offers(t.Context(), pair.Cert)
		case "withdraw":
			err = p.Withdraw(t.Context(), pair.Cert)
		default:
			err = errors.New("it is offer, offers or withdraw")
		}
		require.NoError(t, err)
		all = append(all, places...)
	}
	require.NoError(t, json.NewEncoder(os.Stdout).Encode(all))
}

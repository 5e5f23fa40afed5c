package devcert

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert/chain"
)

// What servers find where the clients' certificates send them decides whether they
// are let in: doctor asks there too, where there are any.
func TestTheListOfClientsIsAskedFor(t *testing.T) {
	m := setUp(t)
	m.mustSetup(asking(true))
	h := m.status().Seen.Folder.Hierarchy
	other := must(t, clients).ClientIntermediate
	sign := func(by chain.Pair, ago time.Duration) []byte {
		der, err := chain.SignCRL(by, nil, m.now.Add(-ago), 10*time.Minute)
		require.NoError(t, err)
		return der
	}
	at := func(address string, der []byte) ListAnswer { return ListAnswer{Address: address, DER: der} }
	good := at("::1", sign(h.ClientIntermediate, 0))
	for _, row := range []struct {
		name    string
		answers []ListAnswer
		says    string // behind "not handed out"; "" when nothing is wrong
	}{
		{"the list on both addresses", []ListAnswer{at("127.0.0.1", good.DER), good}, ""},
		{"nobody listens on the other", []ListAnswer{good}, ""},
		{"nobody", nil, ": nobody answers there"},
		{"a page", []ListAnswer{at("127.0.0.1", []byte("<html>"))}, " on 127.0.0.1: whoever has the port answers with what is no list"},
		{"another authority's", []ListAnswer{at("::1", sign(other, 0))}, " on ::1: whoever has the port hands out another authority's list"},
		{"an old one", []ListAnswer{at("127.0.0.1", sign(h.ClientIntermediate, 11*time.Minute))}, " on 127.0.0.1: whoever has the port hands out a list that is past its end"},
		{"another program has one address", []ListAnswer{{Address: "127.0.0.1", Holder: "node (pid 12)", Err: errors.New("answers 404 not found")}, good},
			" on 127.0.0.1: node (pid 12) answers 404 not found"},
	} {
		t.Run(row.name, func(t *testing.T) {
			e := m.engine()
			e.Host.List = func(_ context.Context, path string) []ListAnswer {
				require.Equal(t, chain.HierarchyID(h.Root)+"/clients.crl", path)
				return row.answers
			}
			r, err := e.Diagnose(t.Context(), Examine{})
			require.NoError(t, err)
			if row.says == "" {
				require.Empty(t, r.Findings)
				return
			}
			require.Equal(t, []string{"warning crl-unreachable http://localhost:44298/" + chain.HierarchyID(h.Root) + "/clients.crl (by hand)"}, describe(r.Findings))
			require.Equal(t, "the revocation list of client certificates is not handed out"+row.says, r.Findings[0].Message)
		})
	}
	m.mustSetup(asking(false))
	e := m.engine()
	e.Host.List = func(context.Context, string) []ListAnswer { return nil }
	r, err := e.Diagnose(t.Context(), Examine{})
	require.NoError(t, err)
	require.Empty(t, r.Findings, "where there are no clients nobody asks")
}

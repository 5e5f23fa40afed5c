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
	for _, row := range []struct {
		name string
		der  []byte
		err  error
		says string // "" when nothing is wrong
	}{
		{"the list", sign(h.ClientIntermediate, 0), nil, ""},
		{"nobody", nil, errors.New("nobody answers there"), "nobody answers there"},
		{"a page", []byte("<html>"), nil, "is no list"},
		{"another authority's", sign(other, 0), nil, "another authority's"},
		{"an old one", sign(h.ClientIntermediate, 11*time.Minute), nil, "past its end"},
	} {
		t.Run(row.name, func(t *testing.T) {
			e := m.engine()
			e.Host.List = func(_ context.Context, path string) ([]byte, error) {
				require.Equal(t, chain.HierarchyID(h.Root)+"/clients.crl", path)
				return row.der, row.err
			}
			r, err := e.Diagnose(t.Context(), Examine{})
			require.NoError(t, err)
			if row.says == "" {
				require.Empty(t, r.Findings)
				return
			}
			require.Equal(t, []string{"warning crl-unreachable http://localhost:44298/" + chain.HierarchyID(h.Root) + "/clients.crl (by hand)"}, describe(r.Findings))
			require.Contains(t, r.Findings[0].Message, row.says)
		})
	}
	m.mustSetup(asking(false))
	e := m.engine()
	e.Host.List = func(context.Context, string) ([]byte, error) { return nil, errors.New("was asked") }
	r, err := e.Diagnose(t.Context(), Examine{})
	require.NoError(t, err)
	require.Empty(t, r.Findings, "where there are no clients nobody asks")
}

package devcert

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert/chain"
)

// What was made ahead is taken for what was asked for, and for nothing else.
func TestAhead(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	e := &Engine{Host: &Host{Owner: Owner{User: "alice", Host: "pc"}}, Now: func() time.Time { return now }}
	c := DefaultConfig()
	c.Key = chain.ECDSA
	a := e.makeAhead(c)
	now = now.Add(time.Minute) // the look took its time

	got, err := a.take(e.hierarchyOptions(c))
	require.NoError(t, err)
	require.Same(t, a.made, got)
	require.Empty(t, chain.Check(chain.Parts{
		Root: got.Root, Intermediate: got.Intermediate.Cert, IntermediateKey: got.Intermediate.Key, Leaf: got.Leaf.Cert, LeafKey: got.Leaf.Key,
	}, c.AllNames(), now))

	for name, change := range map[string]func(*Config){
		"a further name":  func(c *Config) { require.NoError(t, c.addNames([]string{"api.dev.internal"})) },
		"a wider root":    func(c *Config) { require.NoError(t, c.addPermits([]string{"corp.example"})) },
		"another key":     func(c *Config) { c.Key = chain.RSA },
		"clients as well": func(c *Config) { c.ClientCerts = true },
	} {
		other := *c
		change(&other)
		got, err := a.take(e.hierarchyOptions(&other))
		require.NoError(t, err, name)
		require.NotSame(t, a.made, got, name)
		require.ElementsMatch(t, other.AllNames(), chain.ServerNames(got.Leaf.Cert), name)
		require.Equal(t, other.ClientCerts, got.ClientIntermediate.Cert != nil, name)
	}
	got, err = (*ahead)(nil).take(e.hierarchyOptions(c))
	require.NoError(t, err)
	require.NotSame(t, a.made, got)
}

package elevate

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/devcert/chain"
)

func TestMachine(t *testing.T) {
	a := machine("3d1219c7c4c5404aaa1f6d2a48adfda4", "birch", "1000")
	require.Len(t, a, 64)
	require.NotContains(t, a, "3d1219c7")
	require.Equal(t, a, machine("3d1219c7c4c5404aaa1f6d2a48adfda4", "renamed", "1000"))
	require.NotEqual(t, a, machine("3d1219c7c4c5404aaa1f6d2a48adfda4", "birch", "1001"))
	require.NotEqual(t, a, machine("", "birch", "1000"))
	require.NotEqual(t, machine("", "birch", "1000"), machine("", "oak", "1000"))
	require.Empty(t, machine("", "", "1000"))
}

func TestOwner(t *testing.T) {
	me := Owner()
	require.Equal(t, me, Owner())
	require.NotEmpty(t, me.User)
	require.NotContains(t, me.User, `\`, "the login name without its domain")
	require.Len(t, me.Machine, 64)
	name := chain.ReduceOwner(me.User + "@" + me.Host)
	require.NotEqual(t, "unknown", name)
	require.LessOrEqual(t, len(name), 34)
	require.True(t, strings.Contains(name, "@"), name)
}

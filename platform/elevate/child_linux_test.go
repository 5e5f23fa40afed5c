package elevate

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestChildRefusesPlainUsers(t *testing.T) {
	require.True(t, IsChild([]string{"devcert", verb}))
	for _, args := range [][]string{{verb}, {"devcert"}, {"devcert", verb, "--help"}, {"devcert", "status", verb}, nil} {
		require.False(t, IsChild(args), args)
	}
	if os.Geteuid() == 0 {
		t.Skip("this is root")
	}
	require.ErrorContains(t, child(nil), "not started as root")
}

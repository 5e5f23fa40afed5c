package platform

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/platform/elevate"
)

func TestHostOfMacOS(t *testing.T) {
	home := t.TempDir()
	host, err := NewHost(devcert.HostOptions{Env: []string{"HOME=" + home}, Now: time.Now})
	require.NoError(t, err)
	defer host.Close()
	require.Equal(t, filepath.Join(home, "Library", "Application Support", "devcert"), host.StateDir)
	var names []string
	for _, store := range host.Stores {
		names = append(names, store.Name())
	}
	require.Equal(t, []string{"system", "keychain", "java", "dotnet"}, names)
	require.Len(t, elevate.Owner().Machine, 64)
	roots, err := host.Roots()
	require.NoError(t, err)
	require.Contains(t, string(roots), "BEGIN CERTIFICATE")
	_, err = NewHost(devcert.HostOptions{})
	require.Error(t, err)
}

// The machine as it is: a look finds no fault with itself, and changes nothing.
func TestLookAtTheMachine(t *testing.T) {
	host, err := NewHost(devcert.HostOptions{Env: []string{"HOME=" + t.TempDir()}, Now: time.Now})
	require.NoError(t, err)
	defer host.Close()
	places := host.Stores[0].Look(t.Context(), devcert.Material{})
	require.Len(t, places, 1)
	require.Equal(t, devcert.Missing, places[0].State, places[0].Evidence)
	require.Empty(t, host.Stores[1].Look(t.Context(), devcert.Material{}), "this home has no keychain")
}

package service

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/windows"

	"devcert/devcert"
)

// A real Task Scheduler takes the task, runs it, and forgets it. Wine's schtasks
// registers what it understands, deletes, and does nothing when it is told to show or
// to start.
func TestRealSchtasks(t *testing.T) {
	if os.Getenv("DEVCERT_TEST_MACHINE") == "" {
		t.Skip("DEVCERT_TEST_MACHINE is not set")
	}
	home := t.TempDir() // no service that this machine may have
	m := New(Options{}).(*scheduler)
	require.NoError(t, m.missing)
	s := devcert.Service{
		Name: "serve", About: "https here", Program: os.Args[0], Home: home,
		Args: append([]string{"serve", filepath.Join(home, "called")}, plainly()...),
	}
	task := m.task(s.Name, home)
	require.Equal(t, devcert.ServiceAbsent, m.Look(t.Context(), s.Name, home).Standing)
	if wine := windows.NewLazySystemDLL("ntdll.dll").NewProc("wine_get_version"); wine.Find() == nil {
		data, err := writeTask(s, m.sid)
		require.NoError(t, err)
		require.NoError(t, m.register(t.Context(), task, data))
		kept, err := os.ReadFile(filepath.Join(m.folder, task))
		require.NoError(t, err)
		is, err := readTask(kept)
		require.NoError(t, err, string(kept))
		got, err := is.service()
		require.NoError(t, err)
		require.Equal(t, s.Args, got.Args)
		_, err = m.tool(t.Context(), "/Delete", "/TN", task, "/F")
		require.NoError(t, err)
		require.False(t, m.there(task))
		return
	}
	defer func() { _ = m.Remove(t.Context(), s.Name, home) }()
	require.NoError(t, m.Install(t.Context(), s))
	seen := m.Look(t.Context(), s.Name, home)
	require.Equal(t, devcert.ServiceStarts, seen.Standing, seen.Evidence)
	require.Equal(t, devcert.Runs, seen.Running, seen.Evidence)
	require.Equal(t, s.Args, seen.Service.Args)
	require.FileExists(t, filepath.Join(home, "called"))
	require.NoError(t, m.Remove(t.Context(), s.Name, home))
	require.Equal(t, devcert.ServiceAbsent, m.Look(t.Context(), s.Name, home).Standing)
}

package platform

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/platform/wsl"
)

func TestStateDir(t *testing.T) {
	for _, row := range []struct {
		name string
		o    devcert.HostOptions
		want string // "" means refused
	}{
		{"asked for", devcert.HostOptions{StateDir: "/srv/../srv/d", Env: []string{"HOME=/home/anna"}}, "/srv/d"},
		{"asked for, relative", devcert.HostOptions{StateDir: "d"}, ""},
		{"at home", devcert.HostOptions{Env: []string{"HOME=/home/anna"}}, "/home/anna/.local/share/devcert"},
		{"XDG", devcert.HostOptions{Env: []string{"HOME=/home/anna", "XDG_DATA_HOME=/data"}}, "/data/devcert"},
		{"XDG empty", devcert.HostOptions{Env: []string{"HOME=/home/anna", "XDG_DATA_HOME="}}, "/home/anna/.local/share/devcert"},
		{"XDG relative is ignored", devcert.HostOptions{Env: []string{"HOME=/home/anna", "XDG_DATA_HOME=data"}}, "/home/anna/.local/share/devcert"},
		{"no home", devcert.HostOptions{}, ""},
		{"relative home", devcert.HostOptions{Env: []string{"HOME=."}}, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			host, err := NewHost(row.o)
			if row.want == "" {
				require.Error(t, err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, row.want, host.StateDir)
			require.NotEmpty(t, host.Owner.User)
			require.True(t, filepath.IsAbs(host.Self))
			var names []string
			for _, store := range host.Stores {
				names = append(names, store.Name())
			}
			wanted := []string{"system", "chromium", "firefox", "java", "dotnet"}
			if wsl.Here(row.o.Env) {
				wanted = append(wanted, "windows-root")
			}
			require.Equal(t, wanted, names)
			host.Close()
			host.Close()
		})
	}
}

func TestOverridesComeFromTheGivenEnvironment(t *testing.T) {
	t.Setenv("SSL_CERT_FILE", "/of/this/process")
	host, err := NewHost(devcert.HostOptions{
		Env: []string{"HOME=/home/anna", "CURL_CA_BUNDLE=/nothing"}, Now: time.Now,
	})
	require.NoError(t, err)
	found := host.Overrides(&x509.Certificate{Raw: []byte{1}})
	require.Len(t, found, 1)
	require.Equal(t, "CURL_CA_BUNDLE", found[0].Name)
}

func TestFindSelf(t *testing.T) {
	image, err := os.Executable()
	require.NoError(t, err)
	link := filepath.Join(t.TempDir(), "devcert")
	require.NoError(t, os.Symlink(image, link))
	t.Setenv("PATH", filepath.Dir(link))
	for _, row := range []struct{ name, called, want string }{
		{"a link, as typed", link, link},
		{"found by PATH", "devcert", link},
		{"another program of that name", "/bin/sh", image},
		{"nothing", "/nonexistent/devcert", image},
		{"empty", "", image},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := findSelf(row.called)
			require.NoError(t, err)
			require.Equal(t, row.want, got)
		})
	}
}

func TestTransient(t *testing.T) {
	for path, want := range map[string]bool{
		"/tmp/go-build123/b001/exe/devcert":          true,
		"/home/anna/.cache/go-build/ab/cd-d/devcert": true, // Go 1.24 keeps `go run`'s programs there
		"/home/anna/go/bin/devcert":                  false,
		"/home/anna/src/go-build":                    false,
		"/usr/bin/devcert":                           false,
	} {
		require.Equal(t, want, transient(path), path)
	}
}

// A state folder that is a link, as dotfile managers make it, is the folder the
// link leads to: the link itself would count as one that others can replace.
func TestLinkedStateDir(t *testing.T) {
	real := filepath.Join(t.TempDir(), "real")
	require.NoError(t, os.Mkdir(real, 0o700))
	link := filepath.Join(t.TempDir(), "link")
	require.NoError(t, os.Symlink(real, link))
	for _, dir := range []string{real, link} {
		host, err := NewHost(devcert.HostOptions{StateDir: dir, Now: time.Now})
		require.NoError(t, err)
		host.Close()
		want, err := filepath.EvalSymlinks(real)
		require.NoError(t, err)
		require.Equal(t, want, host.StateDir)
		require.Equal(t, dir == link, host.Link == link)
	}
}

package winetest

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// asking lists the ports whose bindings ask clients for a certificate: as HTTP.sys
// has them, and as devcert says.
func (w *windows) asking() (ports []string) {
	w.t.Helper()
	for _, b := range w.table().Bindings {
		if b.Flags["clientcertnegotiation"] == "enable" {
			ports = append(ports, b.Place)
		}
	}
	var list struct {
		Bindings []struct {
			Port        int   `json:"port"`
			ClientCerts *bool `json:"clientCerts"`
		} `json:"bindings"`
	}
	require.NoError(w.t, json.Unmarshal([]byte(w.devcert(0, "ports", "list", "--json").out), &list))
	var said []string
	for _, b := range list.Bindings {
		require.NotNil(w.t, b.ClientCerts, b.Port)
		if *b.ClientCerts {
			said = append(said, place(b.Port))
		}
	}
	require.ElementsMatch(w.t, ports, said)
	return said
}

// A port that is told to ask for client certificates does, alone, and goes on to
// through every loss and renewal until it is told otherwise.
func TestClientCerts(t *testing.T) {
	w := newWindows(t)
	own := w.iisExpress(44300, 44303)
	before := w.ports()
	w.netsh(map[string]any{"language": "ru"})
	w.setup("--ports", "44300-44303")
	require.Empty(t, w.asking())
	leaf := w.status(0).Hierarchy.Leaf.Thumbprint
	healthy := w.ports()
	_, _ = w.started()

	bind := []string{"ports", "bind", "44301", "--client-certs"}
	r := w.devcert(3, append(bind, "--dry-run")...)
	require.Contains(t, r.out, "http add sslcert ipport=0.0.0.0:44301 certhash="+strings.ToLower(leaf)+
		" appid="+iisExpress+" certstorename=MY clientcertnegotiation=enable\n")
	requireSame(t, healthy, w.ports())
	w.touches([]int{44301}, bind...)
	asks := []string{place(44301)}
	require.Equal(t, asks, w.asking())
	require.Contains(t, w.devcert(0, "ports", "list").out, "44301  bound     "+leaf+"  asks for client certificates\n")
	require.Empty(t, w.status(0).kinds())
	w.touches(nil, bind...)
	w.touches(nil, "ports", "bind", "44300-44303")
	w.touches(nil, "repair")
	require.Equal(t, asks, w.asking(), "nothing was said of it")

	w.part("lost", func() {
		w.lose(44301, 44302)
		require.Equal(w.t, []string{"error binding-missing"}, w.status(3).kinds())
		w.touches([]int{44301, 44302}, "repair")
		require.Equal(w.t, asks, w.asking())
	})
	w.part("bound again by IIS Express", func() {
		w.edit(func(all []binding) []binding {
			for i := range all {
				if all[i].Place == place(44301) {
					all[i].Hash, all[i].Flags = strings.ToLower(own), nil
				}
			}
			return all
		})
		w.touches([]int{44301}, "repair")
		require.Equal(w.t, asks, w.asking())
	})
	w.part("bound to the leaf without it", func() {
		w.edit(func(all []binding) []binding {
			for i := range all {
				all[i].Flags = nil
			}
			return all
		})
		d := w.status(3)
		require.Equal(w.t, []string{"error binding-stale"}, d.kinds())
		require.Contains(w.t, d.Findings[0].Message, "port 44301 has a binding that asks clients for no certificate")
		w.touches([]int{44301}, "repair")
		require.Equal(w.t, asks, w.asking())
	})
	w.part("renewed", func() {
		w.untilTaken(func() {}, "renew", "--force")
		require.Equal(w.t, asks, w.asking())
	})
	_, _ = w.started()
	w.touches([]int{44301}, "ports", "bind", "44301", "--client-certs=false")
	require.Empty(t, w.asking())
	w.touches([]int{44300, 44303}, "ports", "bind", "44300", "44303", "--client-certs")
	w.devcert(0, "uninstall", "--yes")
	requireSame(t, before, w.ports())
}

// touches runs a command that succeeds, and wants it to change these ports alone.
func (w *windows) touches(ports []int, args ...string) {
	w.t.Helper()
	_, _ = w.started()
	w.devcert(0, args...)
	_, touched := w.started()
	require.Equal(w.t, ports, touched, args)
}

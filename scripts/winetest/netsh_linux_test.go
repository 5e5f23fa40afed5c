package winetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/stretchr/testify/require"
)

// Applications that bind ports.
const (
	iisExpress = "{214124cd-d05b-4309-9af9-9caa44b2b74a}"
	another    = "{5d89a20c-beab-4389-9447-324788eb944a}"
)

// binding is one of the stand-in's.
type binding struct {
	Kind  string            `json:"kind"`
	Place string            `json:"place"`
	Hash  string            `json:"hash,omitempty"`
	AppID string            `json:"appId"`
	Store string            `json:"store,omitempty"`
	Flags map[string]string `json:"flags,omitempty"`
}

type reservation struct {
	URL  string `json:"url"`
	SDDL string `json:"sddl"`
}

type table struct {
	Bindings     []binding     `json:"bindings"`
	Reservations []reservation `json:"reservations"`
}

func (w *windows) table() table {
	w.t.Helper()
	var all table
	data, err := os.ReadFile(filepath.Join(w.system, "netsh-table.json"))
	require.NoError(w.t, err)
	require.NoError(w.t, json.Unmarshal(data, &all))
	return all
}

// ports lists the table, each entry in a line.
func (w *windows) ports() []string {
	w.t.Helper()
	var lines []string
	all := w.table()
	for _, b := range all.Bindings {
		lines = append(lines, fmt.Sprint(b))
	}
	for _, r := range all.Reservations {
		lines = append(lines, fmt.Sprint(r))
	}
	return lines
}

func (w *windows) write(name string, content any) {
	w.t.Helper()
	data, err := json.Marshal(content)
	require.NoError(w.t, err)
	require.NoError(w.t, os.WriteFile(filepath.Join(w.system, name), data, 0o600))
}

// netsh sets what the stand-in is, and what goes wrong; nil for a good one.
func (w *windows) netsh(settings map[string]any) {
	w.t.Helper()
	all := map[string]any{"version": "2022", "certificates": []string{"*"}}
	maps.Copy(all, settings)
	w.write("netsh-settings.json", all)
}

// edit changes the stand-in's bindings.
func (w *windows) edit(change func([]binding) []binding) {
	w.t.Helper()
	all := w.table()
	all.Bindings = change(all.Bindings)
	w.write("netsh-table.json", all)
}

// bound says how many ports are bound to a certificate.
func (w *windows) bound(thumbprint string) int {
	n := 0
	for _, b := range w.table().Bindings {
		if strings.EqualFold(b.Hash, thumbprint) {
			n++
		}
	}
	return n
}

// started counts the starts of netsh since the last call, and lists the ports
// they touched.
func (w *windows) started() (starts int, touched []int) {
	w.t.Helper()
	path := filepath.Join(w.system, "netsh-log.jsonl")
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	require.NoError(w.t, err)
	require.NoError(w.t, os.Remove(path))
	for line := range strings.Lines(string(data)) {
		var start struct {
			Touched []int `json:"touched"`
		}
		require.NoError(w.t, json.Unmarshal([]byte(line), &start))
		starts++
		touched = append(touched, start.Touched...)
	}
	slices.Sort(touched)
	return starts, slices.Compact(touched)
}

// visualStudio is a machine on which Visual Studio has bound its hundred ports
// to IIS Express's own certificate, whose thumbprint it returns.
func (w *windows) visualStudio() string {
	w.t.Helper()
	return w.iisExpress(44300, 44399)
}

// iisExpress is a machine on which IIS Express has these ports. In the end its
// certificate is taken away, if it still is there.
func (w *windows) iisExpress(first, last int) string {
	w.t.Helper()
	own := w.tool("iis-express")
	w.t.Cleanup(func() { w.run(binary("storetool.exe"), "delete", myStore, own, "key") })
	w.netsh(nil)
	var all table
	for port := first; port <= last; port++ {
		all.Bindings = append(all.Bindings, binding{
			Kind: "ipport", Place: place(port), Hash: strings.ToLower(own), AppID: iisExpress, Store: "MY",
		})
		all.Reservations = append(all.Reservations, reservation{url(port), "D:(A;;GX;;;WD)"})
	}
	w.write("netsh-table.json", all)
	_, _ = w.started()
	return own
}

func place(port int) string { return fmt.Sprintf("0.0.0.0:%d", port) }

func url(port int) string { return fmt.Sprintf("https://localhost:%d/", port) }

// lose takes the bindings of these ports away.
func (w *windows) lose(ports ...int) {
	w.t.Helper()
	w.edit(func(all []binding) []binding {
		return slices.DeleteFunc(all, func(b binding) bool { return b.on(ports) })
	})
}

// rebind has these ports bound to another certificate.
func (w *windows) rebind(thumbprint, appID string, ports ...int) {
	w.t.Helper()
	w.edit(func(all []binding) []binding {
		for i := range all {
			if all[i].on(ports) {
				all[i].Hash, all[i].AppID = strings.ToLower(thumbprint), appID
			}
		}
		return all
	})
}

func (b binding) on(ports []int) bool {
	return slices.ContainsFunc(ports, func(port int) bool { return b.Place == place(port) })
}

package winetest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const iisExpress = "{214124cd-d05b-4309-9af9-9caa44b2b74a}"

// windows is the scratch Windows of a run.
type windows struct {
	t *testing.T
	// system is where netsh and its files are.
	system string
}

func newWindows(t *testing.T) *windows {
	t.Helper()
	if os.Getenv("DEVCERT_WINE_RUN") == "" {
		t.Skip("scripts/test-wine runs this")
	}
	return &windows{t, filepath.Join(os.Getenv("WINEPREFIX"), "drive_c", "windows", "system32")}
}

// result is what a program left.
type result struct {
	code        int
	out, errors string
}

func (w *windows) run(program string, args ...string) result {
	w.t.Helper()
	cmd := exec.Command(os.Getenv("DEVCERT_WINE_RUN"), append([]string{filepath.Join(os.Getenv("DEVCERT_WINE_BIN"), program)}, args...)...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		require.NoError(w.t, err)
	}
	return result{cmd.ProcessState.ExitCode(), strings.ReplaceAll(out.String(), "\r\n", "\n"), errs.String()}
}

// devcert runs the program and wants an exit code.
func (w *windows) devcert(code int, args ...string) result {
	w.t.Helper()
	r := w.run("devcert.exe", args...)
	require.Equal(w.t, code, r.code, "devcert %s\n%s%s", strings.Join(args, " "), r.out, r.errors)
	return r
}

// setup runs setup until Wine takes the hierarchy: it refuses an ECDSA signature
// with a short number in it, about one hierarchy in 43, and imports an RSA key
// with one as another key, about one in 80.
func (w *windows) setup(args ...string) {
	w.t.Helper()
	args = append([]string{"setup"}, args...)
	for range 4 {
		r := w.run("devcert.exe", args...)
		said := r.out + r.errors
		if r.code == 0 || !strings.Contains(said, "a signature is wrong") && !strings.Contains(strings.ToLower(said), "80090015") {
			require.Zero(w.t, r.code, said)
			return
		}
		w.t.Log("Wine does not take this hierarchy: another one")
		w.devcert(0, "uninstall", "--yes")
	}
	w.t.Fatal("Wine takes no hierarchy")
}

func (w *windows) tool(args ...string) string {
	w.t.Helper()
	r := w.run("storetool.exe", args...)
	require.Zero(w.t, r.code, "%v\n%s", args, r.errors)
	return strings.TrimSpace(r.out)
}

// certificate is one that a store holds.
type certificate struct {
	Thumbprint, Subject, FriendlyName, Key string
}

func (w *windows) stores() map[string][]certificate {
	w.t.Helper()
	var all map[string][]certificate
	require.NoError(w.t, json.Unmarshal([]byte(w.tool("list")), &all))
	return all
}

// all lists every certificate, each in a line: its store, name and key.
func (w *windows) all() []string {
	w.t.Helper()
	var lines []string
	for store, certs := range w.stores() {
		for _, c := range certs {
			lines = append(lines, fmt.Sprint(store, c))
		}
	}
	slices.Sort(lines)
	return lines
}

// requireSame wants two lists to be alike, and says only what differs.
func requireSame(t *testing.T, before, after []string) {
	t.Helper()
	var changed []string
	for _, line := range before {
		if !slices.Contains(after, line) {
			changed = append(changed, "- "+line)
		}
	}
	for _, line := range after {
		if !slices.Contains(before, line) {
			changed = append(changed, "+ "+line)
		}
	}
	require.Empty(t, changed)
}

// ours lists the certificates of a store that devcert made.
func (w *windows) ours(store string, thumbprints ...string) []string {
	w.t.Helper()
	var found []string
	for _, c := range w.stores()[store] {
		if strings.Contains(c.Subject, "devcert") || slices.Contains(thumbprints, c.Thumbprint) {
			found = append(found, c.Thumbprint)
		}
	}
	return found
}

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

// document is what devcert prints with --json, as far as these tests read it.
type document struct {
	Hierarchy struct {
		Leaf struct {
			Thumbprint string `json:"thumbprint"`
		} `json:"leaf"`
		Root struct {
			Thumbprint string `json:"thumbprint"`
		} `json:"root"`
		Intermediates []struct {
			Thumbprint string `json:"thumbprint"`
		} `json:"intermediates"`
	} `json:"hierarchy"`
	Findings []struct {
		Kind     string `json:"kind"`
		Severity string `json:"severity"`
		Message  string `json:"message"`
	} `json:"findings"`
}

func (w *windows) status(code int) document {
	w.t.Helper()
	var d document
	require.NoError(w.t, json.Unmarshal([]byte(w.devcert(code, "status", "--json").out), &d))
	return d
}

func (d document) kinds() []string {
	kinds := []string{}
	for _, f := range d.Findings {
		kinds = append(kinds, fmt.Sprintf("%s %s", f.Severity, f.Kind))
	}
	slices.Sort(kinds)
	return slices.Compact(kinds)
}

// visualStudio is a machine on which Visual Studio has bound its hundred ports
// to IIS Express's own certificate, whose thumbprint it returns.
func (w *windows) visualStudio() string {
	w.t.Helper()
	own := w.tool("iis-express")
	w.write("netsh-settings.json", map[string]any{"version": "2022", "certificates": []string{"*"}})
	var all table
	for port := 44300; port <= 44399; port++ {
		all.Bindings = append(all.Bindings, binding{
			Kind: "ipport", Place: fmt.Sprintf("0.0.0.0:%d", port), Hash: strings.ToLower(own), AppID: iisExpress, Store: "MY",
		})
		all.Reservations = append(all.Reservations, reservation{fmt.Sprintf("https://localhost:%d/", port), "D:(A;;GX;;;WD)"})
	}
	w.write("netsh-table.json", all)
	_, _ = w.started()
	return own
}

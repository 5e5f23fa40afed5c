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

type table struct {
	Bindings     []binding         `json:"bindings"`
	Reservations []json.RawMessage `json:"reservations"`
}

func (w *windows) table() table {
	w.t.Helper()
	var all table
	data, err := os.ReadFile(filepath.Join(w.system, "netsh-table.json"))
	require.NoError(w.t, err)
	require.NoError(w.t, json.Unmarshal(data, &all))
	return all
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
		all.Reservations = append(all.Reservations, json.RawMessage(
			fmt.Sprintf(`{"url":"https://localhost:%d/","sddl":"D:(A;;GX;;;WD)"}`, port)))
	}
	w.write("netsh-table.json", all)
	_, _ = w.started()
	return own
}

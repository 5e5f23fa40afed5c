package winetest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// fault is something that keeps netsh from doing its work.
type fault struct {
	name     string
	settings map[string]any
	seen     string // the finding while it lasts
	exit     int    // of repair
	says     string // repair, of what it tried
}

const (
	unknown = "error binding-unknown"
	missing = "error binding-missing"
)

var faults = []fault{
	{"garbage", map[string]any{"mode": "garbage"}, unknown, 6, "netsh said"},
	{"silence", map[string]any{"mode": "silence"}, unknown, 6, "read the answer of HTTP.sys"},
	{"half an answer", map[string]any{"mode": "cut"}, unknown, 6, "read the answer of HTTP.sys"},
	{"crash", map[string]any{"mode": "crash"}, unknown, 6, "read the answer of HTTP.sys"},
	{"said and not done", map[string]any{"mode": "pretend"}, missing, 6, "http add sslcert ipport=0.0.0.0:44301"},
	{"no usable key", refuse(1312), missing, 6, "error 1312"},
	{"no rights", refuse(5), missing, 4, "run:  "},
	{"a key that stays too new", refuse(87), missing, 6, "error 87"},
	{"bound in between", refuse(183), missing, 6, "error 183"},
}

func refuse(code int) map[string]any {
	return map[string]any{"refuse": map[string]int{"44301": code}}
}

// What goes wrong with netsh ends in a clear error. The finding stays until it is
// cured, and what cannot be read is not taken for an empty table.
func TestFaults(t *testing.T) {
	w := newWindows(t)
	w.iisExpress(44300, 44305)
	before := w.ports()
	w.netsh(map[string]any{"mode": "silence"})
	r := w.run(w.exe, "setup", "--ports", "44300-44303")
	require.Equal(t, 6, r.code, r.said())
	found := w.status(3).kinds()
	if r.refusedByWine() { // see untilTaken
		found = slices.DeleteFunc(found, func(kind string) bool { return kind == "error trust-denied" })
	}
	require.Equal(t, []string{unknown}, found)
	requireSame(t, before, w.ports())
	w.netsh(nil)
	if w.run(w.exe, "repair").code != 0 { // see untilTaken
		w.devcert(0, "uninstall", "--yes")
		w.setup("--ports", "44300-44303")
	}
	healthy := w.ports()

	for _, f := range faults {
		w.part(f.name, func() {
			w.lose(44301)
			broken := w.ports()
			w.netsh(f.settings)
			r := w.devcert(f.exit, "repair")
			require.Contains(w.t, r.said(), f.says)
			seen := w.status(3)
			require.Equal(w.t, []string{f.seen}, seen.kinds(), seen.Findings)
			requireSame(w.t, broken, w.ports())
			w.netsh(nil)
			w.devcert(0, "repair")
			requireSame(w.t, healthy, w.ports())
		})
	}
	w.part("no netsh", func() { w.withoutNetsh() })
	w.part("a key that is too new at first", func() {
		w.lose(44301)
		_, _ = w.started()
		w.netsh(map[string]any{"notYet": 1})
		w.devcert(0, "repair")
		requireSame(w.t, healthy, w.ports())
		w.netsh(nil)
	})
	w.part("a netsh that hangs", func() { w.hanging() })
	w.devcert(0, "repair") // what was asked for while netsh hung
	w.devcert(0, "uninstall", "--yes")
	requireSame(t, before, w.ports())
}

func (w *windows) withoutNetsh() {
	netsh := filepath.Join(w.system, "netsh.exe")
	require.NoError(w.t, os.Rename(netsh, netsh+".away"))
	defer func() { require.NoError(w.t, os.Rename(netsh+".away", netsh)) }()
	before := w.ports()
	require.Equal(w.t, []string{unknown}, w.status(3).kinds())
	require.Contains(w.t, w.devcert(6, "repair").said(), "sfc /scannow")
	require.Contains(w.t, w.devcert(3, "ports", "list").out, "binding-unknown")
	requireSame(w.t, before, w.ports())
}

// hanging wants a netsh that does not end to be ended, nothing to be left, and
// nobody to wait for it more than once.
func (w *windows) hanging() {
	before := w.ports()
	w.netsh(map[string]any{"mode": "hang"})
	defer w.netsh(nil)
	for _, command := range [][]string{{"repair"}, {"ports", "bind", "9000"}} {
		_, _ = w.started()
		began := time.Now()
		r := w.devcert(6, command...)
		require.Less(w.t, time.Since(began), time.Minute, command)
		starts, _ := w.started()
		require.Equal(w.t, 1, starts, command)
		require.Contains(w.t, r.said(), "look at the bindings of HTTP.sys: netsh did not end in time")
		require.Contains(w.t, r.said(), "see whether the HTTP service answers: net start http")
	}
	requireSame(w.t, before, w.ports())
	d := w.status(3)
	require.Equal(w.t, []string{unknown}, d.kinds())
	require.Contains(w.t, d.Findings[0].Message, "netsh did not end in time")
	require.Contains(w.t, d.Findings[0].Remedy, "net start http")
	for _, port := range []int{44300, 44301} {
		require.Equal(w.t, "unknown", d.state(port))
	}
	scripts, err := filepath.Glob(filepath.Join(w.users(), "*", "Temp", "devcert-*.netsh"))
	require.NoError(w.t, err)
	require.Empty(w.t, scripts)
	require.Empty(w.t, w.running("netsh.exe"))
}

// running lists the processes of this Windows that run a program of that name.
func (w *windows) running(name string) (found []string) {
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range lines {
		line, _ := os.ReadFile(path)
		environment, _ := os.ReadFile(filepath.Join(filepath.Dir(path), "environ"))
		if bytes.Contains(line, []byte(name)) && bytes.Contains(environment, []byte("WINEPREFIX="+w.prefix+"\x00")) {
			found = append(found, fmt.Sprintf("%q", line))
		}
	}
	return found
}

// Another process binds a port between look and change: that stays as it is.
func TestIntruder(t *testing.T) {
	w := newWindows(t)
	own := w.iisExpress(44300, 44303)
	theirs := w.tool("iis-express")
	defer w.tool("delete", myStore, theirs, "key")
	w.setup("--ports", "44300-44303")
	w.rebind(own, iisExpress, 44301)
	w.netsh(map[string]any{"intruder": binding{Hash: strings.ToLower(theirs), AppID: another, Store: "MY"}})
	require.Contains(t, w.devcert(6, "repair").said(), "something else was bound there in between")
	w.netsh(nil)
	lost := w.ports()
	require.Equal(t, 1, w.bound(theirs))
	require.Equal(t, []string{"warning binding-foreign"}, w.status(0).kinds())
	w.devcert(0, "repair")
	requireSame(t, lost, w.ports())
	w.devcert(0, "repair", "--take-over", "--yes")
	require.Empty(t, w.status(0).kinds())
	w.devcert(0, "uninstall", "--yes")
	require.Equal(t, 1, w.bound(theirs))
	require.Equal(t, 3, w.bound(own))
}

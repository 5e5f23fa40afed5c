package winetest

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/devcert/cli/schema/schematest"
)

// windows is a scratch Windows, for one test at a time.
type windows struct {
	t      *testing.T
	prefix string
	// system is where netsh and its files are.
	system string
	// exe is the devcert that is run.
	exe string
}

// free are the machines that no test has.
var free = func() chan string {
	all := filepath.SplitList(os.Getenv("DEVCERT_WINE_MACHINES"))
	machines := make(chan string, len(all))
	for _, prefix := range all {
		machines <- prefix
	}
	return machines
}()

func newWindows(t *testing.T) *windows {
	t.Helper()
	if os.Getenv("DEVCERT_WINE_RUN") == "" {
		t.Skip("scripts/test-wine runs this")
	}
	t.Parallel()
	prefix := <-free
	w := &windows{t, prefix, filepath.Join(prefix, "drive_c", "windows", "system32"), binary("devcert.exe")}
	t.Cleanup(func() {
		if t.Failed() { // what it left would be the next test's
			w.netsh(nil)
			_ = w.run(binary("devcert.exe"), "uninstall", "--all", "--yes")
		}
		free <- prefix
	})
	return w
}

func binary(name string) string { return filepath.Join(os.Getenv("DEVCERT_WINE_BIN"), name) }

// users is the folder with the profiles of those who have one there.
func (w *windows) users() string { return filepath.Join(w.prefix, "drive_c", "users") }

// part runs a part of a test under its own name.
func (w *windows) part(name string, run func()) {
	t := w.t
	t.Run(name, func(part *testing.T) {
		w.t = part
		run()
	})
	w.t = t
}

// result is what a program left.
type result struct {
	code        int
	out, errors string
}

func (r result) said() string { return r.out + r.errors }

// run runs a program. How it ended says the launcher, a program of Windows too.
func (w *windows) run(program string, args ...string) result {
	w.t.Helper()
	report := filepath.Join(w.t.TempDir(), "report")
	cmd := exec.Command(os.Getenv("DEVCERT_WINE_RUN"), append([]string{binary("launch.exe"), onZ(report), onZ(program)}, args...)...)
	cmd.Env = append(os.Environ(), "WINEPREFIX="+w.prefix)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	ran := cmd.Run()
	said, err := os.ReadFile(report)
	require.NoError(w.t, err, "the launcher did not say how it ended: %v\n%s%s", ran, out.String(), errs.String())
	code, err := strconv.Atoi(string(said))
	require.NoError(w.t, err, "Wine did not start %s: %s\n%s", program, said, errs.String())
	r := result{code, strings.ReplaceAll(out.String(), "\r\n", "\n"), errs.String()}
	if program == w.exe && schematest.Asked(args) {
		require.NoError(w.t, schematest.Judge([]byte(r.out), code), "devcert %s\n%s", strings.Join(args, " "), r.said())
	}
	return r
}

// onZ is how Windows calls a file of this machine; a mere name is that of one of
// Windows' own programs.
func onZ(path string) string {
	if !filepath.IsAbs(path) {
		return path
	}
	return "Z:" + strings.ReplaceAll(path, "/", `\`)
}

// devcert runs the program and wants an exit code, and plain text: nothing here
// is a terminal.
func (w *windows) devcert(code int, args ...string) result {
	w.t.Helper()
	r := w.run(w.exe, args...)
	require.Equal(w.t, code, r.code, "devcert %s\n%s", strings.Join(args, " "), r.said())
	require.NotContains(w.t, r.said(), "\x1b")
	return r
}

// untilTaken runs a command, and then again, until Wine takes the certificates
// that it makes: Wine refuses an ECDSA signature with a short number in it, about
// one hierarchy in 43, and imports an RSA key with one as another key, about one
// in 80.
func (w *windows) untilTaken(again func(), args ...string) result {
	w.t.Helper()
	for range 4 {
		r := w.run(w.exe, args...)
		if r.code == 0 || !r.refusedByWine() {
			require.Zero(w.t, r.code, "devcert %s\n%s", strings.Join(args, " "), r.said())
			require.NotContains(w.t, r.said(), "\x1b")
			return r
		}
		w.t.Log("Wine does not take this hierarchy: another one")
		again()
		_, _ = w.started() // what was tried in vain and undone does not count
	}
	require.FailNow(w.t, "Wine takes no hierarchy")
	return result{}
}

// refusedByWine says that a command failed for what untilTaken is there for.
func (r result) refusedByWine() bool {
	return strings.Contains(r.said(), "a signature is wrong") || strings.Contains(strings.ToLower(r.said()), "80090015")
}

// setup runs setup on a Windows without a hierarchy.
func (w *windows) setup(args ...string) result {
	w.t.Helper()
	return w.untilTaken(func() { w.devcert(0, "uninstall", "--yes") }, append([]string{"setup"}, args...)...)
}

func (w *windows) tool(args ...string) string {
	w.t.Helper()
	r := w.run(binary("storetool.exe"), args...)
	require.Zero(w.t, r.code, "%v\n%s", args, r.errors)
	return strings.TrimSpace(r.out)
}

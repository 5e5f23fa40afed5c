package stop

import (
	"bytes"
	"context"
	"crypto/sha1" //nolint:gosec // names of .NET's files
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) {
	Main()
	os.Exit(m.Run())
}

// user is somebody with a home of their own, and .NET's store in it: nothing of
// the machine is changed.
type user struct {
	t                *testing.T
	bin, home, saved string
}

func newUser(t *testing.T) *user {
	dir := t.TempDir()
	u := &user{t, filepath.Join(dir, "devcert"), filepath.Join(dir, "home"), filepath.Join(dir, "saved")}
	out, err := exec.Command("go", "build", "-o", u.bin, "devcert").CombinedOutput()
	require.NoError(t, err, "%s", out)
	for name, text := range map[string]string{
		"notes.txt":             "mine",
		".dotnet/tools/mine":    "mine",
		".local/share/app/data": "mine",
		".dotnet/corefx/cryptography/x509stores/my/1111111111111111111111111111111111111111.pfx": "mine",
		".dotnet/corefx/cryptography/x509stores/ca/2222222222222222222222222222222222222222.pfx": "mine",
	} {
		path := filepath.Join(u.home, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	return u
}

func (u *user) state() string { return filepath.Join(u.home, ".local/share/devcert") }

func (u *user) command(args ...string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(u.t.Context(), 5*time.Minute)
	u.t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, u.bin, args...)
	cmd.Env = []string{"HOME=" + u.home, "PATH=/usr/bin:/bin", "LANG=C.UTF-8", "GODEBUG=asyncpreemptoff=1"}
	cmd.Dir = u.home
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd
}

func (u *user) run(code int, args ...string) string {
	u.t.Helper()
	cmd := u.command(args...)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		require.NoError(u.t, err)
	}
	require.Equal(u.t, code, cmd.ProcessState.ExitCode(), "devcert %v\n%s", args, out)
	return string(out)
}

// save keeps the home as it is, restore brings it back at the same path.
func (u *user) save() { u.copy(u.home, u.saved) }

func (u *user) restore() { u.copy(u.saved, u.home) }

func (u *user) copy(from, to string) {
	u.t.Helper()
	require.NoError(u.t, os.RemoveAll(to))
	out, err := exec.Command("cp", "-a", from, to).CombinedOutput()
	require.NoError(u.t, err, "%s", out)
}

// files are all files of the home with what they hold, and the folders.
func (u *user) files() map[string]string {
	u.t.Helper()
	all := map[string]string{}
	require.NoError(u.t, filepath.WalkDir(u.home, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		text := []byte{}
		if info.Mode().IsRegular() {
			text, err = os.ReadFile(path)
		}
		all[path] = info.Mode().String() + " " + string(text)
		return err
	}))
	return all
}

// requireIntact is what holds at every instant, whatever was killed.
func (u *user) requireIntact(pristine map[string]string, at string) {
	u.t.Helper()
	require.NoError(u.t, CheckState(u.state()), at)
	now := u.files()
	for path, was := range pristine {
		require.Equal(u.t, was, now[path], "%s: the user's own %s", at, path)
	}
	known := u.ledger()
	for _, store := range []string{"my", "ca", "root"} {
		paths, err := filepath.Glob(filepath.Join(u.home, ".dotnet/corefx/cryptography/x509stores", store, "*.pfx"))
		require.NoError(u.t, err)
		for _, path := range paths {
			name := strings.TrimSuffix(filepath.Base(path), ".pfx")
			if _, theirs := pristine[path]; !theirs {
				require.Contains(u.t, known, name, "%s: in .NET's store and in no ledger", at)
			}
		}
	}
}

// ledger lists the thumbprints of what the ledger knows.
func (u *user) ledger() map[string]bool {
	u.t.Helper()
	known := map[string]bool{}
	data, err := os.ReadFile(filepath.Join(u.state(), "ledger.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return known
	}
	require.NoError(u.t, err)
	var ledger struct {
		Entries []struct{ Certificate string }
	}
	require.NoError(u.t, json.Unmarshal(data, &ledger))
	for _, entry := range ledger.Entries {
		block, _ := pem.Decode([]byte(entry.Certificate))
		require.NotNil(u.t, block)
		known[fmt.Sprintf("%X", sha1.Sum(block.Bytes))] = true //nolint:gosec // as above
	}
	return known
}

// kills are what is killed, and what has been done to the home before.
var kills = []struct {
	name   string
	args   []string
	before func(u *user)
	short  int // kills in the short form
}{
	{"setup", []string{"setup", "--stores", "dotnet"}, func(*user) {}, 10},
	{"setup of another root", []string{"setup", "--permit", "app.example.org", "--name", "app.example.org", "--yes"}, setUp, 10},
	{"renew", []string{"renew", "--force"}, setUp, 6},
	{"repair", []string{"repair"}, func(u *user) {
		setUp(u)
		stores := filepath.Join(u.home, ".dotnet/corefx/cryptography/x509stores")
		for name := range u.ledger() {
			for _, store := range []string{"my", "ca"} {
				_ = os.Remove(filepath.Join(stores, store, name+".pfx"))
			}
		}
		require.NoError(u.t, os.Remove(filepath.Join(u.state(), "localhost-key.pem")))
		require.NoError(u.t, os.WriteFile(filepath.Join(u.state(), "root.pem"), nil, 0o644))
	}, 6},
	{"uninstall", []string{"uninstall", "--yes"}, setUp, 8},
}

func setUp(u *user) { u.run(0, "setup", "--stores", "dotnet") }

// TestKilledAtEveryCall: whatever devcert is killed at, nothing is lost, and the
// next commands make everything right, or gone.
func TestKilledAtEveryCall(t *testing.T) {
	needReports(t)
	u := newUser(t)
	pristine := u.files()
	total, torn := 0, 0
	for _, row := range kills {
		u.reset(pristine)
		row.before(u)
		u.save()
		whole, err := Run(u.command(row.args...), Plan{})
		require.NoError(t, err)
		require.False(t, whole.Killed)
		killed := 0
		for i, at := range Points(whole.Calls, Most(t, row.short)) {
			u.restore()
			plan := Plan{At: at, Alone: i%2 == 1}
			o, err := Run(u.command(row.args...), plan)
			require.NoError(t, err)
			if strings.Contains(o.Where, " bytes") {
				torn++
			}
			if o.Killed {
				killed++
			}
			u.heals(pristine, row.args, fmt.Sprintf("%s killed at %d of %d: %s", row.name, at, whole.Calls, o.Where))
		}
		t.Logf("%s: %d kills at %d calls", row.name, killed, whole.Calls)
		total += killed
	}
	t.Logf("counted: kills: %d, of which in the midst of a write: %d, losses: 0", total, torn)
}

// TestKilledByTheClock spreads the kills over the time in which files are written.
func TestKilledByTheClock(t *testing.T) {
	needReports(t)
	u := newUser(t)
	pristine := u.files()
	runs := min(Most(t, 2*len(kills)), 300)
	killed := 0
	for i := range runs {
		row := kills[i%len(kills)]
		u.reset(pristine)
		row.before(u)
		u.save()
		whole, err := Run(u.command(row.args...), Plan{})
		require.NoError(t, err)
		u.restore()
		span := whole.Window - whole.Changes
		after := whole.Changes + span*time.Duration(i/len(kills)+1)/time.Duration(runs/len(kills)+1)
		o, err := Run(u.command(row.args...), Plan{After: after, Alone: true})
		require.NoError(t, err)
		if o.Killed {
			killed++
		}
		u.heals(pristine, row.args, fmt.Sprintf("%s killed after %s of %s", row.name, after, whole.Window))
	}
	t.Logf("counted: runs by the clock: %d, kills: %d, losses: 0", runs, killed)
}

// heals is what a person does after a crash: look, set up, set up again, uninstall. Who
// had said yes to another root says it again: the wish for it may be on record, and
// the root not made.
func (u *user) heals(pristine map[string]string, stopped []string, at string) {
	u.t.Helper()
	u.requireIntact(pristine, at)
	before := u.files()
	cmd := u.command("status", "--json")
	out, _ := cmd.Output()
	require.Contains(u.t, []int{0, 3}, cmd.ProcessState.ExitCode(), "%s: %s", at, out)
	require.True(u.t, json.Valid(out), "%s: %s", at, out)
	require.Equal(u.t, before, u.files(), "%s: status changes something", at)
	setup := []string{"setup", "--stores", "dotnet"}
	if stopped[0] == "setup" && slices.Contains(stopped, "--yes") {
		setup = append(setup, "--yes")
	}
	mended := u.try(setup...)
	require.Zero(u.t, mended.code, "%s: %s", at, mended.text)
	again := u.try("setup", "--stores", "dotnet")
	require.Zero(u.t, again.code, "%s: %s", at, again.text)
	require.Contains(u.t, again.text, "Nothing to do", at)
	u.requireIntact(pristine, at+", set up again")
	gone := u.try("uninstall", "--yes")
	require.Zero(u.t, gone.code, "%s: %s", at, gone.text)
	require.Equal(u.t, pristine, u.files(), "%s: left at the end", at)
}

type said struct {
	code int
	text string
}

func (u *user) try(args ...string) said {
	cmd := u.command(args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	_ = cmd.Run()
	return said{cmd.ProcessState.ExitCode(), out.String()}
}

func (u *user) reset(pristine map[string]string) {
	u.t.Helper()
	u.run(0, "uninstall", "--yes")
	require.Equal(u.t, pristine, u.files())
}

// needReports skips where the kernel, or a container, does not report calls.
func needReports(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("starts hundreds of processes")
	}
	_, err := Run(exec.Command("/bin/true"), Plan{})
	if errors.Is(err, ErrUnwatched) {
		t.Skip(err)
	}
	require.NoError(t, err)
}

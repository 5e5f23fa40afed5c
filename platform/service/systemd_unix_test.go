//go:build unix

package service

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/platform/securefile"
)

// userSystemd is a systemctl --user: it takes what systemctl 252 takes in the way
// that it is called here, and refuses everything else with its status.
type userSystemd struct {
	t      *testing.T
	dir    string
	loaded map[string]string // what it has read, which a changed file does not change
	active map[string]string // the text that runs
	reset  []string          // units whose failure was forgotten
	calls  []string
	fails  bool // what is started ends with status 1
	atOnce bool // before the start is over
	hangs  string
	path   string // what it says that it reads
}

func (u *userSystemd) run(ctx context.Context, args ...string) ([]byte, error) {
	if verb := args[0]; verb != "show" {
		u.calls = append(u.calls, strings.ReplaceAll(strings.Join(args, " "), "-- ", ""))
	}
	if u.hangs == args[0] {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if len(args) == 1 && args[0] == "daemon-reload" {
		for unit := range u.loaded {
			u.load(unit)
		}
		return nil, nil
	}
	if slices.Equal(args, []string{"show", "--property=UnitPath"}) {
		return fmt.Appendf(nil, "UnitPath=/run/x/systemd/transient %s /etc/systemd/user\n", u.path), nil
	}
	if len(args) < 3 || args[len(args)-2] != "--" {
		u.t.Fatalf("systemctl %q: not how it is called", args)
	}
	unit := args[len(args)-1]
	if !strings.HasSuffix(unit, ".service") {
		u.t.Fatalf("%q is no unit", unit)
	}
	if _, there := u.loaded[unit]; !there {
		u.load(unit) // when it is first spoken of
	}
	_, there := u.loaded[unit]
	switch {
	case args[0] == "show" && len(args) == 4 && strings.HasPrefix(args[1], "--property="):
		return []byte(u.show(unit)), nil
	case len(args) != 3:
	case args[0] == "reset-failed":
		if !slices.Contains(u.reset, unit) && !there {
			return nil, statusError(1)
		}
		u.reset = append(u.reset, unit)
		return nil, nil
	case !there && u.active[unit] == "":
		return nil, statusError(5) // EXIT_NOTINSTALLED of the LSB
	case args[0] == "start" && u.active[unit] != "":
		return nil, nil
	case args[0] == "start", args[0] == "restart":
		if u.active[unit] = u.loaded[unit]; u.fails && u.atOnce {
			return nil, statusError(1)
		}
		return nil, nil
	case args[0] == "stop":
		delete(u.active, unit)
		return nil, nil
	}
	u.t.Fatalf("systemctl %q: not known", args)
	return nil, nil
}

func (u *userSystemd) load(unit string) {
	data, err := os.ReadFile(filepath.Join(u.dir, unit))
	if delete(u.loaded, unit); err == nil {
		u.loaded[unit] = string(data)
	}
}

func (u *userSystemd) show(unit string) string {
	load, active, sub, result, status := "loaded", "inactive", "dead", "success", "0"
	if _, there := u.loaded[unit]; !there {
		load = "not-found"
	}
	if u.active[unit] != "" {
		active, sub = "active", "running"
		if u.fails {
			active, sub, result, status = "activating", "auto-restart", "exit-code", "1"
		}
	}
	return fmt.Sprintf("Result=%s\nNRestarts=0\nExecMainStatus=%s\nLoadState=%s\nActiveState=%s\nSubState=%s\n", result, status, load, active, sub)
}

var files = securefile.Files{}

func read(t testing.TB, path string) string {
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(data)
}

// newSystemd is an instance, and what keeps services with it.
func newSystemd(t *testing.T) (*userSystemd, *systemd) {
	dir := filepath.Join(t.TempDir(), ".config", "systemd", "user")
	require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Dir(dir)), 0o700))
	u := &userSystemd{t: t, dir: dir, path: dir, loaded: map[string]string{}, active: map[string]string{}}
	return u, &systemd{
		dirs: []string{dir}, files: files, tool: u.run, user: "anna", settle: time.Millisecond,
		reach: func() bool { return true }, booted: func() bool { return true }, refuse: func(string) error { return nil },
	}
}

const unitName = "devcert-serve.service"

func TestSystemd(t *testing.T) {
	ctx := context.Background()
	u, m := newSystemd(t)
	unit, wants := filepath.Join(u.dir, unitName), filepath.Join(u.dir, "default.target.wants")
	require.Equal(t, devcert.ServiceState{Standing: devcert.ServiceAbsent, Where: unit, Log: "journalctl --user -u devcert-serve"}, m.Look(ctx, "serve", ""))

	s := served(t, hard...)
	require.NoError(t, m.Install(ctx, s))
	require.Equal(t, []string{"daemon-reload", "reset-failed " + unitName, "restart " + unitName}, u.calls)
	info, err := os.Lstat(unit)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o644), info.Mode())
	target, err := os.Readlink(filepath.Join(wants, unitName))
	require.NoError(t, err)
	require.Equal(t, unit, target)
	seen := m.Look(ctx, "serve", "")
	require.Equal(t, devcert.ServiceStarts, seen.Standing)
	require.Equal(t, devcert.Runs, seen.Running)
	require.Empty(t, seen.Broken)
	require.Equal(t, s.Program, seen.Service.Program)
	require.Equal(t, s.Args, seen.Service.Args)

	u.calls = nil
	require.NoError(t, m.Install(ctx, s))
	require.Equal(t, "start "+unitName, u.calls[2], "what is served goes on")
	s.Args = []string{"serve", "--log", "off"}
	require.NoError(t, m.Install(ctx, s))
	require.Equal(t, "restart "+unitName, u.calls[5])
	require.Contains(t, u.active[unitName], `"--log" "off"`)

	u.calls = nil
	require.NoError(t, m.Remove(ctx, "serve", ""))
	require.Equal(t, []string{"stop " + unitName, "reset-failed " + unitName, "daemon-reload"}, u.calls)
	require.Empty(t, u.active)
	require.Empty(t, u.loaded)
	require.NoDirExists(t, filepath.Dir(filepath.Dir(u.dir)), "nothing is left behind")
	require.NoError(t, m.Remove(ctx, "serve", ""), "it is gone already")
}

// What stands in the folder besides stays, and so does a service of another state
// folder.
func TestSystemdBesideOthers(t *testing.T) {
	ctx := context.Background()
	u, m := newSystemd(t)
	write(t, filepath.Join(u.dir, "other.service"), "[Service]")
	require.NoError(t, os.Mkdir(filepath.Join(u.dir, "default.target.wants"), 0o755))
	require.NoError(t, os.Symlink("../other.service", filepath.Join(u.dir, "default.target.wants", "other.service")))
	require.NoError(t, m.Install(ctx, served(t)))
	there := served(t)
	there.Home = "/srv/state"
	require.NoError(t, m.Install(ctx, there))
	require.Len(t, u.active, 2)
	require.NoError(t, m.Remove(ctx, "serve", ""))
	require.Len(t, u.active, 1)
	require.Equal(t, devcert.ServiceStarts, m.Look(ctx, "serve", "/srv/state").Standing)
	require.NoError(t, m.Remove(ctx, "serve", "/srv/state"))
	require.Equal(t, "[Service]", read(t, filepath.Join(u.dir, "other.service")))
	require.Equal(t, "[Service]", read(t, filepath.Join(u.dir, "default.target.wants", "other.service")))
}

// What devcert did not make is neither replaced nor removed.
func TestSystemdLeavesOthers(t *testing.T) {
	for _, row := range []struct {
		name string
		make func(t *testing.T, unit string)
	}{
		{"a unit of another's", func(t *testing.T, unit string) { write(t, unit, "[Service]\nExecStart=/bin/true\n") }},
		{"a masked one", func(t *testing.T, unit string) { require.NoError(t, os.Symlink("/dev/null", unit)) }},
		{"a link to one of devcert's", func(t *testing.T, unit string) {
			write(t, unit+".real", unitMarker)
			require.NoError(t, os.Symlink(unit+".real", unit))
		}},
		{"a folder", func(t *testing.T, unit string) { require.NoError(t, os.Mkdir(unit, 0o755)) }},
	} {
		t.Run(row.name, func(t *testing.T) {
			ctx := context.Background()
			u, m := newSystemd(t)
			unit := filepath.Join(u.dir, unitName)
			require.NoError(t, os.MkdirAll(u.dir, 0o755))
			row.make(t, unit)
			before, err := os.Lstat(unit)
			require.NoError(t, err)
			require.Equal(t, devcert.ServiceForeign, m.Look(ctx, "serve", "").Standing)
			err = m.Install(ctx, served(t))
			var foreign *foreignError
			require.ErrorAs(t, err, &foreign)
			require.Contains(t, err.Error(), unit)
			require.NoError(t, m.Remove(ctx, "serve", ""))
			after, err := os.Lstat(unit)
			require.NoError(t, err)
			require.True(t, os.SameFile(before, after) && before.ModTime().Equal(after.ModTime()))
			require.NoDirExists(t, filepath.Join(u.dir, "default.target.wants"))
			require.Empty(t, u.calls)
		})
	}
}

// What a person made of devcert's unit is kept.
func TestSystemdKeepsChanges(t *testing.T) {
	ctx := context.Background()
	u, m := newSystemd(t)
	unit := filepath.Join(u.dir, unitName)
	s := served(t)
	require.NoError(t, m.Install(ctx, s))
	mine := strings.Replace(read(t, unit), "RestartSec=2", "RestartSec=9", 1)
	write(t, unit, mine)
	seen := m.Look(ctx, "serve", "")
	require.Equal(t, devcert.ServiceStarts, seen.Standing)
	require.Equal(t, s.Args, seen.Service.Args)
	require.NoError(t, m.Install(ctx, s))
	require.Equal(t, mine, read(t, unit+".changed-1"))
	require.NotContains(t, read(t, unit), "RestartSec=9")

	write(t, unit, unitMarker+"\nmine")
	require.Contains(t, m.Look(ctx, "serve", "").Broken, "ExecStart=")
	require.NoError(t, m.Remove(ctx, "serve", ""))
	require.NoFileExists(t, unit)
	require.Equal(t, unitMarker+"\nmine", read(t, unit+".changed-2"))
}

func TestSystemdOutOfReach(t *testing.T) {
	ctx := context.Background()
	u, m := newSystemd(t)
	m.reach = func() bool { return false }
	err := m.Install(ctx, served(t))
	var late *devcert.NotStartedError
	require.ErrorAs(t, err, &late)
	require.Contains(t, late.Why, "next login")
	require.Contains(t, late.Remedy(), "loginctl enable-linger anna")
	require.Empty(t, u.calls)
	seen := m.Look(ctx, "serve", "")
	require.Equal(t, devcert.ServiceStarts, seen.Standing)
	require.Equal(t, devcert.RunsUnknown, seen.Running)
	require.NoError(t, m.Remove(ctx, "serve", ""))
	require.NoDirExists(t, u.dir)

	m.booted = func() bool { return false }
	require.ErrorAs(t, m.Install(ctx, served(t)), &late)
	require.Contains(t, late.Why, "does not run this machine")
	m.booted = func() bool { return true }

	// A socket that nobody answers is no instance either.
	m.reach = func() bool { return true }
	m.tool = func(context.Context, ...string) ([]byte, error) { return nil, statusError(1) }
	require.ErrorAs(t, m.Install(ctx, served(t)), &late)
	require.Equal(t, devcert.RunsUnknown, m.Look(ctx, "serve", "").Running)
}

func TestSystemdFaults(t *testing.T) {
	for _, row := range []struct {
		name  string
		wreck func(*userSystemd, *systemd)
		says  string
		wrote bool
	}{
		{"it does not stay up", func(u *userSystemd, _ *systemd) { u.fails = true }, "after exit status 1", true},
		{"it ends at once", func(u *userSystemd, _ *systemd) { u.fails, u.atOnce = true, true }, "after exit status 1", true},
		{"systemd hangs", func(u *userSystemd, _ *systemd) { u.hangs = "restart" }, "deadline exceeded", true},
		{"systemd reads other folders", func(u *userSystemd, _ *systemd) { u.path = "/elsewhere" }, "does not read units from", false},
		{"there is no systemd", func(_ *userSystemd, m *systemd) { m.missing = errors.New("no systemctl") }, "not supported", false},
		{"the home is another's", func(_ *userSystemd, m *systemd) {
			m.refuse = func(string) error { return errors.New("the home of bob") }
		}, "the home of bob", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			u, m := newSystemd(t)
			row.wreck(u, m)
			err := m.Install(ctx, served(t))
			require.ErrorContains(t, err, row.says)
			_, serr := os.Stat(filepath.Join(u.dir, unitName))
			require.Equal(t, row.wrote, serr == nil)
		})
	}
}

func TestSystemdLooks(t *testing.T) {
	for _, row := range []struct {
		name  string
		wreck func(t *testing.T, u *userSystemd, s devcert.Service)
		want  devcert.ServiceState // as far as it is compared
		says  string
	}{
		{"stopped", func(_ *testing.T, u *userSystemd, _ devcert.Service) { delete(u.active, unitName) },
			devcert.ServiceState{Standing: devcert.ServiceStarts, Running: devcert.RunsNot}, "systemd has it as inactive"},
		{"failing", func(_ *testing.T, u *userSystemd, _ devcert.Service) { u.fails = true },
			devcert.ServiceState{Standing: devcert.ServiceStarts, Running: devcert.RunsNot}, "systemd has it as activating, after exit status 1"},
		{"disabled", func(t *testing.T, u *userSystemd, _ devcert.Service) {
			require.NoError(t, os.Remove(filepath.Join(u.dir, "default.target.wants", unitName)))
		}, devcert.ServiceState{Standing: devcert.ServiceDisabled, Running: devcert.Runs}, "systemd has it as active"},
		{"enabled for another target", func(t *testing.T, u *userSystemd, _ devcert.Service) {
			require.NoError(t, os.Rename(filepath.Join(u.dir, "default.target.wants"), filepath.Join(u.dir, "graphical-session.target.wants")))
		}, devcert.ServiceState{Standing: devcert.ServiceStarts, Running: devcert.Runs}, "systemd has it as active"},
		{"program gone", func(t *testing.T, _ *userSystemd, s devcert.Service) { require.NoError(t, os.Remove(s.Program)) },
			devcert.ServiceState{Standing: devcert.ServiceStarts, Running: devcert.Runs, Broken: "PROGRAM is gone"}, "systemd has it as active"},
		{"program no program", func(t *testing.T, _ *userSystemd, s devcert.Service) { require.NoError(t, os.Chmod(s.Program, 0o644)) },
			devcert.ServiceState{Standing: devcert.ServiceStarts, Running: devcert.Runs, Broken: "PROGRAM is not a program"}, "systemd has it as active"},
		{"systemd hangs", func(_ *testing.T, u *userSystemd, _ devcert.Service) { u.hangs = "show" },
			devcert.ServiceState{Standing: devcert.ServiceStarts}, "context deadline exceeded"},
	} {
		t.Run(row.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			u, m := newSystemd(t)
			s := served(t)
			require.NoError(t, m.Install(ctx, s))
			row.wreck(t, u, s)
			seen := m.Look(ctx, "serve", "")
			require.Equal(t, row.want.Standing, seen.Standing)
			require.Equal(t, row.want.Running, seen.Running)
			require.Equal(t, strings.Replace(row.want.Broken, "PROGRAM", s.Program, 1), seen.Broken)
			require.Equal(t, row.says, seen.Evidence)
		})
	}
}

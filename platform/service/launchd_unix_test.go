//go:build unix

package service

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"howett.net/plist"

	"devcert/devcert"
)

// userLaunchd is a launchctl: it takes what macOS' takes in the way that it is
// called here, with the statuses of `launchctl error`, and says what that says.
type userLaunchd struct {
	t        *testing.T
	gone     bool // nobody is logged in on the screen
	old      bool // it answers as macOS 12 did
	disabled map[string]bool
	loaded   map[string]*job
	pid      int
	fails    bool // what is started ends with 1
	lingers  int  // how often one that was booted out is still seen
	calls    []string
}

type job struct {
	args   []string
	pid    int
	ending int // seen so often before it is gone
}

const domain = "gui/501"

func (u *userLaunchd) run(_ context.Context, args ...string) ([]byte, error) {
	if args[0] != "print" && args[0] != "print-disabled" {
		u.calls = append(u.calls, strings.Join(args, " "))
	}
	if u.gone {
		return nil, statusError(112) // could not find the domain
	}
	switch {
	case args[0] == "print-disabled" && len(args) == 2 && args[1] == domain:
		return u.listDisabled(), nil
	case args[0] == "bootstrap" && len(args) == 3 && args[1] == domain:
		return nil, u.bootstrap(args[2])
	}
	label, ok := strings.CutPrefix(args[len(args)-1], domain+"/")
	if len(args) != 2 || !ok {
		u.t.Fatalf("launchctl %q: not how it is called", args)
	}
	j := u.loaded[label]
	switch args[0] {
	case "enable":
		u.disabled[label] = false
		return nil, nil
	case "print":
		if j != nil && j.ending > 0 {
			if j.ending--; j.ending == 0 {
				delete(u.loaded, label)
			}
		}
		return u.print(label, j)
	case "bootout":
		if j == nil {
			return nil, statusError(launchdNoProcess)
		}
		if u.lingers == 0 {
			delete(u.loaded, label)
			return nil, nil
		}
		j.ending = u.lingers
		return nil, statusError(launchdInProgress)
	case "kickstart":
		if j == nil {
			return nil, statusError(launchdNotFound)
		}
		if j.pid == 0 {
			u.start(j)
		}
		return nil, nil
	}
	u.t.Fatalf("launchctl %q: not known", args)
	return nil, nil
}

func (u *userLaunchd) listDisabled() []byte {
	words := map[bool]string{true: "disabled", false: "enabled"}
	if u.old {
		words = map[bool]string{true: "true", false: "false"}
	}
	text := "\n\tdisabled services = {\n\t\t\"com.apple.x\" => " + words[true] + "\n"
	for label, is := range u.disabled {
		text += fmt.Sprintf("\t\t%q => %s\n", label, words[is])
	}
	return []byte(text + "\t}\n")
}

func (u *userLaunchd) bootstrap(path string) error {
	var a agent
	data, err := os.ReadFile(path)
	if err == nil {
		_, err = plist.Unmarshal(data, &a)
	}
	info, serr := os.Stat(path)
	switch {
	case err != nil || serr != nil || info.Mode().Perm()&0o022 != 0 || a.Label == "" || len(a.ProgramArguments) == 0:
		return statusError(5)
	case u.loaded[a.Label] != nil:
		return statusError(5) // also while it is ending
	case u.disabled[a.Label]:
		return statusError(119)
	}
	j := &job{args: a.ProgramArguments}
	if u.loaded[a.Label] = j; a.RunAtLoad {
		u.start(j)
	}
	return nil
}

func (u *userLaunchd) start(j *job) {
	if u.pid++; !u.fails {
		j.pid = u.pid
	}
}

func (u *userLaunchd) print(label string, j *job) ([]byte, error) {
	if j == nil {
		return nil, statusError(launchdNotFound)
	}
	text := domain + "/" + label + " = {\n\tactive count = 1\n\ttype = LaunchAgent\n\n\tdefault environment = {\n\t\tpid = 7\n\t}\n"
	if j.pid != 0 {
		text += fmt.Sprintf("\tstate = running\n\tpid = %d\n\tlast exit code = (never exited)\n", j.pid)
	} else {
		text += "\tstate = spawn scheduled\n\tlast exit code = 1\n"
	}
	return []byte(text + "}\n"), nil
}

// newLaunchd is a user's launchd, and what keeps services with it.
func newLaunchd(t *testing.T) (*userLaunchd, *launchd) {
	library := filepath.Join(t.TempDir(), "Library")
	require.NoError(t, os.MkdirAll(filepath.Join(library, "Logs"), 0o700))
	u := &userLaunchd{t: t, disabled: map[string]bool{}, loaded: map[string]*job{}}
	return u, &launchd{
		dir: filepath.Join(library, "LaunchAgents"), logs: filepath.Join(library, "Logs"), files: files, tool: u.run,
		refuse: func(string) error { return nil }, domain: domain, settle: 5 * time.Millisecond,
	}
}

const label = "devcert-serve"

func TestLaunchd(t *testing.T) {
	for _, row := range []struct {
		name string
		make func(*userLaunchd)
	}{
		{"at once", func(*userLaunchd) {}},
		{"slowly", func(u *userLaunchd) { u.lingers = 3 }},
		{"as before macOS 13", func(u *userLaunchd) { u.old = true }},
	} {
		t.Run(row.name, func(t *testing.T) {
			ctx := context.Background()
			u, m := newLaunchd(t)
			row.make(u)
			file := filepath.Join(m.dir, label+".plist")
			require.Equal(t, devcert.ServiceAbsent, m.Look(ctx, "serve", "").Standing)
			s := served(t, hard...)
			require.NoError(t, m.Install(ctx, s))
			require.Equal(t, []string{"bootstrap gui/501 " + file}, u.calls)
			require.Equal(t, append([]string{s.Program}, s.Args...), u.loaded[label].args)
			seen := m.Look(ctx, "serve", "")
			require.Equal(t, devcert.ServiceStarts, seen.Standing)
			require.Equal(t, devcert.Runs, seen.Running)
			require.Equal(t, s.Args, seen.Service.Args)
			require.Empty(t, seen.Broken)

			u.calls = nil
			require.NoError(t, m.Install(ctx, s))
			require.Empty(t, u.calls, "what is served goes on")
			s.Args = []string{"serve", "--log", "off"}
			require.NoError(t, m.Install(ctx, s))
			require.Equal(t, []string{"bootout gui/501/" + label, "bootstrap gui/501 " + file}, u.calls)
			require.Equal(t, append([]string{s.Program}, s.Args...), u.loaded[label].args)

			u.loaded[label].pid = 0
			require.Equal(t, devcert.RunsNot, m.Look(ctx, "serve", "").Running)
			require.NoError(t, m.Install(ctx, s))
			require.Equal(t, "kickstart gui/501/"+label, u.calls[2])

			delete(u.loaded, label)
			u.disabled[label] = true
			seen = m.Look(ctx, "serve", "")
			require.Equal(t, devcert.ServiceDisabled, seen.Standing)
			require.Equal(t, "launchd has not loaded it", seen.Evidence)
			require.NoError(t, m.Install(ctx, s))
			require.Equal(t, "enable gui/501/"+label, u.calls[3])

			write(t, filepath.Join(m.logs, label+".log"), "said")
			require.NoError(t, m.Remove(ctx, "serve", ""))
			require.Empty(t, u.loaded)
			require.NoFileExists(t, file)
			require.NoFileExists(t, filepath.Join(m.logs, label+".log"))
			require.NoError(t, m.Remove(ctx, "serve", ""))
		})
	}
}

func TestLaunchdLeavesOthers(t *testing.T) {
	ctx := context.Background()
	u, m := newLaunchd(t)
	file := filepath.Join(m.dir, label+".plist")
	write(t, file, "<plist/>")
	require.Equal(t, devcert.ServiceForeign, m.Look(ctx, "serve", "").Standing)
	var foreign *foreignError
	require.ErrorAs(t, m.Install(ctx, served(t)), &foreign)
	require.NoError(t, m.Remove(ctx, "serve", ""))
	require.Equal(t, "<plist/>", read(t, file))
	require.Empty(t, u.calls)
}

func TestLaunchdWithoutAScreen(t *testing.T) {
	ctx := context.Background()
	u, m := newLaunchd(t)
	u.gone = true
	var late *devcert.NotStartedError
	require.ErrorAs(t, m.Install(ctx, served(t)), &late)
	require.Contains(t, late.Remedy(), "launchctl bootstrap gui/501 ")
	require.Empty(t, u.calls)
	seen := m.Look(ctx, "serve", "")
	require.Equal(t, devcert.ServiceStarts, seen.Standing)
	require.Equal(t, devcert.RunsUnknown, seen.Running)
	require.NoError(t, m.Remove(ctx, "serve", ""))
	require.Equal(t, devcert.ServiceAbsent, m.Look(ctx, "serve", "").Standing)
}

func TestLaunchdFaults(t *testing.T) {
	for _, row := range []struct {
		name  string
		wreck func(*userLaunchd, *launchd)
		says  string
	}{
		{"it does not stay up", func(u *userLaunchd, _ *launchd) { u.fails = true }, "last exit code = 1"},
		{"there is no launchctl", func(_ *userLaunchd, m *launchd) { m.missing = errors.New("no launchctl") }, "not supported"},
		{"the home is another's", func(_ *userLaunchd, m *launchd) { m.refuse = func(string) error { return errors.New("of bob") } }, "of bob"},
		{"another loaded it", func(u *userLaunchd, _ *launchd) {
			u.loaded[label], u.lingers = &job{args: []string{"/bin/x"}, pid: 3}, 1<<30
		}, "still has devcert-serve"},
	} {
		t.Run(row.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
			defer cancel()
			u, m := newLaunchd(t)
			row.wreck(u, m)
			require.ErrorContains(t, m.Install(ctx, served(t)), row.says)
		})
	}
}

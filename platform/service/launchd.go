//go:build unix

package service

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"devcert/devcert"
	"devcert/devcert/disk"
)

// What launchctl ends with, which are errors of launchd's own (`launchctl error`).
const (
	launchdNoProcess  = 3   // bootout of what is not loaded
	launchdInProgress = 36  // bootout that goes on after it has returned
	launchdNotFound   = 113 // print of what is not loaded
)

// launchd keeps services as agents of the user's.
type launchd struct {
	dir   string // Library/LaunchAgents of the user
	logs  string // Library/Logs
	files disk.Files
	// tool runs launchctl.
	tool    tool
	missing error // why there is no tool
	refuse  func(dir string) error
	domain  string // of the user's login on the screen: gui/501
	settle  time.Duration
}

func (m *launchd) agent(name, home string) (label string, f file, log string) {
	label = nameOf(name, home)
	log = m.log(label)
	return label, file{path: filepath.Join(m.dir, label+".plist"), form: agentForm(label, log), files: m.files}, log
}

func (m *launchd) log(label string) string { return filepath.Join(m.logs, label+".log") }

// Look reads the file, and asks launchd only where there is one.
func (m *launchd) Look(ctx context.Context, name, home string) devcert.ServiceState {
	label, f, log := m.agent(name, home)
	state := devcert.ServiceState{Standing: devcert.ServiceAbsent, Where: f.path, Log: "tail " + log}
	s, _, w, err := f.look()
	switch w {
	case nobodys:
		return state
	case foreign:
		state.Standing = devcert.ServiceForeign
		return state
	case unread:
		state.Standing, state.Evidence = devcert.ServiceUnknown, err.Error()
		return state
	}
	state.Service, state.Standing = s, devcert.ServiceStarts
	if state.Broken = broken(s.Program); s.Program == "" {
		state.Broken = "ProgramArguments in " + f.path + " is not as devcert wrote it"
	}
	disabled, reached := m.disabled(ctx, label)
	if disabled {
		state.Standing = devcert.ServiceDisabled
	}
	if reached {
		job, err := m.job(ctx, label)
		if state.Running, state.Evidence = job.running(), job.evidence(); err != nil {
			state.Running, state.Evidence = devcert.RunsUnknown, err.Error()
		}
	}
	return state
}

// disabled says whether a person has disabled the agent, which launchd remembers
// apart from the file; reached is false where the user is not logged in on the
// screen. Until macOS 12 the answer was true or false.
func (m *launchd) disabled(ctx context.Context, label string) (disabled, reached bool) {
	if m.missing != nil {
		return false, false
	}
	out, err := m.tool.ask(ctx, "print-disabled", m.domain)
	for line := range bytes.Lines(out) {
		what, is, _ := strings.Cut(strings.TrimSpace(string(line)), " => ")
		if what == `"`+label+`"` && (is == "disabled" || is == "true") {
			disabled = true
		}
	}
	return disabled, err == nil
}

// launchdJob is what launchd says of an agent.
type launchdJob struct {
	loaded    bool
	pid, code string
}

// job asks launchd. Its answer is for people, but in one language; the lines that
// matter are those of the agent itself, one level deep.
func (m *launchd) job(ctx context.Context, label string) (launchdJob, error) {
	out, err := m.tool.ask(ctx, "print", m.domain+"/"+label)
	if status(err) == launchdNotFound {
		return launchdJob{}, nil
	}
	job := launchdJob{loaded: true}
	for line := range bytes.Lines(out) {
		text, one := strings.CutPrefix(strings.TrimSuffix(string(line), "\n"), "\t")
		name, value, _ := strings.Cut(text, " = ")
		switch {
		case !one:
		case name == "pid":
			job.pid = value
		case name == "last exit code":
			job.code = value
		}
	}
	return job, err
}

func (j launchdJob) running() devcert.Running {
	if j.pid != "" {
		return devcert.Runs
	}
	return devcert.RunsNot
}

func (j launchdJob) evidence() string {
	switch {
	case !j.loaded:
		return "launchd has not loaded it"
	case j.pid != "":
		return "launchd has it as process " + j.pid
	}
	return "launchd has no process of it, last exit code = " + j.code
}

// Install writes the agent, which launchd finds at the next login by itself; in a
// login on the screen it is loaded now.
func (m *launchd) Install(ctx context.Context, s devcert.Service) error {
	label, f, _ := m.agent(s.Name, s.Home)
	if m.missing != nil {
		return fmt.Errorf("install %s: %w: %w", label, devcert.ErrUnsupported, m.missing)
	}
	if err := m.refuse(m.dir); err != nil {
		return err
	}
	anew, err := f.put(s)
	if err != nil {
		return fmt.Errorf("install %s: %w", label, err)
	}
	disabled, reached := m.disabled(ctx, label)
	if !reached {
		return &devcert.NotStartedError{
			Why:  "nobody is logged in on the screen as its user; it starts at the next login",
			Hint: "to start it now, in that login:  launchctl bootstrap " + m.domain + " '" + f.path + "'",
		}
	}
	if disabled {
		if err := m.tool.change(ctx, "enable", m.domain+"/"+label); err != nil {
			return err
		}
	}
	if err := m.load(ctx, label, f.path, anew); err != nil {
		return err
	}
	return m.watch(ctx, label)
}

// load has launchd load the file, and start what it loaded before.
func (m *launchd) load(ctx context.Context, label, path string, anew bool) error {
	job, err := m.job(ctx, label)
	if err == nil && job.loaded && anew {
		job, err = launchdJob{}, m.unload(ctx, label)
	}
	switch {
	case err != nil:
		return err
	case !job.loaded:
		return m.tool.change(ctx, "bootstrap", m.domain, path)
	case job.pid == "":
		return m.tool.change(ctx, "kickstart", m.domain+"/"+label)
	}
	return nil
}

// unload ends the agent and waits until launchd has forgotten it: to load one that
// is about to go is an error (5, input/output).
func (m *launchd) unload(ctx context.Context, label string) error {
	err := m.tool.change(ctx, "bootout", m.domain+"/"+label)
	if s := status(err); err != nil && s != launchdNoProcess && s != launchdInProgress {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, changing)
	defer cancel()
	for {
		job, err := m.job(ctx, label)
		if err != nil || !job.loaded {
			return err
		}
		if err := pause(ctx, m.settle/10); err != nil {
			return fmt.Errorf("launchd still has %s: %w", label, err)
		}
	}
}

// watch waits until the agent runs, and sees whether it stays up.
func (m *launchd) watch(ctx context.Context, label string) error {
	for end := time.Now().Add(m.settle); ; {
		left := time.Until(end)
		job, err := m.job(ctx, label)
		switch {
		case err != nil:
			return err
		case left <= 0 && job.pid == "":
			return &failedError{job.evidence(), "tail " + m.log(label), nil}
		case left <= 0:
			return nil
		}
		if err := pause(ctx, min(left, m.settle/5)); err != nil {
			return err
		}
	}
}

// Remove ends the agent, and removes it and its log.
func (m *launchd) Remove(ctx context.Context, name, home string) error {
	label, f, log := m.agent(name, home)
	_, _, w, err := f.look()
	switch w {
	case unread:
		return fmt.Errorf("remove %s: %w", label, err)
	case foreign:
		return nil
	}
	if err := m.refuse(m.dir); err != nil {
		return err
	}
	if _, reached := m.disabled(ctx, label); reached {
		if err := m.unload(ctx, label); err != nil {
			return err
		}
	}
	if err := f.remove(); err != nil {
		return fmt.Errorf("remove %s: %w", label, err)
	}
	if w != nobodys {
		removeEmpty(m.dir, 1)
	}
	if info, err := os.Lstat(log); err == nil && info.Mode()&fs.ModeType == 0 {
		if err := os.Remove(log); err != nil {
			return fmt.Errorf("remove %s: %w", label, err)
		}
	}
	return nil
}

// status is what a tool ended with by itself; -1 when it did not.
func status(err error) int {
	var ended interface{ ExitCode() int }
	if errors.As(err, &ended) {
		return ended.ExitCode()
	}
	return -1
}

//go:build unix

package service

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"devcert/devcert"
	"devcert/devcert/disk"
)

// systemd keeps services as units of the user's instance.
type systemd struct {
	dirs  []string // of the user's units; the first is written to where systemd reads it
	files disk.Files
	// tool runs systemctl --user; an error where there is none.
	tool tool
	// missing says why there is no tool; nil when there is.
	missing error
	// reach says whether an instance of the user's runs, and can be talked to.
	reach func() bool
	// booted says whether systemd runs the machine, and so any user's instance.
	booted func() bool
	// refuse says why nothing may be written into a folder.
	refuse func(dir string) error
	user   string
	settle time.Duration
}

// unit is a service's file and what systemctl calls it.
func (m *systemd) unit(dir, name, home string) (string, file) {
	unit := nameOf(name, home) + ".service"
	return unit, file{path: filepath.Join(dir, unit), form: unitForm, files: m.files}
}

// find is unit in the folder that has it, else in the first.
func (m *systemd) find(name, home string) (string, file) {
	for _, dir := range m.dirs {
		unit, f := m.unit(dir, name, home)
		if _, err := os.Lstat(f.path); err == nil {
			return unit, f
		}
	}
	return m.unit(m.dirs[0], name, home)
}

// Look reads the file, and asks systemd only where there is one.
func (m *systemd) Look(ctx context.Context, name, home string) devcert.ServiceState {
	unit, f := m.find(name, home)
	state := devcert.ServiceState{Standing: devcert.ServiceAbsent, Where: f.path, Log: logOf(unit)}
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
	state.Service, state.Standing = s, devcert.ServiceDisabled
	if len(m.links(unit)) > 0 {
		state.Standing = devcert.ServiceStarts
	}
	if state.Broken = broken(s.Program); s.Program == "" {
		state.Broken = "its ExecStart= in " + f.path + " is not as devcert wrote it"
	}
	if m.missing == nil && m.reach() {
		is, err := m.show(ctx, unit)
		if state.Running, state.Evidence = is.running(), is.evidence(); err != nil {
			state.Running, state.Evidence = devcert.RunsUnknown, err.Error()
		}
	}
	return state
}

func logOf(unit string) string { return "journalctl --user -u " + strings.TrimSuffix(unit, ".service") }

// links are what makes a target pull the unit in: links with its name in the folders
// NAME.wants, wherever they lead (systemd.unit(5)).
func (m *systemd) links(unit string) (links []string) {
	for _, dir := range m.dirs {
		folders, _ := os.ReadDir(dir)
		for _, folder := range folders {
			link := filepath.Join(dir, folder.Name(), unit)
			if info, err := os.Lstat(link); strings.HasSuffix(folder.Name(), ".wants") && err == nil && info.Mode()&os.ModeSymlink != 0 {
				links = append(links, link)
			}
		}
	}
	return links
}

// Install writes the unit and has it started at the login, as `systemctl enable`
// does; where the user's instance runs, it is started now.
func (m *systemd) Install(ctx context.Context, s devcert.Service) error {
	if m.missing != nil {
		return fmt.Errorf("install %s: %w: %w", nameOf(s.Name, s.Home), devcert.ErrUnsupported, m.missing)
	}
	unit, f := m.find(s.Name, s.Home)
	reached := m.reach()
	if reached {
		read, err := m.tool.ask(ctx, "show", "--property=UnitPath")
		if reached = err == nil; reached {
			if unit, f, err = m.readFrom(string(read), s); err != nil {
				return err
			}
		}
	}
	if err := m.refuse(filepath.Dir(f.path)); err != nil {
		return err
	}
	anew, err := f.put(s)
	if err == nil {
		err = m.link(unit, f)
	}
	if err != nil {
		return fmt.Errorf("install %s: %w", unit, err)
	}
	if !reached {
		return m.notReached(unit)
	}
	return m.start(ctx, unit, anew)
}

// readFrom is the file for a service in a folder that the user's systemd reads.
func (m *systemd) readFrom(path string, s devcert.Service) (string, file, error) {
	for _, dir := range m.dirs {
		if strings.Contains(path, dir) {
			unit, f := m.unit(dir, s.Name, s.Home)
			return unit, f, nil
		}
	}
	return "", file{}, &wordError{
		"this user's systemd does not read units from " + strings.Join(m.dirs, " or "),
		"its XDG_CONFIG_HOME is another: systemctl --user show-environment",
	}
}

// link makes the default target pull the unit in.
func (m *systemd) link(unit string, f file) error {
	if len(m.links(unit)) > 0 {
		return nil
	}
	wants := filepath.Join(filepath.Dir(f.path), "default.target.wants")
	if err := os.MkdirAll(wants, 0o700); err != nil {
		return err
	}
	link := filepath.Join(wants, unit)
	if err := os.Symlink(f.path, link); err != nil {
		if _, lerr := os.Lstat(link); lerr == nil {
			return &foreignError{link}
		}
		return err
	}
	return m.files.SyncDir(wants)
}

func (m *systemd) notReached(unit string) error {
	if !m.booted() {
		return &devcert.NotStartedError{
			Why:  "systemd does not run this machine, as in most containers; it starts at a login where systemd does",
			Hint: "until then, run the same command without --install-service",
		}
	}
	return &devcert.NotStartedError{
		Why: "no systemd of " + m.user + "'s can be reached; it starts at the next login",
		Hint: "to start it now, in a login of " + m.user + "'s:  systemctl --user daemon-reload; systemctl --user start " + unit + "\n" +
			"to have it run without a login:  loginctl enable-linger " + m.user,
	}
}

// start starts the unit, anew where it was written anew, and watches whether it
// stays up.
func (m *systemd) start(ctx context.Context, unit string, anew bool) error {
	if err := m.tool.change(ctx, "daemon-reload"); err != nil {
		return err
	}
	// One that failed too often is not started until that is forgotten; of one that
	// never did there is nothing to forget, which is an error.
	_ = m.tool.change(ctx, "reset-failed", "--", unit)
	verb := "start"
	if anew {
		verb = "restart"
	}
	if err := m.tool.change(ctx, verb, "--", unit); err != nil {
		// One that ends at once fails its start, sometimes.
		if is, serr := m.show(ctx, unit); serr == nil && status(err) > 0 && is["LoadState"] == "loaded" && is.running() != devcert.Runs {
			return &failedError{is.evidence(), logOf(unit), err}
		}
		return err
	}
	for end := time.Now().Add(m.settle); ; {
		is, err := m.show(ctx, unit)
		if err != nil {
			return err
		}
		if is.running() != devcert.Runs {
			return &failedError{is.evidence(), logOf(unit), nil}
		}
		left := time.Until(end)
		if left <= 0 {
			return nil
		}
		if err := pause(ctx, min(left, m.settle/5)); err != nil {
			return err
		}
	}
}

// Remove stops the unit, and removes it and what made it start. Folders that are
// empty then go too, as `systemctl disable` has it.
func (m *systemd) Remove(ctx context.Context, name, home string) error {
	unit, f := m.find(name, home)
	_, _, w, err := f.look()
	switch w {
	case unread:
		return fmt.Errorf("remove %s: %w", unit, err)
	case foreign:
		return nil
	}
	if err := m.refuse(filepath.Dir(f.path)); err != nil {
		return err
	}
	reached := m.missing == nil && m.reach()
	if reached {
		if err := m.stop(ctx, unit); err != nil {
			return err
		}
	}
	for _, link := range m.links(unit) {
		if err := os.Remove(link); err != nil {
			return fmt.Errorf("remove %s: %w", unit, err)
		}
		_ = os.Remove(filepath.Dir(link)) // others' links keep it
	}
	if err := f.remove(); err != nil {
		return fmt.Errorf("remove %s: %w", unit, err)
	}
	if w != nobodys {
		removeEmpty(filepath.Dir(f.path), 3) // .config, systemd, user
	}
	if !reached {
		return nil
	}
	_ = m.tool.change(ctx, "reset-failed", "--", unit)
	return m.tool.change(ctx, "daemon-reload")
}

func (m *systemd) stop(ctx context.Context, unit string) error {
	is, err := m.show(ctx, unit)
	if err != nil || is["LoadState"] == "not-found" && is["ActiveState"] == "inactive" {
		return err
	}
	return m.tool.change(ctx, "stop", "--", unit)
}

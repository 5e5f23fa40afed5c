//go:build unix

package run

import (
	"os/exec"
	"strings"
	"syscall"
)

// Environment is what a system tool gets to see: where system tools are and
// that nothing is translated. DPKG_*, TMPDIR, LD_* and the rest stay behind.
func Environment() []string {
	return []string{"PATH=" + strings.Join(Folders, ":"), "LANG=C.UTF-8", "LC_ALL=C"}
}

func systemFolder() string { return "/" }

// startable has nothing to refuse: the kernel starts what a file says it is.
func startable(string) error { return nil }

// credential is who a process is.
type credential = syscall.Credential

func attributes(as *credential) *syscall.SysProcAttr {
	if as == nil {
		return nil
	}
	return &syscall.SysProcAttr{Credential: as}
}

// runGroup runs cmd in a process group of its own, which dies with its context,
// and reads what it writes. It is waited for last: until then its number, which
// is the group's, is nobody else's.
func runGroup(cmd *exec.Cmd, read func()) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return killGroup(cmd) }
	if err := cmd.Start(); err != nil {
		return err
	}
	read()
	return cmd.Wait()
}

// killGroup also reaches what a command left behind: its number is given to
// nobody else while its group has members.
func killGroup(cmd *exec.Cmd) error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }

// runAlone is runGroup for a command that may leave nothing running, and whose
// output cmd reads by itself.
func runAlone(cmd *exec.Cmd) error {
	err := runGroup(cmd, func() {})
	if cmd.Process != nil {
		_ = killGroup(cmd) // mostly there is nobody left
	}
	return err
}

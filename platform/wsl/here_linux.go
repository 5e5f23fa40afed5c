package wsl

import (
	"os"
	"path/filepath"
	"strings"
)

// Here says whether this Linux runs under Windows. Where it does not, that costs
// one small file and two looks for files that are not there.
func Here(env []string) bool { return lookAround("", env).wsl() }

// signs are what tells a Linux under Windows from others.
type signs struct {
	kernel       bool // its release names Microsoft: true in containers too
	handler      bool // the kernel gives Windows' programs to WSL
	variable     bool // WSL_INTEROP is set
	socket       bool // and names something that is there
	distribution bool // it was started by WSL, whatever the kernel is
	container    bool
}

// wsl judges. The kernel is one for all that run on WSL 2, Docker's containers
// too, which have neither Windows' drives nor a way to its programs. A kernel of
// one's own need not name Microsoft; and a variable alone can have come by ssh.
func (s signs) wsl() bool {
	if s.container && !s.variable {
		return false
	}
	return s.handler || s.variable && (s.kernel || s.socket) || s.kernel && s.distribution
}

// handlers are what WSL calls its entry in the kernel's table of interpreters;
// the second one is made again after systemd has cleared the table.
var handlers = []string{"WSLInterop", "WSLInterop-late"}

func lookAround(root string, env []string) signs {
	var s signs
	release, _ := os.ReadFile(filepath.Join(root, "/proc/sys/kernel/osrelease"))
	s.kernel = strings.Contains(strings.ToLower(string(release)), "microsoft")
	for _, name := range handlers {
		s.handler = s.handler || exists(filepath.Join(root, "/proc/sys/fs/binfmt_misc", name))
	}
	socket := lookup(env, interopVariable)
	s.variable = filepath.IsAbs(socket)
	if !s.kernel && !s.handler && !s.variable {
		return s
	}
	s.socket = s.variable && exists(filepath.Join(root, socket))
	s.distribution = lookup(env, nameVariable) != "" ||
		exists(filepath.Join(root, "/run/WSL")) || exists(filepath.Join(root, confFile))
	s.container = exists(filepath.Join(root, "/.dockerenv")) || exists(filepath.Join(root, "/run/.containerenv"))
	return s
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// lookup returns the value of name in env; "" when there is none.
func lookup(env []string, name string) string {
	for _, pair := range env {
		if have, value, _ := strings.Cut(pair, "="); have == name {
			return value
		}
	}
	return ""
}

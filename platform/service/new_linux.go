package service

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"devcert/devcert"
	"devcert/platform/elevate"
	"devcert/platform/run"
)

// New gives the services of the user that this process runs as; nil where nothing
// says where their home is.
func New(o Options) devcert.Services {
	home := lookup(o.Env, "HOME")
	if !filepath.IsAbs(home) {
		return nil
	}
	m := &systemd{
		dirs:  []string{filepath.Join(home, ".config", "systemd", "user")},
		files: o.Files, user: o.User, settle: settling, refuse: elevate.RefuseOthersHome,
	}
	// A shell's own XDG_CONFIG_HOME is mostly unknown to systemd, which began before
	// the shell: the usual folder comes first.
	if dir := lookup(o.Env, "XDG_CONFIG_HOME"); filepath.IsAbs(dir) && filepath.Join(dir, "systemd", "user") != m.dirs[0] {
		m.dirs = append(m.dirs, filepath.Join(dir, "systemd", "user"))
	}
	path, err := run.Finder{}.Find("systemctl")
	m.missing = err
	runtime := runtimeDir(lookup(o.Env, "XDG_RUNTIME_DIR"))
	m.reach = func() bool {
		_, err := os.Stat(filepath.Join(runtime, "systemd", "private"))
		return runtime != "" && err == nil
	}
	m.booted = func() bool { // sd_booted(3)
		info, err := os.Lstat("/run/systemd/system")
		return err == nil && info.IsDir()
	}
	m.tool = func(ctx context.Context, args ...string) ([]byte, error) {
		return run.Command{
			Path: path, Args: append([]string{"--user", "--no-pager", "--no-ask-password"}, args...),
			Env: append(run.Environment(), "XDG_RUNTIME_DIR="+runtime),
		}.Run(ctx)
	}
	return m
}

// runtimeDir is where the user's systemd listens: what the environment says, which
// su and sudo leave behind or out, else where logind makes it. "" when it is not
// this user's own.
func runtimeDir(named string) string {
	for _, dir := range []string{named, "/run/user/" + strconv.Itoa(os.Geteuid())} {
		info, err := os.Stat(dir)
		if !filepath.IsAbs(dir) || err != nil || !info.IsDir() {
			continue
		}
		if stat, ok := info.Sys().(*syscall.Stat_t); ok && int(stat.Uid) == os.Geteuid() && info.Mode().Perm()&0o022 == 0 {
			return dir
		}
	}
	return ""
}

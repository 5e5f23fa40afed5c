//go:build linux || darwin

package elevate

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"devcert/platform/run"
)

// Split runs the command as the user who called sudo, with a privileged child
// at its side, and returns its exit code. done is false when there is nothing
// to split: we are not root, or nobody called sudo. This process itself then
// touches no file: it wires the two together and waits.
func Split(args, env []string) (code int, done bool) {
	if os.Geteuid() != 0 {
		Guard(env)
		return 0, false
	}
	who, err := invoker(env, system())
	if err == nil && who == nil {
		return 0, false
	}
	if err == nil {
		code, err = split(args, env, who)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "devcert:", err)
		return 1, true
	}
	return code, true
}

func split(args, env []string, who *account) (int, error) {
	self, err := image()
	if err != nil {
		return 0, err
	}
	p, err := newPipes()
	if err != nil {
		return 0, err
	}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)

	helper, err := run.Command{Path: self, Args: []string{verb}}.Start(run.Wiring{
		Name: args[0], Stdin: p.requestsOut, Stdout: p.responsesIn, Stderr: os.Stderr,
	})
	p.requestsOut.Close()
	p.responsesIn.Close()
	if err != nil {
		return 0, fmt.Errorf("start the privileged child: %w", err)
	}
	command, err := startAs(who, self, args, env, p)
	p.requestsIn.Close()
	p.responsesOut.Close()
	if err != nil {
		_, _ = helper.Wait() // its pipe is closed: it ends
		return 0, err
	}
	go forward(signals, command)
	code, _ := command.Wait() // it has said itself what went wrong
	ended := make(chan struct{})
	go func() {
		_, _ = helper.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(closing): // the command has not waited for it either, and said so
	}
	return code, nil
}

// startAs starts the command as who. The working folder stays where it was if
// that user may be there, and is their home otherwise.
func startAs(who *account, self string, args, env []string, p pipes) (*run.Process, error) {
	cmd := run.Command{Path: self, Args: args[1:], Env: environment(env, who)}
	wiring := run.Wiring{
		Name: args[0], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Extra: []*os.File{p.responsesOut, p.requestsIn}, As: &who.credential,
	}
	if here, err := os.Getwd(); err == nil {
		cmd.Dir = here
		process, err := cmd.Start(wiring)
		if !errors.Is(err, os.ErrPermission) {
			return process, err
		}
	}
	cmd.Dir = who.home
	process, err := cmd.Start(wiring)
	if err != nil {
		return nil, fmt.Errorf("act as %s, who called sudo, in %s: %w", who.name, who.home, err)
	}
	return process, nil
}

// forward passes on what was sent to us alone. Ctrl-C and Ctrl-\ reach every
// process of the terminal by themselves: passing them on would double them.
func forward(signals <-chan os.Signal, command *run.Process) {
	for s := range signals {
		if s == syscall.SIGTERM || s == syscall.SIGHUP {
			_ = command.Signal(s)
		}
	}
}

// kept are the variables of sudo's environment that the user's command sees:
// about the terminal, the language, and where clients take their roots from.
// Whatever they say is obeyed with that user's rights only.
var kept = map[string]bool{
	"TERM": true, "COLORTERM": true, "COLUMNS": true, "LANG": true, "LANGUAGE": true, "TZ": true,
	"NO_COLOR": true, "CI": true, "PATH": true, "DEVCERT_HOME": true, "DEVCERT_PASSWORD": true,
	"SSL_CERT_FILE": true, "SSL_CERT_DIR": true, "CURL_CA_BUNDLE": true,
	"GIT_SSL_CAINFO": true, "REQUESTS_CA_BUNDLE": true, "JAVA_HOME": true,
	"WSL_INTEROP": true, "WSL_DISTRO_NAME": true,
}

// environment makes the user's environment: theirs from the account database,
// and little of what sudo left. XDG_DATA_HOME counts only where it is the user's
// own folder: sudo can have kept, or set, one that is root's.
func environment(env []string, who *account) []string {
	made := []string{
		"HOME=" + who.home, "USER=" + who.name, "LOGNAME=" + who.name,
		channelVariable + "=" + channelValue,
	}
	for _, pair := range env {
		name, value, _ := strings.Cut(pair, "=")
		switch {
		case kept[name], strings.HasPrefix(name, "LC_"):
		case name == "XDG_DATA_HOME" && filepath.IsAbs(value) && owns(who, value):
		default:
			continue
		}
		made = append(made, pair)
	}
	return made
}

func owns(who *account, path string) bool {
	var stat syscall.Stat_t
	return syscall.Stat(path, &stat) == nil && stat.Uid == who.credential.Uid
}

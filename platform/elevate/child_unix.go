//go:build linux || darwin

package elevate

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"devcert/platform/run"
)

// verb is the hidden command of the privileged child.
const verb = "privileged"

// IsChild says whether args, with the program's name first, start the
// privileged child: exactly the one word and nothing after it.
func IsChild(args []string) bool {
	return len(args) == 2 && args[1] == verb
}

// Child is the privileged child: it answers the requests on standard input and
// returns the exit code. Anybody may start it; who is not root already gets
// nothing from it, and root gets nothing that root has not.
func Child(handlers Handlers) int {
	if err := child(handlers); err != nil {
		fmt.Fprintln(os.Stderr, "devcert:", err)
		return 1
	}
	return 0
}

func child(handlers Handlers) error {
	if os.Geteuid() != 0 {
		return errors.New("the privileged child was not started as root")
	}
	if err := forgetCaller(); err != nil {
		return err
	}
	return serve(context.Background(), os.Stdin, os.Stdout, handlers)
}

// forgetCaller drops what was inherited from whoever called: environment, umask,
// working folder. Ctrl-C reaches every process of the terminal, and timeout(1)
// signals a whole group; the store must not be left half changed, so that is
// ignored here and, by inheritance, in the tools. The command itself sees it and
// closes the pipe, which ends us when a change that was begun is done.
func forgetCaller() error {
	signal.Ignore(syscall.SIGINT, syscall.SIGQUIT, syscall.SIGHUP, syscall.SIGTERM)
	os.Clearenv()
	for _, pair := range run.Environment() {
		name, value, _ := strings.Cut(pair, "=")
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	syscall.Umask(0o022)
	return os.Chdir("/")
}

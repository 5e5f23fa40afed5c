// Launch runs a program of Windows and writes down how it ended. Wine's own exit
// status does not say that on a busy machine: its server kills what has ended and
// is not gone half a second later, and then the status is that of the kill.
//
//	launch REPORT PROGRAM [ARGUMENT…]
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: launch REPORT PROGRAM [ARGUMENT…]")
		os.Exit(2)
	}
	if err := os.WriteFile(os.Args[1], []byte(launch(os.Args[2], os.Args[3:])), 0o600); err != nil {
		fmt.Fprintln(os.Stderr, "launch:", err)
	}
}

// launch returns the exit code, or why there is none. It has no pipe of its own
// that somebody could hold open: the program writes where this one would.
func launch(program string, args []string) string {
	cmd := exec.Command(program, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		return err.Error()
	}
	return fmt.Sprint(cmd.ProcessState.ExitCode())
}

// Stopwatch runs a program and appends to a file how many microseconds went by from
// before there was a process for it until it had ended, as decimal digits on a line:
//
//	stopwatch FILE PROGRAM [ARGUMENT…]
//
// A shell would measure itself too: it doubles all its memory before it starts a
// program, which takes as long as a small program does. PROGRAM is a path. It has the
// streams and the environment of stopwatch, whose exit code is the program's; 126 where
// it was ended by a signal, and 2 where nothing was run or noted.
package main

import (
	"fmt"
	"os"
	"time"
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: stopwatch FILE PROGRAM [ARGUMENT…]")
		os.Exit(2)
	}
	code, took, err := run(os.Args[2:])
	if err == nil {
		err = note(os.Args[1], took)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "stopwatch:", err)
		os.Exit(2)
	}
	os.Exit(code)
}

func run(line []string) (code int, took time.Duration, err error) {
	_, _ = os.FindProcess(os.Getpid()) // package os looks now what the kernel can do, not below
	start := time.Now()
	process, err := os.StartProcess(line[0], line, &os.ProcAttr{Files: []*os.File{os.Stdin, os.Stdout, os.Stderr}})
	if err != nil {
		return 0, 0, err
	}
	state, err := process.Wait()
	if err != nil {
		return 0, 0, err
	}
	took = time.Since(start)
	if code = state.ExitCode(); code < 0 {
		code = 126
	}
	return code, took, nil
}

func note(path string, took time.Duration) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	if _, err = fmt.Fprintln(f, took.Microseconds()); err != nil {
		return err
	}
	return f.Close()
}

// Clock is devcert at a time that a test chooses: the environment variable
// DEVCERT_TEST_NOW (RFC 3339) says it. No variable moves the clock of the
// program that is shipped, which is why this is another program.
package main

import (
	"fmt"
	"os"
	"time"

	"devcert/devcert/cli"
	"devcert/platform"
)

func main() {
	if code, done := platform.Start(os.Args); done {
		os.Exit(code)
	}
	now, err := time.Parse(time.RFC3339, os.Getenv("DEVCERT_TEST_NOW"))
	if err != nil {
		fmt.Fprintln(os.Stderr, "DEVCERT_TEST_NOW:", err)
		os.Exit(1)
	}
	streams := cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, ANSI: true}
	os.Exit(cli.MainAt(os.Args, streams, os.Environ(), platform.NewHost, func() time.Time { return now }))
}

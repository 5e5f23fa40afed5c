// Devcert makes https://localhost trusted on a developer's machine, and can
// tell by looking whether it still is.
package main

import (
	"os"

	"devcert/devcert/cli"
	"devcert/platform"
)

func main() {
	if code, done := platform.Start(os.Args); done {
		os.Exit(code)
	}
	streams := cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}
	os.Exit(cli.Main(os.Args, streams, os.Environ(), platform.NewHost))
}

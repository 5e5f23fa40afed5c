// Devcert makes https://localhost trusted on a developer's machine, and can
// tell by looking whether it still is.
package main

import (
	"os"
	"runtime/debug"

	"devcert/devcert/cli"
	"devcert/platform"
)

func main() {
	// A command lives for milliseconds and needs a few MiB: collecting garbage
	// would be a third of its work. This lets it have 20 MiB before.
	debug.SetGCPercent(500)
	if code, done := platform.Start(os.Args); done {
		os.Exit(code)
	}
	streams := cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}
	streams.ANSI, streams.Unicode = platform.Console(os.Stdout)
	os.Exit(cli.Main(os.Args, streams, os.Environ(), platform.NewHost))
}

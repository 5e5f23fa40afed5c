// Load is what scripts/bench-serve measures servers with: the application behind
// them, the clients before them, and a watch that waits until they listen.
//
//	load upstream --listen 127.0.0.1:PORT
//	load run --url https://localhost:PORT/ --ca root.pem --mode requests
//	load ports --ports 44300-44399
//
// The clients are as lean as they can be made, so that what is measured is the
// server: they share its machine. They count no answer that is not the expected
// one; the first that is not ends the run.
//
// It talks to this machine's loopback only, and is no part of devcert.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
)

func main() {
	if err := command(context.Background(), os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func command(ctx context.Context, args []string, out io.Writer) error {
	commands := map[string]func(context.Context, []string, io.Writer) error{
		"upstream": upstream, "run": run, "ports": ports,
	}
	if len(args) > 0 {
		if command := commands[args[0]]; command != nil {
			return command(ctx, args[1:], out)
		}
	}
	return errors.New("usage: load upstream|run|ports [FLAG…]")
}

// Manpages writes devcert's manual pages and the completions of the shells into a
// folder, for archives and packages:
//
//	go run ./scripts/manpages DIR
//
// makes DIR/man/devcert.1 with one more page for each command, and DIR/completions.
// All of it comes from the tree of commands that --help prints. The date of the
// pages is SOURCE_DATE_EPOCH, and they have none without it, so that a commit
// always gives the same bytes.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"devcert/devcert/cli"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: manpages DIR")
		os.Exit(2)
	}
	if err := write(os.Args[1], os.Getenv("SOURCE_DATE_EPOCH")); err != nil {
		fmt.Fprintln(os.Stderr, "manpages:", err)
		os.Exit(1)
	}
}

// write makes both folders. epoch is the date in seconds since 1970, "" for none.
func write(dir, epoch string) error {
	date := ""
	if epoch != "" {
		seconds, err := strconv.ParseInt(epoch, 10, 64)
		if err != nil {
			return fmt.Errorf("SOURCE_DATE_EPOCH is no number of seconds: %w", err)
		}
		date = time.Unix(seconds, 0).UTC().Format(time.DateOnly)
	}
	if err := writeAll(filepath.Join(dir, "man"), pages(cli.Manual(), date)); err != nil {
		return err
	}
	return writeAll(filepath.Join(dir, "completions"), cli.CompletionScripts())
}

func writeAll(dir string, files map[string][]byte) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

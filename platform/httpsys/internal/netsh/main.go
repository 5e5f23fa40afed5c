// Command netsh takes the place of Windows' netsh.exe in tests; see package
// standin for its files. It is never part of devcert.
package main

import (
	"os"

	"devcert/platform/httpsys/internal/standin"
)

func main() { os.Exit(standin.Main(os.Args[1:], os.Stdout)) } //nolint:forbidigo // it is a program of its own

//go:build linux || darwin

package platform

import (
	"os"

	"devcert/platform/elevate"
)

// Start is called first of all, with the program's arguments. When this process
// is the privileged child, or the root's half of one that runs under sudo, it
// does its work; done is then true and code the exit code. Otherwise nothing
// has happened and the command is to be run.
func Start(args []string) (code int, done bool) {
	if elevate.IsChild(args) {
		return elevate.Child(handlers()), true
	}
	return elevate.Split(args, os.Environ())
}

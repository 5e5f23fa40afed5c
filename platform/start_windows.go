package platform

import "devcert/platform/elevate"

// Start is called first of all, with the program's arguments. When this process
// is the privileged child, it does its work; done is then true and code the exit
// code. Otherwise nothing has happened and the command is to be run.
func Start(args []string) (code int, done bool) {
	if elevate.IsChild(args) {
		return elevate.Child(args, handlers()), true
	}
	return 0, false
}

// handlers are all that the privileged child can be asked for.
func handlers() elevate.Handlers {
	return elevate.Handlers{}
}

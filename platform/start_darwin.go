package platform

import (
	"maps"

	"devcert/platform/elevate"
	"devcert/platform/java"
	"devcert/platform/system"
)

// handlers are all that the privileged child can be asked for.
func handlers() elevate.Handlers {
	all := system.KeychainChanger{}.Handlers()
	maps.Copy(all, java.Machine{}.Handlers())
	return all
}

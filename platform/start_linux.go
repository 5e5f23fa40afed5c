package platform

import (
	"maps"

	"devcert/platform/elevate"
	"devcert/platform/firefox"
	"devcert/platform/java"
	"devcert/platform/nss"
	"devcert/platform/system"
)

// handlers are all that the privileged child can be asked for.
func handlers() elevate.Handlers {
	all := elevate.Handlers{}
	for _, some := range []elevate.Handlers{
		system.Changer{Keep: java.Machine{}.Keep}.Handlers(), nss.Changer{}.Handlers(), firefox.Changer{}.Handlers(), java.Machine{}.Handlers(),
	} {
		maps.Copy(all, some)
	}
	return all
}

package firefox

import (
	"devcert/devcert/chain"
	"devcert/platform/elevate"
)

// What the privileged child can be asked for.
const (
	followSystem = "firefox/follow-system"
	leaveSystem  = "firefox/leave-system"
)

// Handlers are what the privileged child does for a Store. The root is on whose
// behalf it is asked: it does not become trusted by this, but is remembered.
func (c Changer) Handlers() elevate.Handlers {
	return elevate.Handlers{
		followSystem: elevate.OfCertificate(chain.CheckNewRoot, c.Follow),
		leaveSystem:  elevate.OfCertificate(chain.CheckRoot, c.Leave),
	}
}

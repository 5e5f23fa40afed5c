package system

import (
	"devcert/devcert/chain"
	"devcert/platform/elevate"
)

// What the privileged child can be asked for.
const (
	trustRoot    = "system/trust-root"
	distrustRoot = "system/distrust-root"
)

// Handlers are what the privileged child does for a Store: only a root of our own
// profile is ever added or removed.
func (c Changer) Handlers() elevate.Handlers {
	return elevate.Handlers{
		trustRoot:    elevate.OfCertificate(chain.CheckNewRoot, c.Trust),
		distrustRoot: elevate.OfCertificate(chain.CheckRoot, c.Distrust),
	}
}

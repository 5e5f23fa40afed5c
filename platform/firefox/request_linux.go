package firefox

import (
	"context"
	"crypto/x509"

	"devcert/devcert/chain"
	"devcert/platform/elevate"
)

// What the privileged child can be asked for.
const (
	followSystem = "firefox/follow-system"
	leaveSystem  = "firefox/leave-system"
)

// rootRequest is the body of both: the root on whose behalf it is asked.
type rootRequest struct {
	DER []byte `json:"der"`
}

// Handlers are what the privileged child does for a Store.
func (c Changer) Handlers() elevate.Handlers {
	return elevate.Handlers{
		followSystem: rootHandler(chain.CheckNewRoot, c.Follow),
		leaveSystem:  rootHandler(chain.CheckRoot, c.Leave),
	}
}

// rootHandler judges the certificate before anything else. It is not what becomes
// trusted by this, but it is remembered.
func rootHandler(
	check func(der []byte) (*x509.Certificate, error),
	do func(ctx context.Context, root *x509.Certificate, waiting func()) error,
) elevate.Handler {
	return elevate.Typed(func(ctx context.Context, req rootRequest, waiting func()) error {
		root, err := check(req.DER)
		if err != nil {
			return elevate.Refused(err)
		}
		return do(ctx, root, waiting)
	})
}

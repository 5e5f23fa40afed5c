package nss

import (
	"context"
	"crypto/x509"

	"devcert/devcert/chain"
	"devcert/platform/elevate"
)

// What the privileged child can be asked for.
const (
	trustRoot    = "chromium/trust-root"
	distrustRoot = "chromium/distrust-root"
)

// rootRequest is the body of both.
type rootRequest struct {
	DER []byte `json:"der"`
}

// Handlers are what the privileged child does for a Store.
func (c Changer) Handlers() elevate.Handlers {
	return elevate.Handlers{
		trustRoot:    rootHandler(chain.CheckNewRoot, c.Trust),
		distrustRoot: rootHandler(chain.CheckRoot, c.Distrust),
	}
}

// rootHandler judges the certificate before anything else: only a root of our
// own profile is ever added or removed, whatever the other side says it is.
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

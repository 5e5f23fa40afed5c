package elevate

import (
	"context"
	"crypto/x509"
)

// Certificate is the body of a request that is about one certificate.
type Certificate struct {
	DER []byte `json:"der"`
}

// OfCertificate makes a Handler of a func that is about one certificate. check
// judges the bytes before anything else, whatever the other side says they are:
// only what it lets through reaches do.
func OfCertificate(
	check func(der []byte) (*x509.Certificate, error),
	do func(ctx context.Context, cert *x509.Certificate, waiting func()) error,
) Handler {
	return Typed(func(ctx context.Context, body Certificate, waiting func()) error {
		cert, err := check(body.DER)
		if err != nil {
			return Refused(err)
		}
		return do(ctx, cert, waiting)
	})
}

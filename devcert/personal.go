package devcert

import (
	"context"
	"crypto/x509"

	"devcert/devcert/chain"
)

// Personal is where one kind of client keeps the certificates, with their keys,
// that it offers to servers which ask for one.
type Personal interface {
	// Name is the client's, as people and the ledger call it.
	Name() string
	// Offer puts a certificate where the client finds it, and says where that is.
	// An error that is [ErrUnsupported] means that there is no such client here.
	Offer(ctx context.Context, o Offered) (places []string, err error)
	// Offers says where cert is with its key.
	Offers(ctx context.Context, cert *x509.Certificate) (places []string, err error)
	// Withdraw takes cert and its key out of every place, matched by its bytes, and
	// what Offer put there behind it once nothing else needs that. A certificate that
	// is not there is no error.
	Withdraw(ctx context.Context, cert *x509.Certificate) error
}

// Offered is a client's certificate that is to be offered.
type Offered struct {
	chain.Pair
	// Chain is what stands between the certificate and the root, from below.
	Chain []*x509.Certificate
	// Label is what the client shows a person who may choose.
	Label string
}

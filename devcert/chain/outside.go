package chain

import (
	"errors"
	"fmt"
	"time"
)

// OutsideLifetime is the life of what NewOutside makes: long enough to ask every
// client of a machine, and of no use to anybody afterwards.
const OutsideLifetime = 15 * time.Minute

// NewOutside makes a leaf for a name that the issuer's constraints do not permit,
// and its key, to show that verifiers refuse it. It is what a thief of the
// issuer's key could make as well. Neither may be written anywhere. A name that
// is permitted is refused: a verifier would be right to accept that one.
func NewOutside(issuer Pair, name string, now time.Time) (Pair, error) {
	o := LeafOptions{Names: []string{name}, Key: ECDSA, Now: now, Life: OutsideLifetime}
	err := checkIssuer(issuer, o)
	if err == nil {
		return Pair{}, fmt.Errorf("issuing a leaf to be refused: %s is permitted", name)
	}
	var out *NameError
	if !errors.As(err, &out) {
		return Pair{}, err
	}
	return newLeaf(leafProfile, issuer, o)
}

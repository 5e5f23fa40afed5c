package page

import (
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/devcert/chain"
)

// What a place is for has words for each of its states: one without would be said
// to be unknown.
func TestEveryStateOfEveryPlaceHasWords(t *testing.T) {
	for _, part := range []chain.Part{chain.PartRoot, chain.PartIntermediate, chain.PartClientIntermediate, chain.PartLeaf} {
		for _, state := range []devcert.PlaceState{devcert.Trusted, devcert.Missing, devcert.Denied, devcert.Stale} {
			v := placeOf(devcert.Place{Path: "/x", Part: part, State: state}, true)
			require.NotEqual(t, "could not be looked into", v.Word, "%s %s", part, state)
		}
	}
}

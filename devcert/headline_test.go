package devcert

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHeadline(t *testing.T) {
	for want, counts := range map[string][2]int{
		"1 thing is wrong": {1, 0}, "2 things are wrong": {2, 0}, "1 thing to know": {0, 1}, "3 things to know": {0, 3},
		"1 thing is wrong, 1 to know": {1, 1}, "2 things are wrong, 3 to know": {2, 3},
	} {
		var all []Finding
		for range counts[0] {
			all = append(all, Finding{Severity: Error})
		}
		for range counts[1] {
			all = append(all, Finding{Severity: Warning})
		}
		require.Equal(t, want, Headline(all))
	}
}

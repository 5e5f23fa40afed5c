package cli

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"devcert/devcert"
)

// TestPrecedence has two codes apply at once, every pair of them in both orders.
func TestPrecedence(t *testing.T) {
	errorsOf := map[int]error{
		exitUsage:     &devcert.UsageError{Problem: "bad"},
		exitFailed:    errors.New("broken"),
		exitPerson:    fmt.Errorf("asked: %w", devcert.ErrDeclined),
		exitAdmin:     fmt.Errorf("system: %w", devcert.ErrNeedsAdmin),
		exitPartial:   &devcert.PartialError{Err: errors.New("not taken")},
		exitAttention: errAttention,
	}
	order := []int{2, 1, 5, 4, 6, 3}
	assert.Len(t, errorsOf, len(order))
	for i, first := range order {
		assert.Equal(t, first, exitCode(errorsOf[first]))
		for _, second := range order[i+1:] {
			assert.Equal(t, first, exitCode(errors.Join(errorsOf[first], errorsOf[second])), "%d, %d", first, second)
			assert.Equal(t, first, exitCode(errors.Join(errorsOf[second], asPrinted(errorsOf[first]))), "%d, %d", second, first)
			both := errors.Join(errorsOf[second], errorsOf[first])
			assert.Equal(t, first, exitCode(asPrinted(both)), "%d, %d: the document has said so", second, first)
		}
	}
	assert.Zero(t, exitCode(nil))
}

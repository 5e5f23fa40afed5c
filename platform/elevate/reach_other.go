//go:build !linux && !windows && !darwin

package elevate

import (
	"context"
	"fmt"
	"runtime"

	"devcert/devcert"
)

// Words for a person.
const (
	place  = "the system store"
	admin  = "root"
	needs  = " needs administrator rights; "
	mayAsk = "sudo may ask for your password"
)

// reach knows no way yet.
func reach(Options) opener {
	return func(context.Context, bool) (*link, error) {
		return nil, fmt.Errorf("become administrator on %s: %w", runtime.GOOS, devcert.ErrUnsupported)
	}
}

func canAsk() bool { return false }

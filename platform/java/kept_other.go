//go:build !linux

package java

import "context"

// settleKept has nothing to settle: only Debian's tool writes a keystore in place.
func (m Machine) settleKept(context.Context, func()) error { return nil }

func hasKept(string) bool { return false }

//go:build !linux && !windows

package platform

// Start has nothing to do where there is no privileged child yet.
func Start([]string) (code int, done bool) { return 0, false }

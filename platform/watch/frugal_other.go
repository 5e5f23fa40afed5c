//go:build !linux

package watch

// unmapProgram leaves that to the system.
func unmapProgram() {}

package watch

import "runtime/debug"

// frugal has garbage collected: the program as a whole does without, since its
// other commands live for a moment.
func frugal() { debug.SetGCPercent(50) }

// rest gives back the memory that a look took, until the next.
func rest() {
	debug.FreeOSMemory()
	unmapProgram()
}

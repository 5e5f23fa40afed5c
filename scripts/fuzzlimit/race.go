//go:build race

package fuzzlimit

// The race detector's documentation says 2 to 20 times.
const slower = 10

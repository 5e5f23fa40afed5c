//go:build !race

package fuzzlimit

const slower = 1

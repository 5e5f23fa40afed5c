// Package securefile makes and judges files that only their owner may read, the
// way the operating system does it. The state folder gets it injected.
//
// It never follows a symbolic link at the end of a path, and never makes a file
// private after the fact: a file is private from its first instant.
package securefile

import "devcert/devcert/disk"

// Files implements [disk.Files].
type Files struct{}

var _ disk.Files = Files{}

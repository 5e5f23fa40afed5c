// Package lazy puts off to its first use what a program would otherwise make each
// time it starts. A command uses few of all regular expressions, and compiling one
// takes longer than reading a certificate.
package lazy

import (
	"regexp"
	"sync"
)

// Regexp is regexp.MustCompile when its result is called for the first time.
func Regexp(expr string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}

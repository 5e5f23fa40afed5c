//go:build !windows

package platform

import "os"

// Console says that terminals understand ANSI sequences here. What characters
// they show is a matter of the locale.
func Console(*os.File) (ansi, unicode bool) { return true, false }

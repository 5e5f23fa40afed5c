package platform

import (
	"os"

	"golang.org/x/sys/windows"
)

// Console says whether a terminal that f may be understands ANSI sequences, after
// asking it to, and whether it shows any Unicode character: consoles before
// Windows 10 do neither. Nothing else is a console.
func Console(f *os.File) (ansi, unicode bool) {
	handle := windows.Handle(f.Fd())
	var mode uint32
	if windows.GetConsoleMode(handle, &mode) != nil {
		return false, false
	}
	ansi = mode&windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING != 0 ||
		windows.SetConsoleMode(handle, mode|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING) == nil
	return ansi, ansi
}

package elevate

import (
	"fmt"
	"os"
)

// image is the path of this program, as the kernel gave it when the program was
// started. macOS has no other name for it: who replaces the file meanwhile has it
// run as root, which whoever may replace what root starts can have at any time.
func image() (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find this program: %w", err)
	}
	return path, nil
}

// maxGroups is how many groups a process may have (NGROUPS_MAX in setgroups(2)).
// An account of macOS is often in more, the first ones being its own and the
// administrators'; with more the process would not start.
const maxGroups = 16

package platform

import (
	_ "devcert/platform/winres" // linked in
	"errors"
	"path/filepath"
)

// defaultStateDir is the part of the profile that stays on this machine.
func defaultStateDir(env func(string) string) (string, error) {
	if dir := env("LOCALAPPDATA"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "devcert"), nil
	}
	return "", errors.New("find the state folder: LOCALAPPDATA is not an absolute path")
}

package platform

import (
	"errors"
	"path/filepath"
)

// defaultStateDir is where macOS keeps what applications store for a user.
func defaultStateDir(env func(string) string) (string, error) {
	if home := env("HOME"); filepath.IsAbs(home) {
		return filepath.Join(home, "Library", "Application Support", "devcert"), nil
	}
	return "", errors.New("find the state folder: HOME is not an absolute path")
}

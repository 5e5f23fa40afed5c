package run

import (
	"os/exec"
	"path/filepath"
)

// Called returns the absolute path of the file that a shell would have found
// for name. It is for showing to a person: nothing is ever started by it.
func Called(name string) (string, error) {
	path, err := exec.LookPath(name)
	if err != nil {
		return "", err
	}
	return filepath.Abs(path)
}

//go:build linux || darwin

package system

import (
	"errors"
	"os"
	"path/filepath"
	"sync"

	"github.com/smallstep/truststore"

	"devcert/platform/run"
)

// settings guards what truststore keeps in package variables, and the
// environment.
var settings sync.Mutex

// restoreVariable returns what gives a variable back the value it has now.
func restoreVariable(name string) func() {
	value, was := os.LookupEnv(name)
	return func() {
		if !was {
			os.Unsetenv(name)
			return
		}
		os.Setenv(name, value)
	}
}

// linkTools makes a folder with links to system tools.
func linkTools(folder string, tools ...string) error {
	if err := os.Mkdir(folder, 0o700); err != nil {
		return err
	}
	for _, name := range tools {
		tool, err := run.Finder{}.Find(name)
		if err != nil {
			return err
		}
		if err := os.Symlink(tool, filepath.Join(folder, name)); err != nil {
			return err
		}
	}
	return nil
}

// explain adds what the tool said, which truststore's error leaves out.
func explain(err error) error {
	var failed *truststore.CmdError
	if !errors.As(err, &failed) {
		return err
	}
	return run.Failed(failed.Cmd().Args, failed.Out(), failed.Err())
}

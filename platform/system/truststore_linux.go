package system

import (
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/smallstep/truststore"

	"devcert/platform/run"
)

// settings guards what truststore keeps in package variables, and the
// environment.
var settings sync.Mutex

// throughTruststore calls do with our own path and command in place of those
// that truststore found by itself.
//
// truststore appends a name it makes of the subject and serial number: "%.0s"
// prints nothing of it. It looks for tee and rm by PATH, and for sudo, which it
// puts before every command even when we are root; a container that forbids new
// privileges refuses that. So PATH is a folder with just these two tools while
// it runs, and the command brings its own. It writes the root to a temporary
// file, which is to be in a folder of ours too: see [claim].
func throughTruststore(do func(*x509.Certificate, ...truststore.Option) error,
	root *x509.Certificate, path string, command []string, folder string) error {
	settings.Lock()
	defer settings.Unlock()
	tools := filepath.Join(folder, "tools")
	if err := linkTools(tools, "tee", "rm"); err != nil {
		return err
	}
	for name, value := range map[string]string{"PATH": tools, "TMPDIR": folder} {
		defer restoreVariable(name)()
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	truststore.SystemTrustFilename = strings.ReplaceAll(path, "%", "%%") + "%.0s"
	truststore.SystemTrustCommand = command
	return explain(do(root))
}

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

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

// settings guards what truststore keeps in package variables, and PATH.
var settings sync.Mutex

// throughTruststore calls do with our own path and command in place of those
// that truststore found by itself.
//
// truststore appends a name it makes of the subject and serial number: "%.0s"
// prints nothing of it. It looks for tee and rm by PATH, and for sudo, which it
// puts before every command even when we are root; a container that forbids new
// privileges refuses that. So PATH is a folder with just these two tools while
// it runs, and the command brings its own.
func throughTruststore(do func(*x509.Certificate, ...truststore.Option) error,
	root *x509.Certificate, path string, command []string) error {
	settings.Lock()
	defer settings.Unlock()
	folder, err := toolFolder("tee", "rm")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	before := os.Getenv("PATH")
	defer os.Setenv("PATH", before)
	if err := os.Setenv("PATH", folder); err != nil {
		return err
	}
	truststore.SystemTrustFilename = strings.ReplaceAll(path, "%", "%%") + "%.0s"
	truststore.SystemTrustCommand = command
	return explain(do(root))
}

// toolFolder makes a folder of ours with links to system tools.
func toolFolder(tools ...string) (string, error) {
	folder, err := os.MkdirTemp("", "devcert-tools-")
	if err != nil {
		return "", err
	}
	for _, name := range tools {
		tool, err := run.Finder{}.Find(name)
		if err == nil {
			err = os.Symlink(tool, filepath.Join(folder, name))
		}
		if err != nil {
			os.RemoveAll(folder)
			return "", err
		}
	}
	return folder, nil
}

// explain adds what the tool said, which truststore's error leaves out.
func explain(err error) error {
	var failed *truststore.CmdError
	if !errors.As(err, &failed) {
		return err
	}
	return run.Failed(failed.Cmd().Args, failed.Out(), failed.Err())
}

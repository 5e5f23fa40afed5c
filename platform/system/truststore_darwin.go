package system

import (
	"context"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/smallstep/truststore"

	"devcert/platform/run"
)

// answering is how long macOS may take, which asks a person twice: about the root,
// and about the settings that truststore then makes explicit.
const answering = 5 * time.Minute

// TrustInKeychain is [KeychainChanger.Install] with truststore, which adds root to
// the machine's keychain and has the administrators' settings trust it.
//
// truststore looks for its tools by PATH and puts sudo before each, though we are
// root. So PATH is a folder with just security, and with an env that is called
// sudo, while it runs; and its files are in a folder of ours. It knows no limit of
// time: what has not ended by then goes on by itself, and ends with this process's
// parent asking for nothing more.
func TrustInKeychain(root *x509.Certificate, folder string) error {
	settings.Lock()
	tools := filepath.Join(folder, "tools")
	err := linkTools(tools, "security")
	if err == nil {
		err = linkAs(filepath.Join(tools, "sudo"), "env")
	}
	if err != nil {
		settings.Unlock()
		return err
	}
	done := make(chan error, 1)
	go func() {
		defer settings.Unlock()
		done <- withTools(tools, folder, func() error { return explain(truststore.Install(root)) })
	}()
	select {
	case err := <-done:
		return err
	case <-time.After(answering):
		return context.DeadlineExceeded
	}
}

func linkAs(path, name string) error {
	tool, err := run.Finder{}.Find(name)
	if err != nil {
		return err
	}
	return os.Symlink(tool, path)
}

// withTools calls do with a PATH of tools and with folder for temporary files.
// truststore panics on trust settings of another form than it knows.
func withTools(tools, folder string, do func() error) (err error) {
	for name, value := range map[string]string{"PATH": tools, "TMPDIR": folder} {
		defer restoreVariable(name)()
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("truststore: %v", p)
		}
	}()
	return do()
}

package keychain

import (
	"cmp"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"devcert/platform/run"
)

// The keychains of the machine.
const (
	// System is the administrators'. Everybody may read it.
	System = "/Library/Keychains/System.keychain"
	// SystemRoots is Apple's own list, which nobody can change.
	SystemRoots = "/System/Library/Keychains/SystemRootCertificates.keychain"
)

// Login is the keychain that macOS makes with an account and opens at the login.
func Login(home string) string {
	return filepath.Join(home, "Library", "Keychains", "login.keychain-db")
}

const (
	// looking is how long a look may take. Most take a twentieth of a second; the
	// first after the machine was started waits for trustd.
	looking = 30 * time.Second
	// answering is how long a change may take in which macOS may be asking a
	// person. It can hang with nobody asked, too: removing trust settings as root
	// does on some machines without a screen (actions/runner-images#12116).
	answering = 3 * time.Minute
)

// Tool is security(1), run as whoever runs us.
type Tool struct {
	// Home is the home folder of the user that is meant; "" for root.
	Home string
	// Temp is where files for the tool are made, in folders of their own that
	// nobody else can look into; "" means the system's place for such files.
	Temp string
	// Patience is how long a change waits for a person; 0 means three minutes.
	Patience time.Duration
	// Root is put before the path of the tool. It is empty but in tests.
	Root string
}

// Find says why there is no tool; nil when there is.
func (t Tool) Find() error {
	_, err := t.path()
	return err
}

// do runs the tool and returns what it wrote to standard output.
func (t Tool) do(ctx context.Context, limit time.Duration, args ...string) ([]byte, error) {
	path, err := t.path()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	env := run.Environment()
	if t.Home != "" {
		env = append(env, "HOME="+t.Home)
	}
	return run.Command{Path: path, Args: args, Env: env}.Run(ctx)
}

// change is do for what macOS may ask a person about.
func (t Tool) change(ctx context.Context, args ...string) error {
	_, err := t.do(ctx, cmp.Or(t.Patience, answering), args...)
	return err
}

// refused says whether err is the tool's own answer, which it gave by exiting with
// status 1. With 2 it did not understand, and otherwise it did not come to an end.
func refused(err error) bool {
	var exit interface{ ExitCode() int }
	return errors.As(err, &exit) && exit.ExitCode() == 1
}

// said is what the tool complained of, for a person.
func said(err error) string {
	var failed *run.Error
	if errors.As(err, &failed) {
		return failed.Said
	}
	return err.Error()
}

// inFolder calls do with the path of a folder that only we can look into and that
// is gone afterwards.
func (t Tool) inFolder(do func(folder string) error) error {
	folder, err := os.MkdirTemp(t.Temp, "devcert-")
	if err != nil {
		return err
	}
	return errors.Join(do(folder), os.RemoveAll(folder))
}

// writePEM writes certificates to a file in folder and returns its path.
func writePEM(folder, name string, certs ...*x509.Certificate) (string, error) {
	var data []byte
	for _, cert := range certs {
		data = append(data, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})...)
	}
	path := filepath.Join(folder, name)
	return path, os.WriteFile(path, data, 0o600)
}

// ErrNoKeychain is given where there is no such keychain.
var ErrNoKeychain = errors.New("no such keychain")

// readable says why the file of a keychain cannot be read. The tool must not be
// given one like that: where it cannot open a keychain it complains, and then
// works on all others of the user's (keychain_create_array in SecurityTool).
func readable(keychain string) error {
	info, err := os.Stat(keychain)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %w", ErrNoKeychain, err)
	}
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", keychain)
	}
	f, err := os.Open(keychain)
	if err != nil {
		return err
	}
	return f.Close()
}

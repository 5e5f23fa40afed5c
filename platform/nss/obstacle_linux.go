package nss

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"devcert/devcert"
	"devcert/platform/run"
)

// Obstacle says why the database in dir cannot be given a root now, or why none can
// be made there; nil when nothing is seen that is in the way. It changes nothing.
func (t Tool) Obstacle(ctx context.Context, dir string) error {
	ctx, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	what := "add the root to the NSS database in " + dir
	if !exists(filepath.Join(dir, certFile)) {
		return failed("make an NSS database in "+dir, dir, roomFor(dir))
	}
	if err := changeable(ctx, dir); err != nil {
		return failed(what, dir, err)
	}
	if !exists(filepath.Join(dir, keyFile)) {
		return nil // certutil makes another
	}
	// Trust needs the password, and listing keys does too. That there are none is an
	// exit status as well, but no error of NSS's.
	_, err := t.run(ctx, dir, nil, "-K")
	var ran *run.Error
	if errors.As(err, &ran) && exited(err) && !strings.Contains(ran.Output, "_ERROR_") {
		return nil
	}
	return failed(what, dir, err)
}

// roomFor says why no folder can be made, or written into where it is there.
func roomFor(dir string) error {
	for path := dir; ; path = filepath.Dir(path) {
		info, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) && path != filepath.Dir(path) && !exists(path) {
			continue
		}
		if err == nil && !info.IsDir() {
			err = &fs.PathError{Op: "mkdir", Path: path, Err: syscall.ENOTDIR}
		}
		if err == nil {
			err = unix.Access(path, unix.W_OK|unix.X_OK)
		}
		if err != nil {
			return &readOnlyError{path, err}
		}
		return nil
	}
}

// Remedy is what an error says that a person can do; "" where that is devcert's to
// do: it mends a database without what vouches for its trust.
func Remedy(err error) string {
	var remedied interface{ Remedy() string }
	if errors.As(err, new(*noKeysError)) || !errors.As(err, &remedied) {
		return ""
	}
	return remedied.Remedy()
}

// hindered adds to a place whose database does not trust the root why that cannot
// be mended.
func (t Tool) hindered(ctx context.Context, place *devcert.Place) {
	if err := t.Obstacle(ctx, place.Path); err != nil {
		place.Evidence += "; " + err.Error()
		place.Remedy = Remedy(err)
	}
}

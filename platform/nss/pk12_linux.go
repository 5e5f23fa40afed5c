package nss

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"devcert/devcert/chain"
	"devcert/platform/run"
)

// importer is pk12util's path: of NSS's own tools, the one that gives a database
// a private key.
type importer string

// importError is what pk12util said. It is no [run.Error] for those who look for
// certutil's.
type importError struct{ ran *run.Error }

func (e *importError) Error() string { return "pk12util: " + e.ran.Reason() }
func (e *importError) Unwrap() error { return e.ran.Err }

// importPair gives the database in dir a private key, and its certificate where
// it has not that yet. The database has no password, or the import fails: from
// an empty file pk12util reads an empty one, and without the file it would read
// the terminal.
//
// Key and password come to pk12util in memory, on descriptors of its own: argv and
// the file system have neither.
func (i importer) importPair(ctx context.Context, dir string, pair chain.Pair) error {
	password, err := chain.NewPassword(nil)
	if err != nil {
		return err
	}
	pfx, err := chain.EncodePFX(chain.PFXModern, pair, nil, password)
	if err != nil {
		return err
	}
	defer clear(pfx)
	return i.importPFX(ctx, dir, pfx, password)
}

func (i importer) importPFX(ctx context.Context, dir string, pfx []byte, password string) error {
	file, err := inMemory("pfx", pfx)
	if err != nil {
		return err
	}
	defer file.Close()
	word, err := inMemory("password", []byte(password))
	if err != nil {
		return err
	}
	defer word.Close()
	command := run.Command{Path: string(i), Args: []string{
		"-d", "sql:" + dir, "-k", os.DevNull, "-i", "/proc/self/fd/3", "-w", "/proc/self/fd/4",
	}}
	process, err := command.Start(run.Wiring{Extra: []*os.File{file, word}})
	if err == nil {
		err = awaitEnd(ctx, process)
	}
	var ran *run.Error
	if errors.As(err, &ran) {
		return &importError{ran}
	}
	return err
}

// awaitEnd waits for a process, and ends it when the context does.
func awaitEnd(ctx context.Context, process *run.Process) error {
	var err error
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, err = process.Wait()
	}()
	select {
	case <-ended:
		return err
	case <-ctx.Done():
		_ = process.Signal(unix.SIGKILL)
		<-ended
		return fmt.Errorf("pk12util: %w", context.Cause(ctx))
	}
}

// inMemory is a file without a name that only this process and those it starts
// can read (memfd_create(2)).
func inMemory(name string, data []byte) (*os.File, error) {
	fd, err := unix.MemfdCreate("devcert-"+name, unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("make a file in memory: %w", err)
	}
	file := os.NewFile(uintptr(fd), name)
	if _, err := file.WriteAt(data, 0); err != nil {
		file.Close()
		return nil, fmt.Errorf("write a file in memory: %w", err)
	}
	return file, nil
}

package java

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// draft is a copy of a keystore that is being worked on, in the same folder,
// since a rename is atomic only there. As long as it is there no other devcert
// changes that keystore: its name is the lock.
type draft struct {
	path string // of the keystore
	was  []byte // what the keystore held
	info fs.FileInfo
	file *os.File
	done bool // it has become the keystore
}

const (
	retryDraft = 50 * time.Millisecond
	// untold is how long is waited before a person is told.
	untold = time.Second
)

// errChanged: somebody else has changed the keystore meanwhile. What they did
// must not be undone.
var errChanged = errors.New("another program has changed it meanwhile")

// newDraft copies a keystore. While another process works on it, it waits until
// ctx ends, after calling waiting once.
func newDraft(ctx context.Context, path string, waiting func()) (*draft, error) {
	f, err := waitAlone(ctx, beside(path), waiting)
	if err != nil {
		return nil, err
	}
	d := &draft{path: path, file: f}
	if err := d.fill(); err != nil {
		d.drop()
		return nil, err
	}
	return d, nil
}

func (d *draft) fill() (err error) {
	if d.was, d.info, err = read(d.path); err != nil {
		return err
	}
	if readOnly(d.info) {
		return errReadOnly
	}
	if err := d.file.Truncate(0); err != nil {
		return err
	}
	_, err = d.file.WriteAt(d.was, 0)
	return err
}

func waitAlone(ctx context.Context, path string, waiting func()) (*os.File, error) {
	tell := time.After(untold)
	for {
		f, err := openAlone(path)
		if err != nil || f != nil {
			return f, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("another devcert is still changing it: %w", context.Cause(ctx))
		case <-tell:
			waiting()
		case <-time.After(retryDraft):
		}
	}
}

// beside is hidden from those who list keystores.
func beside(path string) string {
	return filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".devcert")
}

// parse reads what the draft holds by now. A tool that has put another file in
// its place has made one whose mode and owner nobody knows.
func (d *draft) parse() (keystore, error) {
	data, info, err := read(d.file.Name())
	if err != nil {
		return keystore{}, err
	}
	if own, err := d.file.Stat(); err != nil || !os.SameFile(own, info) {
		return keystore{}, errors.Join(errors.New("keytool has put another file in its place"), err)
	}
	return parseKeystore(data)
}

// commit makes the draft the keystore.
func (d *draft) commit() error {
	now, info, err := read(d.path)
	if err != nil {
		return err
	}
	if !bytes.Equal(now, d.was) || !os.SameFile(info, d.info) {
		return errChanged
	}
	if err := keepOwner(d.file, info); err != nil {
		return err
	}
	err = replace(d.file, d.path)
	d.done = err == nil
	return err
}

// drop lets others change the keystore. A draft that did not become it is gone.
func (d *draft) drop() {
	if !d.done {
		_ = os.Remove(d.file.Name())
	}
	d.file.Close()
	if !d.done {
		_ = os.Remove(d.file.Name()) // Windows removes nothing that is open
	}
}

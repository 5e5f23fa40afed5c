package java

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// debians is the keystore of Debian's Javas. The hook of ca-certificates-java
// empties it and writes it again, in place: when the machine stops in between,
// every Java has lost every root.
const debians = "/etc/ssl/certs/java/cacerts"

// Keep copies the keystore that the system's tool is about to write in place to a
// file beside it, which only root can read. The copy has to be settled after the
// tool; where nobody comes to that, the next change of a keystore does it, or the
// next Keep. While another devcert has a copy there, Keep waits.
func (m Machine) Keep(ctx context.Context, waiting func()) (settle func() error, err error) {
	path := filepath.Join(m.Root, debians)
	nothing := func() error { return nil }
	if !hasDebiansHook(func(name string) string { return filepath.Join(m.Root, name) }) {
		return nothing, nil
	}
	if err := m.settleKept(ctx, waiting); err != nil {
		return nil, err
	}
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() || onReadOnlyDisk(filepath.Dir(path)) {
		return nothing, nil
	}
	data, info, err := read(path)
	if err == nil {
		_, err = parseKeystore(data)
	}
	if err != nil {
		return nothing, nil // there is nothing to lose
	}
	copied, err := waitAlone(ctx, kept(path), waiting)
	if err != nil {
		return nil, failedKept(path, err)
	}
	if err := fillKept(copied, data); err != nil {
		_ = os.Remove(copied.Name())
		copied.Close()
		return nil, failedKept(path, err)
	}
	return func() error { return settleOne(copied, path, info) }, nil
}

func failedKept(path string, err error) error {
	return failed("keep a copy of "+path, path, "see what is at "+kept(path), err)
}

// fillKept makes the copy outlast a power failure.
func fillKept(copied *os.File, data []byte) error {
	if err := copied.Truncate(0); err != nil {
		return err
	}
	if _, err := copied.WriteAt(data, 0); err != nil {
		return err
	}
	return errors.Join(copied.Sync(), syncDir(filepath.Dir(copied.Name())))
}

// settleKept settles what a devcert that was killed has left.
func (m Machine) settleKept(ctx context.Context, waiting func()) error {
	path := filepath.Join(m.Root, debians)
	if !hasKept(path) {
		return nil
	}
	copied, err := waitAlone(ctx, kept(path), waiting)
	if err != nil {
		return failedKept(path, err)
	}
	return settleOne(copied, path, nil)
}

// settleOne puts the copy in the place of a keystore that Java could not use, and
// removes it otherwise. One that was cut short itself is no help. was is the
// keystore's mode and owner, which is not known of a copy that was left.
func settleOne(copied *os.File, path string, was fs.FileInfo) error {
	defer copied.Close()
	whole := func(path string) (fs.FileInfo, error) {
		data, info, err := read(path)
		if err == nil {
			_, err = parseKeystore(data)
		}
		return info, err
	}
	info, damage := whole(path)
	if _, cut := whole(copied.Name()); cut != nil || damage == nil || !isDamage(damage) {
		return failedKept(path, os.Remove(copied.Name()))
	}
	if was == nil {
		was = info
	}
	var err error
	if was != nil {
		err = keepOwner(copied, was)
	} else {
		err = copied.Chmod(0o644) // as the hook makes it
	}
	if err == nil {
		err = replace(copied, path)
	}
	return failed("put back "+path, path, "put "+kept(path)+" in its place", err)
}

// kept is where the copy of a keystore is.
func kept(path string) string { return beside(path) + "-kept" }

// hasKept says whether a copy of the keystore at path was left, or is being kept.
func hasKept(path string) bool {
	info, err := os.Lstat(kept(path))
	if err != nil || !info.Mode().IsRegular() || info.Mode().Perm() != 0o600 {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	folder, err := os.Lstat(filepath.Dir(path))
	if err != nil || !ok || folder.Mode().Perm()&0o022 != 0 {
		return false
	}
	above, ok := folder.Sys().(*syscall.Stat_t)
	return ok && stat.Uid == above.Uid
}

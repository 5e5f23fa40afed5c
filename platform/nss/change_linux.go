package nss

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"devcert/devcert"
)

// Changer changes the policies of the browsers on this machine. It is meant for
// the privileged child: it needs root's rights and a umask of 022. It knows no
// user, and every path is one of its own.
type Changer struct {
	// Root is put before every path. It is empty but in tests.
	Root string
}

// unsupportedError is a machine without a browser that obeys policies.
type unsupportedError struct{}

func (*unsupportedError) Error() string {
	return "no browser that obeys policies is installed in the system's folders"
}
func (*unsupportedError) Unwrap() error { return devcert.ErrUnsupported }

// Remedy says what a person can do.
func (*unsupportedError) Remedy() string {
	return "install certutil (Debian: libnss3-tools, Fedora: nss-tools)" + again
}

// Trust has every browser that is installed for all users trust root. It waits
// for another devcert until ctx ends, and calls waiting once if that takes long.
func (c Changer) Trust(ctx context.Context, root *x509.Certificate, waiting func()) error {
	browsers := governed(c.Root)
	if len(browsers) == 0 {
		return &unsupportedError{}
	}
	own, err := claimPolicies(ctx, c.Root, waiting)
	if err != nil {
		return err
	}
	defer own.release()
	var all []error
	for _, k := range browsers {
		dir := k.managed(c.Root)
		all = append(all, failedPolicy("trust the root by a policy in "+dir, dir, c.trust(own, dir, root)))
	}
	return errors.Join(all...)
}

func (c Changer) trust(own *claim, dir string, root *x509.Certificate) error {
	if err := c.makeFolder(own, dir); err != nil {
		return err
	}
	roots, err := readOwn(dir)
	if err != nil && !errors.As(err, new(*damagedOwnError)) {
		return err
	}
	if !has(roots, root) {
		roots = append(roots, root)
	}
	return writeOwn(dir, roots, false)
}

// Distrust takes root out of devcert's file in every folder of policies, whether
// or not the browser is still there. It waits as Trust does.
func (c Changer) Distrust(ctx context.Context, root *x509.Certificate, waiting func()) error {
	own, err := claimPolicies(ctx, c.Root, waiting)
	if err != nil {
		return err
	}
	defer own.release()
	var all []error
	for _, k := range kinds {
		if k.policies != "" {
			dir := k.managed(c.Root)
			all = append(all, failedPolicy("take the root out of "+filepath.Join(dir, ownName), dir, c.distrust(own, dir, root)))
		}
	}
	return errors.Join(all...)
}

func (c Changer) distrust(own *claim, dir string, root *x509.Certificate) error {
	roots, err := readOwn(dir)
	if errors.As(err, new(*foreignError)) {
		return nil // nothing of devcert's
	}
	damaged := errors.As(err, new(*damagedOwnError))
	if !damaged && (err != nil || !has(roots, root)) {
		return err
	}
	if err := c.checkFolder(dir); err != nil {
		return err
	}
	rest := slices.DeleteFunc(roots, root.Equal)
	if len(rest) > 0 {
		return writeOwn(dir, rest, true)
	}
	if err := os.Remove(filepath.Join(dir, ownName)); err != nil {
		return err
	}
	return c.unmakeFolder(own, dir)
}

// writeOwn replaces devcert's file whole. What is half written stands beside the
// folder: the browser reads every file in it, whatever its name.
func writeOwn(dir string, roots []*x509.Certificate, removing bool) error {
	all, err := readPolicies(dir)
	if err != nil {
		return err
	}
	key, err := all.freeKey(dir)
	if used := all.ownKeys(); removing && err != nil && len(used) > 0 {
		key, err = used[0], nil // what is hidden or hides already can still be less
	}
	if err != nil {
		return err
	}
	data, err := encodeOwn(roots, key)
	if err != nil {
		return err
	}
	temp := filepath.Join(filepath.Dir(dir), ".devcert-new") // whoever was killed left it
	if err := os.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := writeNew(temp, data); err != nil {
		return errors.Join(err, os.Remove(temp))
	}
	if err := os.Rename(temp, filepath.Join(dir, ownName)); err != nil {
		return errors.Join(err, os.Remove(temp))
	}
	return nil
}

func writeNew(path string, data []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|syscall.O_NOFOLLOW, 0o644)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if err == nil {
		err = file.Chmod(0o644) // whatever the umask: every browser reads it
	}
	if err == nil {
		err = file.Sync() // a power cut after the rename leaves the whole file
	}
	return errors.Join(err, file.Close())
}

// steps are the folders from below Root to dir.
func (c Changer) steps(dir string) []string {
	var all []string
	for path := dir; path != filepath.Clean("/"+c.Root) && path != "/"; path = filepath.Dir(path) {
		all = append(all, path)
	}
	slices.Reverse(all)
	return all
}

// checkFolder refuses a way to dir that leads through a link or a folder that
// others than root can change: what stands there could be swapped meanwhile.
func (c Changer) checkFolder(dir string) error {
	for _, path := range c.steps(dir) {
		info, err := os.Lstat(path)
		if err != nil {
			return err
		}
		if err := rootOnly(path, info); err != nil {
			return err
		}
	}
	return nil
}

// makeFolder makes the folders on the way to dir that are missing, and notes them
// first, for unmakeFolder.
func (c Changer) makeFolder(own *claim, dir string) error {
	for _, path := range c.steps(dir) {
		info, err := os.Lstat(path)
		if errors.Is(err, fs.ErrNotExist) {
			if err = own.note(func(made []string) []string { return append(made, path) }); err == nil {
				if err = os.Mkdir(path, 0o755); err == nil {
					err = os.Chmod(path, 0o755)
				}
			}
		} else if err == nil {
			err = rootOnly(path, info)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// unmakeFolder removes what makeFolder made, unless somebody else uses it by now.
func (c Changer) unmakeFolder(own *claim, dir string) error {
	made, err := own.made()
	if err != nil {
		return err
	}
	steps := c.steps(dir)
	for _, path := range slices.Backward(steps) {
		if !slices.Contains(made, path) || syscall.Rmdir(path) != nil {
			break
		}
	}
	return own.note(func(made []string) []string {
		return slices.DeleteFunc(made, func(path string) bool { return slices.Contains(steps, path) && !exists(path) })
	})
}

func exists(path string) bool { _, err := os.Lstat(path); return err == nil }

// made are the folders that devcert made.
func (c *claim) made() ([]string, error) {
	data, err := os.ReadFile(filepath.Join(c.folder, madeName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var made []string
	if err == nil {
		err = json.Unmarshal(data, &made)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", filepath.Join(c.folder, madeName), err)
	}
	return made, nil
}

// note replaces the list; an empty one is no file.
func (c *claim) note(change func(made []string) []string) error {
	made, err := c.made()
	if err != nil {
		return err
	}
	made = slices.Compact(slices.Sorted(slices.Values(change(made))))
	path := filepath.Join(c.folder, madeName)
	if len(made) == 0 {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	data, err := json.Marshal(made)
	if err != nil {
		return err
	}
	if err := os.Remove(path + "-new"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := writeNew(path+"-new", data); err != nil {
		return err
	}
	return os.Rename(path+"-new", path)
}

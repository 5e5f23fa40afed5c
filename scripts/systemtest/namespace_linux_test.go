package systemtest

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// private are the folders of which every machine has its own version.
func private() []string { return []string{"/etc", "/usr/local/share", "/var/lib", homes()} }

// homes is where the home folders are, at one path on every machine.
func homes() string { return filepath.Join(suite.dir, "homes") }

// An image is what a machine wrote to its private folders, frozen: a further
// machine starts from there. The newest layer comes first.
type image struct{ layers []string }

// enter puts the calling thread into a mount namespace of its own, where each
// folder is overlaid. What is written goes to a new layer, which is returned. The
// thread never leaves: it must be locked to its goroutine, and ends with it.
func enter(base image, folders []string) (image, error) {
	layer, err := os.MkdirTemp(filepath.Join(suite.dir), "layer-")
	if err != nil {
		return image{}, err
	}
	if err := unix.Unshare(unix.CLONE_NEWNS | unix.CLONE_FS); err != nil {
		return image{}, fmt.Errorf("make a mount namespace: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return image{}, fmt.Errorf("make the mounts private: %w", err)
	}
	for _, folder := range folders {
		if err := overlay(folder, layer, base.layers); err != nil {
			return image{}, err
		}
	}
	return image{append([]string{layer}, base.layers...)}, hide(browsers...)
}

// browsers are hidden from the machines of most tests, which are about the system's
// store: where there is one its database is made, and stays.
var browsers = []string{"/usr/bin/chromium", "/usr/bin/google-chrome", "/usr/bin/microsoft-edge"}

// hide has the calling thread's namespace hold nothing that can be executed where
// a program is, or nothing at all where a folder is.
func hide(paths ...string) error {
	for _, path := range paths {
		var err error
		switch _, missing := os.Stat(path); {
		case missing != nil:
		case isFolder(path):
			err = unix.Mount("systemtest", path, "tmpfs", 0, "mode=0755")
		default:
			err = unix.Mount("/dev/null", path, "", unix.MS_BIND, "")
		}
		if err != nil {
			return fmt.Errorf("hide %s: %w", path, err)
		}
	}
	return nil
}

// show undoes a hide of programs.
func show(paths ...string) error {
	for _, path := range paths {
		if _, missing := os.Stat(path); missing == nil {
			if err := unix.Unmount(path, 0); err != nil {
				return fmt.Errorf("show %s: %w", path, err)
			}
		}
	}
	return nil
}

// javas is where Java is. Debian's hook needs it; other systems' machines have none.
const javas = "/usr/lib/jvm"

// overlay stacks the layers on folder. They lie side by side in one mount, since
// the kernel stacks overlays at most two deep and scripts/private-machine has
// made the first.
func overlay(folder, upper string, lower []string) error {
	name := strings.ReplaceAll(strings.TrimPrefix(folder, suite.dir), "/", "_")
	work := filepath.Join(upper, name+".work")
	for _, dir := range []string{filepath.Join(upper, name), work} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
		if err := os.Chmod(dir, 0o755); err != nil {
			return err
		}
	}
	var stack []string
	for _, layer := range lower {
		if dir := filepath.Join(layer, name); isFolder(dir) {
			stack = append(stack, dir)
		}
	}
	stack = append(stack, folder)
	options := fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", strings.Join(stack, ":"), filepath.Join(upper, name), work)
	if err := unix.Mount("systemtest", folder, "overlay", 0, options); err != nil {
		return fmt.Errorf("overlay %s (%s): %w", folder, options, err)
	}
	return nil
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// freeze makes an image of what work does to a machine that starts from base.
// The namespace is gone before anybody uses the image: a layer must not change
// below another.
func freeze(base image, work func() error) (made image, err error) {
	var wg sync.WaitGroup
	wg.Go(func() {
		runtime.LockOSThread()
		if made, err = enter(base, private()); err == nil {
			err = work()
		}
	})
	wg.Wait()
	return made, err
}

// needMachine skips a test that may not use the machine.
func needMachine(t *testing.T) {
	t.Helper()
	if os.Getenv("DEVCERT_TEST_MACHINE") != "1" {
		t.Skip("uses the machine's stores: scripts/test-system runs it where that is safe")
	}
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
}

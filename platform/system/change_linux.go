package system

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/smallstep/truststore"

	"devcert/devcert"
	"devcert/platform/run"
)

// unsupportedError says why the store cannot be changed on this machine.
type unsupportedError struct{ reason, remedy string }

func (e *unsupportedError) Error() string { return "the system store cannot be changed: " + e.reason }
func (e *unsupportedError) Unwrap() error { return devcert.ErrUnsupported }

// Remedy says what a person can do.
func (e *unsupportedError) Remedy() string { return e.remedy + without }

// without is the way on where the store cannot be had.
const without = ", or leave the store out: devcert setup --stores none"

var errNoFamily = &unsupportedError{"devcert knows no way of this system's", "trust the root.pem of the state folder by hand"}

// Changer changes the store. It is meant for the privileged child: it needs
// root's rights, a clean environment and a umask of 022.
type Changer struct {
	// Keep, unless nil, secures what the tool is about to write in place, and
	// returns what is to be called when it has.
	Keep func(ctx context.Context, waiting func()) (settle func() error, err error)
	// Root is put before every path. It is empty but in tests.
	Root string
}

// change is one change of the store that is being made. Nobody else of devcert's
// makes one at the same time.
type change struct {
	family
	*claim
	command []string     // of the tool
	settle  func() error // what was kept
}

// Trust adds root's anchor and has the bundle rebuilt, also where either is
// there already: that mends a store that has the root in part.
//
// While another devcert changes the store it waits, until ctx ends, and calls
// waiting once if that takes long. A change that has begun is finished: half of
// one would be worse for every client than a late answer is for a person.
func (c Changer) Trust(ctx context.Context, root *x509.Certificate, waiting func()) error {
	ch, err := c.begin(ctx, waiting)
	if err != nil {
		return err
	}
	defer ch.release()
	return errors.Join(ch.trust(root), ch.unmakeAnchors(ch.anchors), ch.settle())
}

func (c *change) trust(root *x509.Certificate) error {
	path := c.anchor(root)
	was, err := lookOwn(path, root)
	if err != nil {
		return err
	}
	if err := c.makeAnchors(c.anchors); err != nil {
		return err
	}
	if err := c.forceRehash(path, root); err != nil {
		return failed("remove the link "+c.link(path), c.hashed, err)
	}
	if was == damaged { // and perhaps another name of somebody's file
		if err := removeAnchor(path); err != nil {
			return err
		}
	}
	err = failed("write "+path, c.anchors, writeAnchor(path, root))
	if err == nil {
		err = c.throughError(path, throughTruststore(truststore.Install, root, path, c.command, c.work()))
	}
	if err != nil && was != whole { // an anchor that was not taken up would be, by somebody's next update
		return errors.Join(err, removeAnchor(path), failed("remove the link "+c.link(path), c.hashed, c.removeLink(path)))
	}
	return err
}

// writeAnchor writes what truststore is about to write again with tee, which has
// but words for why it cannot. A whole file is not emptied first: on a full disk
// it would stay empty.
func writeAnchor(path string, root *x509.Certificate) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|syscall.O_NOFOLLOW, 0o644)
	if err != nil {
		return err
	}
	_, err = file.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Raw}))
	if err == nil {
		err = file.Chmod(0o644) // of a file that was there
	}
	return errors.Join(err, file.Close())
}

// Distrust removes every anchor that is root by its bytes, whatever its name,
// and root's own where it is damaged, and has the bundle rebuilt. Where nothing
// of root is left, nothing is run. It waits as Trust does.
func (c Changer) Distrust(ctx context.Context, root *x509.Certificate, waiting func()) error {
	ch, err := c.begin(ctx, waiting)
	if err != nil {
		return err
	}
	defer ch.release()
	return errors.Join(ch.distrust(root), ch.unmakeAnchors(ch.anchors), ch.settle())
}

func (c *change) distrust(root *x509.Certificate) error {
	anchors, path := c.scanAnchors(root), c.anchor(root)
	was, theirs := lookOwn(path, root)
	if was == absent && !c.leftovers(anchors, root, theirs == nil) {
		return errors.Join(anchors.failed...)
	}
	paths, shared := removable(path, anchors)
	if theirs == nil {
		paths = append(paths, path) // which need not exist
	}
	if c.conf != "" {
		conf, err := c.announceRemoval(paths, c.work())
		if err != nil {
			return err
		}
		c.command = append(c.command, "--certsconf", conf)
	}
	for _, path := range paths {
		if err := removeAnchor(path); err != nil {
			return err
		}
	}
	return errors.Join(c.rebuild(root, path, theirs), shared, theirs)
}

// rebuild has the bundle rebuilt without the anchors that were removed. Where
// root's own file is somebody else's, truststore must not hear of it.
func (c *change) rebuild(root *x509.Certificate, path string, theirs error) error {
	if theirs == nil {
		return c.throughError(path, throughTruststore(truststore.Uninstall, root, path, c.command, c.work()))
	}
	if err := c.removeLink(path); err != nil { // made again, and taken for new: root's hash link goes
		return failed("remove the link "+c.link(path), c.hashed, err)
	}
	_, err := run.Command{Path: c.command[0], Args: c.command[1:]}.Run(context.Background())
	return c.throughError(path, err)
}

// begin finds out what to run, before anything is written: an anchor without a
// tool that takes it up is trusted by some later update of somebody else's. Then
// it waits for other processes of devcert.
func (c Changer) begin(ctx context.Context, waiting func()) (*change, error) {
	f, ok := familyOf(c.Root)
	if !ok {
		return nil, errNoFamily
	}
	tool, err := f.findTool(run.Finder{Root: c.Root})
	if err != nil {
		return nil, err
	}
	env, err := run.Finder{}.Find("env")
	if err != nil {
		return nil, err
	}
	command := append([]string{env, "-i"}, run.Environment()...)
	command = append(append(command, tool), f.args...)
	own, err := claimStore(ctx, c.Root, waiting)
	if err != nil {
		return nil, err
	}
	if f.conf != "" {
		if err := removeStale(ctx, f.bundle+".new"); err != nil {
			own.release()
			return nil, err
		}
	}
	settle := func() error { return nil }
	if c.Keep != nil {
		if settle, err = c.Keep(ctx, waiting); err != nil {
			own.release()
			return nil, err
		}
	}
	return &change{f, own, command, settle}, nil
}

// stale is how old a half-written bundle is when nobody is writing it any more.
const stale = 5 * time.Second

// removeStale removes what an update-ca-certificates that was killed left of its
// next bundle: the script appends to that file, and what is in it would be in
// the bundle twice. One that is being written is waited for.
func removeStale(ctx context.Context, path string) error {
	for {
		info, err := os.Lstat(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return failed("look at "+path, filepath.Dir(path), err)
		}
		if !info.Mode().IsRegular() {
			return &unsupportedError{path + " stands where update-ca-certificates writes", "move it away"}
		}
		if time.Since(info.ModTime()) > stale {
			return failed("remove "+path, filepath.Dir(path), os.Remove(path))
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for another update of %s: %w", path, context.Cause(ctx))
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (f family) findTool(tools run.Finder) (string, error) {
	tool, err := tools.Find(f.tool)
	if errors.Is(err, fs.ErrNotExist) {
		return "", &unsupportedError{err.Error(), "install the package " + f.from}
	}
	if err != nil {
		return "", &unsupportedError{err.Error(), "let only root write there"}
	}
	return tool, nil
}

// leftovers says whether anything of root is in the store: an anchor, the
// bundle, a link. What cannot be read counts as there. The name link of an own
// anchor that is somebody else's is theirs too.
func (f family) leftovers(anchors *scan, root *x509.Certificate, ours bool) bool {
	_, bundle := f.lookBundle(root, &search{})
	if len(anchors.held) > 0 || bundle.has || bundle.err != nil {
		return true
	}
	if f.hashed == "" {
		return false
	}
	hashed := f.lookHashed(root)
	link := f.link(f.anchor(root))
	return hashed.has || hashed.err != nil || ours && pointsTo(link, f.anchor(root)) || hashLinkTo(f.hashed, link, root)
}

// removable lists the files of other names than root's own to remove. One that
// holds other certificates too was not made by devcert and stays; the error says
// so.
func removable(own string, anchors *scan) (paths []string, shared error) {
	for _, h := range anchors.held {
		switch {
		case h.path == own:
		case !h.sole:
			shared = errors.Join(shared, &foreignError{h.path, "holds the root among other certificates",
				"take the root out of " + h.path + " by hand"})
		default:
			paths = append(paths, h.path)
		}
	}
	return paths, shared
}

func removeAnchor(path string) error {
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return nil // on a disk that cannot be written to, removing nothing fails too
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return failed("remove "+path, filepath.Dir(path), err)
	}
	return nil
}

package firefox

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"devcert/devcert"
	"devcert/devcert/disk"
	"devcert/platform/securefile"
	"devcert/platform/system"
)

// Changer changes the machine's policies. It is meant for the privileged child: it
// needs root's rights, and every path it writes to or has loaded is its own.
type Changer struct {
	// Root is put before every path. It is empty but in tests.
	Root string
}

// Follow has every Firefox of the machine load p11-kit's trust module, on behalf of
// root, so that it follows the system's store. It waits for other devcerts until
// ctx ends, calls waiting once if that takes long, and finishes what it has begun.
func (c Changer) Follow(ctx context.Context, root *x509.Certificate, waiting func()) error {
	module, err := findModule(c.Root)
	if err != nil {
		return &problem{"have Firefox follow the system's store", err, "install the package p11-kit-modules (p11-kit-trust)" + again}
	}
	folder, release, err := system.Claim(ctx, c.Root, waiting)
	if err != nil {
		return err
	}
	defer release()
	l, err := readLedger(folder)
	if err != nil {
		return err
	}
	now, err := c.policies()
	if err != nil {
		return err
	}
	return c.follow(now, l, folder, root, module)
}

func (c Changer) follow(now *policies, l *ledger, folder string, root *x509.Certificate, module string) error {
	was := now.data
	if !now.there {
		var err error
		if was, err = c.installationPolicies(); err != nil {
			return err
		}
	}
	with, kept, err := addModule(was, module)
	if err != nil {
		return malformed(now.path, err)
	}
	had, _ := policyModules(was)
	if _, had := had[moduleName]; !had || len(l.Roots) == 0 {
		*l = ledger{Schema: ledgerSchema, Roots: l.Roots, Kept: kept, Created: !now.there, Folders: c.missingFolders()}
		switch blank := len(bytes.TrimSpace(was)) == 0; {
		case l.Created && len(was) > 0:
			l.Copied = digest(was)
		case !l.Created && blank:
			text := string(was)
			l.Blank = &text
		}
	}
	before := len(l.Roots)
	l.add(root)
	unchanged := now.there && bytes.Equal(with, was)
	if unchanged && len(l.Roots) == before {
		return nil
	}
	if err := l.write(folder); err != nil {
		return err
	}
	if unchanged {
		return nil
	}
	return now.write(with)
}

// Leave forgets root, and once no root is left has Firefox leave the system's store:
// the policies are then what they were before, but for what others changed since.
// It waits as Follow does.
func (c Changer) Leave(ctx context.Context, root *x509.Certificate, waiting func()) error {
	folder, release, err := system.Claim(ctx, c.Root, waiting)
	if err != nil {
		return err
	}
	defer release()
	l, err := readLedger(folder)
	if err != nil {
		return err
	}
	lost := len(l.Roots) == 0
	l.drop(root)
	if len(l.Roots) > 0 {
		return l.write(folder)
	}
	if lost { // only the module itself is known to be devcert's
		l.Kept = len(moduleKeys)
	}
	if err := c.leave(l); err != nil {
		return err
	}
	return removeLedger(folder)
}

// moduleKeys are those that lead to the module, at most.
var moduleKeys = []string{"policies", "SecurityDevices", "Add", moduleName}

func (c Changer) leave(l *ledger) error {
	now, err := c.policies()
	if err != nil || !now.there {
		return err
	}
	without, left, err := removeModule(now.data, l.Kept)
	if err != nil {
		return malformed(now.path, err)
	}
	if l.Created && (!left || l.Copied != "" && digest(without) == l.Copied) {
		if err := os.Remove(now.path); err != nil {
			return now.failed(err)
		}
		c.removeFolders(l.Folders)
		return nil
	}
	if l.Blank != nil && string(without) == noPolicies {
		without = []byte(*l.Blank)
	}
	if bytes.Equal(without, now.data) {
		return nil
	}
	return now.write(without)
}

// policies is the file as it is now.
type policies struct {
	path  string
	there bool
	data  []byte
	mode  fs.FileMode
	group int // who owns it is root
}

// policies reads the file. One that others than root can change, or that leads
// somewhere else, is refused: whoever can write it decides what Firefox loads.
func (c Changer) policies() (*policies, error) {
	p := &policies{path: filepath.Join(c.Root, policyFile), mode: disk.PublicMode, group: os.Getegid()}
	if err := c.safe(); err != nil {
		return nil, err
	}
	info, err := os.Lstat(p.path)
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err != nil {
		return nil, p.failed(err)
	}
	if !info.Mode().IsRegular() {
		return nil, p.unsafe("is not a regular file")
	}
	if !rootOnly(info) {
		return nil, p.unsafe("can be changed by others than root")
	}
	p.there, p.mode, p.group = true, info.Mode().Perm(), groupOf(info)
	if p.data, err = disk.ReadFile(p.path); err != nil {
		return nil, p.failed(err)
	}
	return p, nil
}

func (p *policies) unsafe(why string) error {
	return &problem{
		"have Firefox follow the system's store", fmt.Errorf("%w: %s %s", devcert.ErrUnsupported, p.path, why),
		"see whose " + p.path + " is, and let it be a file that only root can write" + again,
	}
}

func (p *policies) failed(err error) error {
	return &problem{"change Firefox's policies", err, "see that root can write to " + filepath.Dir(p.path) + again}
}

// write replaces the file in one go. Everybody has to be able to read it, unless
// somebody wanted otherwise.
func (p *policies) write(data []byte) error {
	dir := filepath.Dir(p.path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return p.failed(err)
	}
	if err := disk.WriteFile(securefile.Files{}, p.path, data, p.mode); err != nil {
		return p.failed(err)
	}
	if p.group != os.Getegid() {
		if err := os.Chown(p.path, -1, p.group); err != nil {
			return p.failed(err)
		}
	}
	return nil
}

func groupOf(info fs.FileInfo) int {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(stat.Gid)
	}
	return os.Getegid()
}

// folders are the policies' own, the innermost first.
func (c Changer) folders() []string {
	inner := filepath.Join(c.Root, policyFolder)
	return []string{inner, filepath.Dir(inner)}
}

// safe refuses folders that others than root can change.
func (c Changer) safe() error {
	for _, dir := range append(c.folders(), filepath.Join(c.Root, "/etc")) {
		info, err := os.Lstat(dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil && (!info.IsDir() || !rootOnly(info)) {
			err = fmt.Errorf("%w: %s can be changed by others than root, or is no folder", devcert.ErrUnsupported, dir)
		}
		if err != nil {
			return &problem{"have Firefox follow the system's store", err, "let only root write to " + dir + again}
		}
	}
	return nil
}

func (c Changer) missingFolders() int {
	n := 0
	for _, dir := range c.folders() {
		if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
			n++
		}
	}
	return n
}

// removeFolders removes those that were made, unless somebody uses them by now.
func (c Changer) removeFolders(n int) {
	for _, dir := range c.folders()[:min(max(n, 0), 2)] {
		if os.Remove(dir) != nil {
			return
		}
	}
}

// installations are the folders of Firefoxes that packages install.
var installations = []string{
	"/usr/lib/firefox", "/usr/lib/firefox-esr", "/usr/lib64/firefox", "/usr/lib64/firefox-esr", "/opt/firefox",
}

// installationPolicies are those that come with a Firefox of this machine, which it
// stops reading once there is a file for the whole machine. Two that differ cannot
// become one.
func (c Changer) installationPolicies() ([]byte, error) {
	var all []string
	var data []byte
	for _, dir := range installations {
		path := filepath.Join(dir, ownPolicies)
		err := safeFile(c.Root, path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			var one []byte
			one, err = disk.ReadFile(filepath.Join(c.Root, path))
			if err == nil && data != nil && !bytes.Equal(one, data) {
				err = fmt.Errorf("it differs from %s, and one file would replace both", all[0])
			}
			data, all = one, append(all, path)
		}
		if err != nil {
			return nil, &problem{
				"keep the policies of " + path, fmt.Errorf("%w: %w", devcert.ErrUnsupported, err),
				"merge the policies of every Firefox into " + policyFile + " by hand" + again,
			}
		}
	}
	return data, nil
}

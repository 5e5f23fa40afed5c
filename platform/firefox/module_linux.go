package firefox

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"

	"devcert/devcert"
)

// trustModule is p11-kit's module that shows the system's anchors as NSS wants
// them.
const trustModule = "p11-kit-trust.so"

// processor is one that Go and Firefox both run on, as Debian names folders for it
// (wiki.debian.org/Multiarch/Tuples) and as ELF does.
type processor struct {
	tuple string
	elf   uint16
}

// machines are all of them, by Go's names.
var machines = sync.OnceValue(func() map[string]processor {
	return map[string]processor{
		"386":     {"i386-linux-gnu", 3},
		"amd64":   {"x86_64-linux-gnu", 62},
		"arm":     {"arm-linux-gnueabihf", 40},
		"arm64":   {"aarch64-linux-gnu", 183},
		"loong64": {"loongarch64-linux-gnu", 258},
		"ppc64le": {"powerpc64le-linux-gnu", 21},
		"riscv64": {"riscv64-linux-gnu", 243},
		"s390x":   {"s390x-linux-gnu", 22},
	}
})

// errNoModule says that the module is not installed.
var errNoModule = fmt.Errorf("%w: p11-kit's trust module is not installed", devcert.ErrUnsupported)

// findModule returns the path, without root, of the module for this machine's
// processor: one that nobody but root can replace, since it is loaded into the
// browser of every account.
func findModule(root string) (string, error) {
	machine := machines()[runtime.GOARCH]
	var refused error
	for _, lib := range []string{"/usr/lib/" + machine.tuple, "/usr/lib64", "/usr/lib"} {
		path := lib + "/pkcs11/" + trustModule
		err := safeFile(root, path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = builtFor(filepath.Join(root, path), machine.elf)
		}
		if err == nil {
			return path, nil
		}
		refused = fmt.Errorf("%w: %w", devcert.ErrUnsupported, err)
	}
	if refused != nil {
		return "", refused
	}
	return "", errNoModule
}

func builtFor(path string, machine uint16) error {
	got, err := machineOf(path)
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	if got != machine {
		return fmt.Errorf("%s is for another processor, number %d in ELF", path, got)
	}
	return nil
}

// machineOf reads whom a file is for from ELF's header (System V ABI, chapter 4).
// That is all that is asked of it: debug/elf, which unpacks sections too, would be a
// hundredth of the program.
func machineOf(path string) (uint16, error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	var head [20]byte
	if _, err := io.ReadFull(file, head[:]); err != nil {
		return 0, err
	}
	var order binary.ByteOrder = binary.LittleEndian
	switch {
	case string(head[:4]) != "\x7fELF":
		return 0, errors.New("it is no ELF file")
	case head[5] == 2: // ELFDATA2MSB
		order = binary.BigEndian
	}
	return order.Uint16(head[18:]), nil
}

// safeFile says why somebody other than root could change the file at path below
// root, or put another in its place: on the way as it is named, and where links
// lead.
func safeFile(root, path string) error {
	named := filepath.Join(root, path)
	real, err := filepath.EvalSymlinks(named)
	if err != nil {
		return err
	}
	info, err := os.Stat(real)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", named)
	}
	if !rootOnly(info) {
		return fmt.Errorf("%s can be changed by others than root", named)
	}
	return errors.Join(safeFolders(root, filepath.Dir(named)), safeFolders(root, filepath.Dir(real)))
}

// safeFolders says the same of a folder and all that it is in, up to root.
func safeFolders(root, dir string) error {
	for {
		info, err := os.Stat(dir)
		if err != nil {
			return err
		}
		if !info.IsDir() || !rootOnly(info) {
			return fmt.Errorf("%s can be changed by others than root", dir)
		}
		if dir == "/" || dir == filepath.Clean(root) || root != "" && !strings.HasPrefix(dir, root) {
			return nil
		}
		dir = filepath.Dir(dir)
	}
}

// rootOnly says whether only root, or we ourselves, may write there.
func rootOnly(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && info.Mode().Perm()&0o022 == 0 && (stat.Uid == 0 || int(stat.Uid) == os.Geteuid())
}

package clients

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"

	"devcert/devcert"
	"devcert/platform/firefox"
	javastore "devcert/platform/java"
	"devcert/platform/winstore"
)

// thisMachine is what is read of this machine, with a user's variables.
func thisMachine(env []string) windowsMachine {
	return windowsMachine{
		env:  func(name string) string { return valueOf(env, name) },
		text: registryText, number: registryNumber, keys: registryKeys,
		file: isFile, read: readFile, version: resourceVersion,
		profiles: firefox.Profiles, systemRoots: firefox.EnterpriseRoots,
		listed: func(m devcert.Material) bool { return winstore.Listed(m, time.Now()) },
		keystores: func(m devcert.Material) []devcert.Place {
			return (&javastore.Store{Env: env}).Look(context.Background(), m) // it reads files, and no more
		},
	}
}

// withKey hands a key to use, as each view of the registry has it, until use says
// that it has what it wanted.
func withKey(path string, access uint32, use func(registry.Key) bool) {
	hive, below, _ := strings.Cut(path, `\`)
	top := registry.LOCAL_MACHINE
	if hive == "HKCU" {
		top = registry.CURRENT_USER
	}
	for _, view := range []uint32{registry.WOW64_64KEY, registry.WOW64_32KEY} {
		key, err := registry.OpenKey(top, below, access|view)
		if err != nil {
			continue
		}
		done := use(key)
		_ = key.Close()
		if done {
			return
		}
	}
}

func registryText(key, name string) (text string) {
	withKey(key, registry.QUERY_VALUE, func(k registry.Key) bool {
		value, kind, err := k.GetStringValue(name)
		if err != nil {
			return false
		}
		if kind == registry.EXPAND_SZ {
			if expanded, err := registry.ExpandString(value); err == nil {
				value = expanded
			}
		}
		text = value
		return value != ""
	})
	return text
}

func registryNumber(key, name string) (number uint64, is bool) {
	withKey(key, registry.QUERY_VALUE, func(k registry.Key) bool {
		value, _, err := k.GetIntegerValue(name)
		if err == nil {
			number, is = value, true
		}
		return is
	})
	return number, is
}

// registryKeys are those of both views: a Python for 32 bits is only in its own.
func registryKeys(key string) (names []string) {
	withKey(key, registry.ENUMERATE_SUB_KEYS, func(k registry.Key) bool {
		some, err := k.ReadSubKeyNames(-1)
		if err == nil {
			names = append(names, some...)
		}
		return false
	})
	return names
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Size() > 0
}

// maxRead is the largest file that is read; bundles of roots have some hundred KiB.
const maxRead = 16 << 20

// readFile reads a regular file: a device that somebody's variable names would
// make it wait.
func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	data, err := io.ReadAll(io.LimitReader(file, maxRead+1))
	if err == nil && len(data) > maxRead {
		err = fmt.Errorf("%s is larger than %d MiB", path, maxRead>>20)
	}
	return data, err
}

// resourceVersion is the version of the product in a program's resource.
func resourceVersion(path string) string {
	size, err := windows.GetFileVersionInfoSize(path, nil)
	if err != nil || size == 0 {
		return ""
	}
	block := make([]byte, size)
	if err := windows.GetFileVersionInfo(path, 0, size, unsafe.Pointer(&block[0])); err != nil {
		return ""
	}
	var info *windows.VS_FIXEDFILEINFO
	length := uint32(unsafe.Sizeof(*info))
	err = windows.VerQueryValue(unsafe.Pointer(&block[0]), `\`, unsafe.Pointer(&info), &length)
	if err != nil || info == nil || length < uint32(unsafe.Sizeof(*info)) {
		return ""
	}
	high, low := info.ProductVersionMS, info.ProductVersionLS
	return fmt.Sprintf("%d.%d.%d.%d", high>>16, high&0xffff, low>>16, low&0xffff)
}

package httpsys

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
)

// Path is where Windows keeps netsh.exe. It comes from the system itself:
// PATH and SystemRoot belong to whoever started this process.
func Path() (string, error) {
	folder, err := windows.GetSystemDirectory()
	if err != nil {
		return "", fmt.Errorf("find netsh: ask for the system folder: %w", err)
	}
	return filepath.Join(folder, "netsh.exe"), nil
}

// System is the netsh of this machine, with its scripts in folder (see
// [Netsh]). start runs the program at an absolute path as [Netsh].Run says.
func System(folder string, start func(ctx context.Context, path string, args ...string) ([]byte, error)) (*Netsh, error) {
	path, err := Path()
	if err != nil {
		return nil, err
	}
	run := func(ctx context.Context, args ...string) ([]byte, error) { return start(ctx, path, args...) }
	return &Netsh{Run: run, Folder: folder, Unbound: Unbound}, nil
}

// tables are where HTTP.sys keeps its bindings, by address, by name, of central
// stores. A key that is not there has never been needed.
var tables = []string{"SslBindingInfo", "SslSniBindingInfo", "SslCcsBindingInfo", "SslScopedCcsBindingInfo"}

// Unbound says whether the registry shows no binding at all, for [Netsh].
func Unbound() (bool, error) {
	for _, table := range tables {
		path := `SYSTEM\CurrentControlSet\Services\HTTP\Parameters\` + table
		key, err := registry.OpenKey(registry.LOCAL_MACHINE, path, registry.QUERY_VALUE)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return false, fmt.Errorf(`read HKLM\%s: %w`, path, err)
		}
		info, err := key.Stat()
		_ = key.Close() // it was only read
		if err != nil {
			return false, fmt.Errorf(`read HKLM\%s: %w`, path, err)
		}
		if info.SubKeyCount > 0 {
			return false, nil
		}
	}
	return true, nil
}

package dotnet

import (
	"bufio"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// present says whether .NET is on this machine for this user: they have its
// folder, or its host can be started from where .NET's installers put it. A
// program that brings a .NET of its own leaves no trace before its first
// certificate; for those, the store can be asked for by name.
func (s *Store) present() bool {
	if home := s.env("HOME"); filepath.IsAbs(home) && isFolder(filepath.Join(home, steps[0])) {
		return true
	}
	return len(s.Hosts()) > 0
}

// Hosts are the programs that start what is written for .NET, as absolute paths.
// The first is the one that the user's shell starts, if there is one.
func (s *Store) Hosts() []string {
	dirs := append(filepath.SplitList(s.env("PATH")), s.installed()...)
	if home := s.env("HOME"); home != "" {
		dirs = append(dirs, filepath.Join(home, steps[0])) // dotnet-install's
	}
	var hosts []string
	for _, dir := range dirs {
		// An empty or relative entry means where the shell stands, which says
		// nothing about the machine.
		if path := filepath.Join(dir, "dotnet"); filepath.IsAbs(dir) && canStart(path) && !slices.Contains(hosts, path) {
			hosts = append(hosts, path)
		}
	}
	return hosts
}

// installed are the folders in which .NET's hosts look for it when no PATH leads
// there: the variables, the file that installers write, and the defaults of
// Microsoft's and the distributions' packages (dotnet/designs,
// install-locations.md).
func (s *Store) installed() []string {
	dirs := []string{s.env("DOTNET_ROOT"), s.env("DOTNET_ROOT_X64"), s.env("DOTNET_ROOT_ARM64")}
	for _, name := range []string{"install_location", "install_location_x64", "install_location_arm64"} {
		if line := firstLine(filepath.Join(s.Root, "/etc/dotnet", name)); line != "" {
			dirs = append(dirs, filepath.Join(s.Root, line))
		}
	}
	for _, dir := range []string{
		"/usr/share/dotnet", "/usr/lib/dotnet", "/usr/lib64/dotnet", "/usr/local/share/dotnet", "/snap/dotnet-sdk/current",
	} {
		dirs = append(dirs, filepath.Join(s.Root, dir))
	}
	return dirs
}

// canStart says whether path is a program: not a folder, not a file that lost its
// mode. Windows has no such mode, and another store.
func canStart(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// firstLine reads the first line of a small regular file, "" where there is none.
func firstLine(path string) string {
	f, _, err := openRegular(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	line, _ := bufio.NewReader(io.LimitReader(f, 4096)).ReadString('\n')
	return strings.TrimSpace(line)
}

package wsl

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// What machines show of themselves.
const (
	releaseFile = "/proc/sys/kernel/osrelease"
	handlerFile = "/proc/sys/fs/binfmt_misc/WSLInterop"
	wsl2        = "5.15.167.4-microsoft-standard-WSL2\n"
	debian      = "6.1.0-28-amd64\n"
)

func TestHere(t *testing.T) {
	session := []string{"WSL_INTEROP=/run/WSL/8_interop", "WSL_DISTRO_NAME=Ubuntu"}
	for _, row := range []struct {
		name  string
		files map[string]string
		env   []string
		want  bool
	}{
		{"a plain Linux", map[string]string{releaseFile: debian}, nil, false},
		{"nothing can be read", nil, nil, false},
		{"WSL 1", map[string]string{releaseFile: "4.4.0-19041-Microsoft\n", handlerFile: "enabled\n"}, session, true},
		{"WSL 2", map[string]string{releaseFile: wsl2, handlerFile: "enabled\n"}, session, true},
		{"WSL 2 under sudo", map[string]string{releaseFile: wsl2, handlerFile: "enabled\n"}, nil, true},
		{"WSL 2 with systemd", map[string]string{releaseFile: wsl2, handlerFile + "-late": "enabled\n"}, nil, true},
		{"WSL 2 with a kernel of one's own", map[string]string{releaseFile: debian, handlerFile: "enabled\n"}, nil, true},
		{"the same, and the table of interpreters cleared", map[string]string{releaseFile: debian, "/run/WSL/8_interop": ""}, session, true},
		{"WSL 2 with interop off", map[string]string{releaseFile: wsl2, "/etc/wsl.conf": "[interop]\nenabled=false\n"}, nil, true},
		{"WSL 2, its table of interpreters cleared", map[string]string{releaseFile: wsl2, "/run/WSL/8_interop": ""}, nil, true},
		{"WSL 2, nothing but its name", map[string]string{releaseFile: wsl2}, []string{"WSL_DISTRO_NAME=Ubuntu"}, true},
		{"a container on WSL 2", map[string]string{releaseFile: wsl2, "/.dockerenv": ""}, nil, false},
		{"a container on WSL 2 that says nothing", map[string]string{releaseFile: wsl2}, nil, false},
		{"a container that sees the kernel's table", map[string]string{releaseFile: wsl2, handlerFile: "enabled\n", "/run/.containerenv": ""}, nil, false},
		{"a container with interop", map[string]string{releaseFile: wsl2, handlerFile: "enabled\n", "/.dockerenv": "", "/run/WSL/8_interop": ""}, session, true},
		{"a variable that came by ssh", map[string]string{releaseFile: debian}, session, false},
		{"a variable that is empty", map[string]string{releaseFile: wsl2}, []string{"WSL_INTEROP=", "WSL_DISTRO_NAME="}, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			root := t.TempDir()
			for name, text := range row.files {
				path := filepath.Join(root, name)
				require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
				require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
			}
			require.Equal(t, row.want, lookAround(root, row.env).wsl())
		})
	}
}

// BenchmarkHere is what every command pays on a Linux that is not under Windows.
func BenchmarkHere(b *testing.B) {
	for b.Loop() {
		if Here(nil) {
			b.Skip("this is WSL")
		}
	}
}

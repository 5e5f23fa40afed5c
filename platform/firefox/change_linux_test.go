package firefox

import (
	"context"
	"crypto/x509"
	"debug/elf"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/devcert/chain"
	"devcert/platform/elevate"
	"devcert/platform/nss"
)

func runCertutil(t *testing.T, tool nss.Tool, args ...string) string {
	t.Helper()
	out, err := exec.Command(tool.Path, args...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return string(out)
}

func (w *world) follow(root *x509.Certificate) error {
	return w.private.changer.Follow(context.Background(), root, func() {})
}

func (w *world) leave(root *x509.Certificate) error {
	return w.private.changer.Leave(context.Background(), root, func() {})
}

// TestPoliciesAreRestored: whatever an administrator had there is there again, byte
// for byte, with its mode.
func TestPoliciesAreRestored(t *testing.T) {
	tests := []struct{ name, text string }{
		{"others", "{\n\t\"policies\": {\n\t\t\"DisableTelemetry\": true\n\t}\n}\n"},
		{"no end of line", `{"policies":{"SecurityDevices":{"Card":"/opt/card.so"}}}`},
		{"empty objects", `{"policies": {"SecurityDevices": {"Add": {}}}}`},
		{"CRLF", "{\r\n  \"policies\": {\r\n    \"A\": [1, 2]\r\n  }\r\n}\r\n"},
		{"no policies", "{ }"},
		{"nothing", ""},
		{"blanks", "\n \n"},
	}
	h := newHierarchy(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t).withModule()
			path := write(t, test.text, w.root, policyFile)
			require.NoError(t, os.Chmod(path, 0o604))
			before := w.listing()
			require.NoError(t, w.follow(h.Root))
			modules, err := policyModules([]byte(w.policies()))
			require.NoError(t, err)
			require.Equal(t, w.modulePath(), modules[moduleName])
			after := w.listing()
			require.NoError(t, w.follow(h.Root))
			require.Equal(t, after, w.listing(), "doing it again changes nothing")
			require.NoError(t, w.leave(h.Root))
			require.Equal(t, before, w.listing())
			info, err := os.Stat(path)
			require.NoError(t, err)
			require.Equal(t, os.FileMode(0o604), info.Mode().Perm())
			require.NoError(t, w.leave(h.Root), "nothing to leave")
			require.Equal(t, before, w.listing())
		})
	}
}

func TestPoliciesThatOthersChangeMeanwhile(t *testing.T) {
	h := newHierarchy(t)
	t.Run("more policies", func(t *testing.T) {
		w := newWorld(t).withModule()
		require.NoError(t, w.follow(h.Root))
		more := strings.Replace(w.policies(), `{"policies": {`, `{"policies": {"DisableTelemetry": true, `, 1)
		path := write(t, more, w.root, policyFile)
		require.NoError(t, w.leave(h.Root))
		require.FileExists(t, path)
		require.Equal(t, "{\"policies\": {\"DisableTelemetry\": true}}\n", w.policies())
	})
	t.Run("removed", func(t *testing.T) {
		w := newWorld(t).withModule()
		require.NoError(t, w.follow(h.Root))
		require.NoError(t, os.Remove(filepath.Join(w.root, policyFile)))
		require.NoError(t, w.leave(h.Root))
		require.NoDirExists(t, filepath.Join(w.root, "var/lib/devcert"))
	})
	t.Run("broken", func(t *testing.T) {
		w := newWorld(t).withModule()
		require.NoError(t, w.follow(h.Root))
		path := write(t, "{", w.root, policyFile)
		err := w.leave(h.Root)
		require.Contains(t, remedyOf(t, err), path)
		require.Equal(t, "{", w.policies())
		require.DirExists(t, filepath.Join(w.root, "var/lib/devcert"), "there is still something to put back")
	})
	t.Run("the ledger is lost", func(t *testing.T) {
		w := newWorld(t).withModule()
		require.NoError(t, w.follow(h.Root))
		require.NoError(t, os.RemoveAll(filepath.Join(w.root, "var/lib/devcert")))
		require.NoError(t, w.leave(h.Root))
		require.Equal(t, "{\"policies\": {\"SecurityDevices\": {\"Add\": {}}}}\n", w.policies(), "only the module is known to be ours")
	})
	t.Run("the ledger is damaged", func(t *testing.T) {
		w := newWorld(t).withModule()
		require.NoError(t, w.follow(h.Root))
		path := write(t, "{", w.root, "var/lib/devcert", ledgerName)
		require.Contains(t, remedyOf(t, w.leave(h.Root)), path)
		require.Contains(t, remedyOf(t, w.follow(h.Root)), path)
	})
	t.Run("two users", func(t *testing.T) {
		w := newWorld(t).withModule()
		other := newHierarchy(t)
		before := w.listing()
		require.NoError(t, w.follow(h.Root))
		require.NoError(t, w.follow(other.Root))
		with := w.policies()
		require.NoError(t, w.leave(h.Root))
		require.Equal(t, with, w.policies())
		require.NoError(t, w.leave(other.Root))
		require.Equal(t, before, w.listing())
	})
}

// TestInstallationPolicies: Firefox stops reading its own once there are the
// machine's, so that they have to go on in there.
func TestInstallationPolicies(t *testing.T) {
	const own = "{\n  \"policies\": {\n    \"DisableAppUpdate\": true\n  }\n}\n"
	h := newHierarchy(t)
	t.Run("one", func(t *testing.T) {
		w := newWorld(t).withModule()
		write(t, own, w.root, "usr/lib/firefox", ownPolicies)
		before := w.listing()
		require.NoError(t, w.follow(h.Root))
		require.Contains(t, w.policies(), `"DisableAppUpdate": true,`)
		require.NoError(t, w.leave(h.Root))
		require.Equal(t, before, w.listing())
	})
	t.Run("two alike", func(t *testing.T) {
		w := newWorld(t).withModule()
		write(t, own, w.root, "usr/lib/firefox", ownPolicies)
		write(t, own, w.root, "opt/firefox", ownPolicies)
		require.NoError(t, w.follow(h.Root))
		require.Contains(t, w.policies(), `"DisableAppUpdate": true,`)
	})
	t.Run("two that differ", func(t *testing.T) {
		w := newWorld(t).withModule()
		write(t, own, w.root, "usr/lib/firefox", ownPolicies)
		write(t, "{}", w.root, "opt/firefox", ownPolicies)
		before := w.listing()
		err := w.follow(h.Root)
		require.ErrorIs(t, err, devcert.ErrUnsupported)
		require.Contains(t, remedyOf(t, err), policyFile)
		require.Equal(t, before, w.listing())
	})
}

// TestUnsafe: nothing that somebody else than root can change is loaded or written.
func TestUnsafe(t *testing.T) {
	h := newHierarchy(t)
	tests := []struct {
		name string
		make func(t *testing.T, w *world)
		says string
	}{
		{"no module", func(t *testing.T, w *world) {
			require.NoError(t, os.Remove(filepath.Join(w.root, w.modulePath())))
		}, "not installed"},
		{"a module that anybody can write", func(t *testing.T, w *world) {
			require.NoError(t, os.Chmod(filepath.Join(w.root, w.modulePath()), 0o666))
		}, "can be changed by others"},
		{"a module in a folder that a group can write", func(t *testing.T, w *world) {
			require.NoError(t, os.Chmod(filepath.Dir(filepath.Join(w.root, w.modulePath())), 0o775))
		}, "can be changed by others"},
		{"a module below such a folder", func(t *testing.T, w *world) {
			require.NoError(t, os.Chmod(filepath.Join(w.root, "usr"), 0o777))
		}, "can be changed by others"},
		{"a module that is a link to such a folder", func(t *testing.T, w *world) {
			module := filepath.Join(w.root, w.modulePath())
			elsewhere := mkdir(t, w.root, "home")
			require.NoError(t, os.Rename(module, filepath.Join(elsewhere, "m.so")))
			require.NoError(t, os.Symlink(filepath.Join(elsewhere, "m.so"), module))
			require.NoError(t, os.Chmod(elsewhere, 0o777))
		}, "can be changed by others"},
		{"a module for another processor", func(t *testing.T, w *world) { w.module(elf.EM_MIPS) }, "another processor"},
		{"a module that is none", func(t *testing.T, w *world) {
			write(t, strings.Repeat("rubbish ", 20), w.root, w.modulePath())
		}, "no ELF file"},
		{"policies that anybody can write", func(t *testing.T, w *world) {
			require.NoError(t, os.Chmod(write(t, "{}", w.root, policyFile), 0o666))
		}, "can be changed by others"},
		{"a folder of policies that anybody can write", func(t *testing.T, w *world) {
			require.NoError(t, os.Chmod(mkdir(t, w.root, policyFolder), 0o777))
		}, "can be changed by others"},
		{"a folder of policies that is a link", func(t *testing.T, w *world) {
			mkdir(t, w.root, "etc/firefox")
			require.NoError(t, os.Symlink(t.TempDir(), filepath.Join(w.root, policyFolder)))
		}, "is no folder"},
		{"policies that are a link", func(t *testing.T, w *world) {
			mkdir(t, w.root, policyFolder)
			require.NoError(t, os.Symlink(write(t, "{}", w.root, "there"), filepath.Join(w.root, policyFile)))
		}, "is not a regular file"},
		{"policies that are a folder", func(t *testing.T, w *world) { mkdir(t, w.root, policyFile) }, "is not a regular file"},
		{"an installation's policies that anybody can write", func(t *testing.T, w *world) {
			require.NoError(t, os.Chmod(write(t, "{}", w.root, "opt/firefox", ownPolicies), 0o666))
		}, "can be changed by others"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t).withModule()
			test.make(t, w)
			before := w.listing()
			err := w.follow(h.Root)
			require.ErrorIs(t, err, devcert.ErrUnsupported)
			require.ErrorContains(t, err, test.says)
			require.NotEmpty(t, remedyOf(t, err))
			require.Equal(t, before, w.listing())
		})
	}
}

func TestRequests(t *testing.T) {
	h := newHierarchy(t)
	tests := []struct {
		name string
		body any
	}{
		{"nothing", map[string]any{}},
		{"a path", map[string]any{"der": h.Root.Raw, "module": "/home/anna/evil.so"}},
		{"an intermediate", elevate.Certificate{DER: h.Intermediate.Cert.Raw}},
		{"a leaf", elevate.Certificate{DER: h.Leaf.Cert.Raw}},
		{"rubbish", elevate.Certificate{DER: []byte("rubbish")}},
		{"more behind it", elevate.Certificate{DER: append(h.Root.Raw[:len(h.Root.Raw):len(h.Root.Raw)], 0)}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t).withModule()
			before := w.listing()
			body, err := json.Marshal(test.body)
			require.NoError(t, err)
			for what, handler := range w.private.changer.Handlers() {
				require.ErrorContains(t, handler(t.Context(), body, func() {}), "refused", what)
			}
			require.Equal(t, before, w.listing())
		})
	}
	require.Equal(t, chain.PartRoot, chain.PartOf(h.Root))
}

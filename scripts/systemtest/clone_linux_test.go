package systemtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// TestGoRunFromAFreshClone does what the README's first screen says, with what is
// committed.
func TestGoRunFromAFreshClone(t *testing.T) {
	t.Run("root", func(t *testing.T) {
		m := newMachine(t).inClone()
		require.Contains(t, m.must(suite.goTool, "run", ".", "setup"), "https://localhost is trusted")
		m.requireHealthy()
	})
	t.Run("a plain user", func(t *testing.T) {
		m := newMachine(t).as(anna).inClone()
		r := m.run(suite.goTool, "run", ".", "setup")
		require.Contains(t, r.stderr, "exit status 4", "%s", r) // `go run` itself ends with 1
		const finish = "go build -o dist/devcert . && sudo dist/devcert repair --only trust-missing"
		require.Contains(t, r.stderr, "\nrun:  "+finish+"\n")
		require.Equal(t, []string{"trust-missing"}, m.status().kinds())
		m.sudoers(withoutAsking)
		m.must("sh", "-c", finish)
		m.requireHealthy()
		m.requireOwned()
	})
}

// inClone is the machine with a fresh clone for working folder. Modules and built
// packages come from the caches of whoever runs the tests. So do the flags by which
// they were built: by others, as a reader's own, all of Go is built anew.
func (m *machine) inClone() *machine {
	m.t.Helper()
	clone := filepath.Join(m.home(), "clone")
	must := func(name string, args ...string) string {
		out, err := exec.Command(name, args...).CombinedOutput()
		require.NoError(m.t, err, "%s", out)
		return string(out)
	}
	must("git", "clone", "--quiet", suite.checkout, clone)
	owner := strconv.Itoa(int(m.user.id))
	must("chown", "--recursive", owner+":"+owner, clone)
	modules, built := m.t.TempDir(), filepath.Join(suite.dir, "built-"+m.user.name)
	require.NoError(m.t, os.Chmod(filepath.Dir(modules), 0o755))
	require.NoError(m.t, unix.Mount(suite.modules, modules, "", unix.MS_BIND, ""))
	m.t.Cleanup(func() { _ = unix.Unmount(modules, unix.MNT_DETACH) })
	m.shareCache(built)
	inside := m.with("GOMODCACHE="+modules, "GOCACHE="+built, "PATH="+filepath.Dir(suite.goTool)+":"+systemPath)
	for _, name := range []string{"GOFLAGS", "CGO_ENABLED"} {
		if value, set := os.LookupEnv(name); set {
			inside.env = append(inside.env, name+"="+value)
		}
	}
	inside.dir, inside.wait = clone, 10*time.Minute // on a loaded machine Go builds for minutes
	return inside
}

// shareCache overlays the build cache on dir, so that any user can add to it; what
// an earlier machine's user has built is there.
func (m *machine) shareCache(dir string) {
	m.t.Helper()
	upper, work := dir+".upper", dir+".work"
	for _, path := range []string{dir, upper, work} {
		require.NoError(m.t, os.MkdirAll(path, 0o755))
	}
	options := "lowerdir=" + suite.cache + ",upperdir=" + upper + ",workdir=" + work
	require.NoError(m.t, unix.Mount("systemtest", dir, "overlay", 0, options))
	folders, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(m.t, err)
	for _, folder := range append(folders, dir) {
		if isFolder(folder) {
			require.NoError(m.t, os.Chmod(folder, 0o777))
		}
	}
}

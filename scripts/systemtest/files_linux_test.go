package systemtest

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// stateFiles are all files of a healthy state folder, GEN standing for the
// current generation, and what is left to say after a repair when its bytes are
// nowhere else.
var stateFiles = []struct{ path, stands string }{
	{"config.json", ""},
	{"ledger.json", ""},
	{"current", ""},
	{"bindings.json", ""},
	{"lock", ""},
	{".made-by-devcert.json", ""}, // without it the folders above stay
	{"root.pem", ""},
	{"intermediate.pem", ""},
	{"localhost.pem", ""},
	{"localhost-key.pem", ""},
	{"localhost.pfx", ""},
	{"bundle.pem", ""},
	{"GEN/root.pem", ""},
	{"GEN/root.crl", "crl-expired?"}, // only the root's key could sign another, and it is gone
	{"GEN/intermediate.pem", ""},
	{"GEN/intermediate-key.pem", ""}, // a new hierarchy, since nothing else can sign
	{"GEN/leaf.pem", ""},
	{"GEN/leaf-key.pem", ""},
	{"GEN/leaf.pfx", ""},
}

// damages are what can happen to a file.
var damages = []struct {
	name string
	do   func(m *machine, path string)
}{
	{"deleted", (*machine).remove},
	{"truncated", func(m *machine, path string) {
		info, err := os.Stat(path)
		require.NoError(m.t, err)
		require.NoError(m.t, os.Truncate(path, info.Size()/2))
	}},
	{"emptied", func(m *machine, path string) { require.NoError(m.t, os.Truncate(path, 0)) }},
	{"garbage", func(m *machine, path string) { m.write(path, "\x00garbage\xff\n") }},
	{"a folder", func(m *machine, path string) {
		m.remove(path)
		require.NoError(m.t, os.Mkdir(path, 0o700))
		m.write(filepath.Join(path, "somebody's"), "precious")
	}},
	{"a link elsewhere", func(m *machine, path string) {
		m.remove(path)
		require.NoError(m.t, os.Symlink(m.elsewhere(), path))
	}},
	{"a hard link elsewhere", func(m *machine, path string) {
		m.remove(path)
		require.NoError(m.t, os.Link(m.elsewhere(), path))
	}},
	{"a dangling link", func(m *machine, path string) {
		m.remove(path)
		require.NoError(m.t, os.Symlink(filepath.Join(m.home(), "nothing"), path))
	}},
	{"a FIFO", func(m *machine, path string) {
		m.remove(path)
		require.NoError(m.t, syscall.Mkfifo(path, 0o600))
	}},
}

// elsewhere is a file that is none of devcert's business.
func (m *machine) elsewhere() string { return filepath.Join(m.home(), "elsewhere") }

func TestEveryFileOfTheStateFolderHeals(t *testing.T) {
	for _, file := range stateFiles {
		for _, damage := range damages {
			t.Run(file.path+" "+damage.name, func(t *testing.T) {
				m := healthyMachine(t)
				path := m.state(file.path)
				if name, ok := strings.CutPrefix(file.path, "GEN/"); ok {
					path = m.generation(name)
				}
				m.write(m.elsewhere(), "precious")
				damage.do(m, path)
				m.heals(file.stands)
			})
		}
	}
}

// heals requires that status sees what is wrong without hanging on it, that
// repair cures it, and that what is nobody's to touch stays.
func (m *machine) heals(stands string) {
	t := m.t
	var doc document
	m.requireUnchanged(func() { doc = m.status() }, homes())
	require.Contains(t, []int{0, 3}, doc.Exit)
	for _, f := range doc.Findings {
		require.NotEmpty(t, f.Message+f.Remedy, "%+v", f)
	}
	r := m.devcert(0, "repair")
	require.NotContains(t, r.stderr, "panic")
	doc = m.status()
	var want []string
	if stands != "" {
		want = []string{stands}
	}
	require.Equal(t, want, doc.kinds(), "%+v", doc.Findings)
	require.Zero(t, doc.Exit)
	m.requireOneRoot(doc)
	m.requireUnchanged(func() { m.devcert(0, "repair") }, homes())
	m.devcert(0, "renew", "--force") // the folder can be written to as before
	require.Equal(t, want, m.status().kinds())
	require.Equal(t, "precious", m.read(m.elsewhere()))
}

func TestEveryFileIsInTheTable(t *testing.T) {
	m := healthyMachine(t)
	var listed []string
	for _, file := range stateFiles {
		listed = append(listed, strings.TrimPrefix(file.path, "GEN/"))
	}
	require.NoError(t, filepath.WalkDir(m.state(), func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			require.Contains(t, listed, filepath.Base(path))
		}
		return err
	}))
}

// TestAnOpenFolderIsClosedFirst lets a folder be there already, open to everyone.
func TestAnOpenFolderIsClosedFirst(t *testing.T) {
	for _, open := range []string{"", "generations"} {
		t.Run("state/"+open, func(t *testing.T) {
			m := newMachine(t).as(anna)
			m.must("mkdir", "-p", m.state(open))
			m.must("chmod", "0777", m.state(open))
			m.devcert(0, "setup", "--stores", "none")
			for _, dir := range []string{m.state(), m.state("generations")} {
				info, err := os.Stat(dir)
				require.NoError(t, err)
				require.Equal(t, os.FileMode(0o700), info.Mode().Perm(), dir)
			}
			m.requireUnchanged(func() { m.devcert(0, "setup") })
		})
	}
}

// TestANewerDevcertsFiles has documents of a schema that does not exist yet.
func TestANewerDevcertsFiles(t *testing.T) {
	for _, file := range []string{"config.json", "ledger.json", "bindings.json"} {
		t.Run(file, func(t *testing.T) {
			m := healthyMachine(t)
			m.write(m.state(file), `{"schema": 2, "more": true}`)
			for _, command := range []string{"status", "setup", "repair", "renew --force", "ports unbind --all", "uninstall --all --yes"} {
				m.requireRefused(strings.Fields(command), []string{file, "newer devcert", "use the devcert that wrote it"})
			}
		})
	}
}

// TestAFolderThatLostItsSigns has lost what a writer looks for first.
func TestAFolderThatLostItsSigns(t *testing.T) {
	m := healthyMachine(t)
	m.must("rm", "-r", m.state("lock"), m.state("generations"), m.state("ledger.json"))
	m.devcert(0, "repair")
	require.Equal(t, []string{"former-root?"}, m.status().kinds())
	m.must("rm", "-r", m.state("lock"), m.state("generations"), m.state("ledger.json"), m.state("config.json"))
	m.devcert(0, "uninstall", "--all", "--yes")
	require.NoDirExists(t, m.state())
	require.Empty(t, m.bundled())
}

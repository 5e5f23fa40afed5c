package disk

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/devcert/chain"
)

// damage is one way in which one file of a folder comes to harm.
type damage struct {
	name  string
	wreck func(t *testing.T, f Folder, file string)
}

var wreckages = []damage{
	{"deleted", func(t *testing.T, f Folder, file string) { require.NoError(t, os.Remove(f.path(file))) }},
	{"emptied", func(t *testing.T, f Folder, file string) { write(t, f.path(file), nil) }},
	{"truncated", func(t *testing.T, f Folder, file string) {
		data := read(t, f.path(file))
		write(t, f.path(file), data[:len(data)/2])
	}},
	{"garbage", func(t *testing.T, f Folder, file string) { write(t, f.path(file), []byte("\x00garbage\xff")) }},
	{"something behind it", func(t *testing.T, f Folder, file string) {
		write(t, f.path(file), append(read(t, f.path(file)), "\nmore"...))
	}},
	{"a folder", func(t *testing.T, f Folder, file string) {
		require.NoError(t, os.Remove(f.path(file)))
		require.NoError(t, os.MkdirAll(f.path(file, "inside"), 0o700))
	}},
	{"oversized", func(t *testing.T, f Folder, file string) {
		data := read(t, f.path(file))
		write(t, f.path(file), append(data, bytes.Repeat([]byte("\n"), maxFile)...))
	}},
	{"another hierarchy's", func(t *testing.T, f Folder, file string) { write(t, f.path(file), otherBytes(t, file, sample(t, 1))) }},
	{"another leaf's", func(t *testing.T, f Folder, file string) {
		write(t, f.path(file), otherBytes(t, file, otherLeaf(t, sample(t, 0))))
	}},
	{"a link to itself elsewhere", func(t *testing.T, f Folder, file string) {
		elsewhere := filepath.Join(t.TempDir(), "elsewhere")
		write(t, elsewhere, read(t, f.path(file)))
		require.NoError(t, os.Remove(f.path(file)))
		symlink(t, elsewhere, f.path(file))
	}},
}

// otherBytes is what h has where file is; for files of other kinds, a key.
func otherBytes(t *testing.T, file string, h *Hierarchy) []byte {
	t.Helper()
	encoded, err := h.encode()
	require.NoError(t, err)
	for i, l := range layout {
		if encoded[i] != nil && (path.Base(file) == l.name || file == l.copy) {
			return encoded[i]
		}
	}
	key, err := chain.EncodeKey(h.Leaf.Key)
	require.NoError(t, err)
	return key
}

// filesOf lists every file of a healthy folder.
func filesOf(t testing.TB, f Folder) []string {
	t.Helper()
	var out []string
	for _, name := range tree(t, f.Path) {
		if info, err := os.Lstat(f.path(name)); err == nil && info.Mode().IsRegular() {
			out = append(out, name)
		}
	}
	return out
}

// single says that no other file holds what file does.
func single(file string) bool {
	base := path.Base(file)
	return base == "root.crl" || base == intermediateKeyFile || base == clientKeyFile || file == ConfigFile || file == LedgerFile
}

// Every damage to every file is seen, named and, where its bytes are still
// somewhere, cured: afterwards nothing is left to say.
func TestEveryDamageToEveryFile(t *testing.T) {
	for _, file := range filesOf(t, healthyFolder(t)) {
		for _, w := range wreckages {
			t.Run(strings.TrimPrefix(file, "generations/")+" "+w.name, func(t *testing.T) {
				f := healthyFolder(t)
				before := read(t, f.path(realName(t, f, file)))
				w.wreck(t, f, realName(t, f, file))
				checkDamage(t, f, realName(t, f, file), w.name, before)
			})
		}
	}
}

// realName is file with the generation of f: two folders hold the same
// hierarchy, so the names are the same, but nothing here relies on it.
func realName(t *testing.T, f Folder, file string) string {
	t.Helper()
	parts := strings.Split(file, "/")
	if len(parts) == 3 {
		parts[1] = f.Generations()[0]
	}
	return strings.Join(parts, "/")
}

func checkDamage(t *testing.T, f Folder, file, how string, before []byte) {
	t.Helper()
	s := snapshot(t, f)
	named := slices.IndexFunc(s.Damage, func(d Damage) bool { return d.Name == file && d.Kind != Exposed })
	if harmless(f, file, how, before) {
		require.Equal(t, -1, named, "%v", damages(s))
		return
	}
	require.NotEqual(t, -1, named, "not noticed: %v", damages(s))
	d := s.Damage[named]
	require.NotEmpty(t, d.Reason)
	require.NotContains(t, d.Reason, f.Path, "the name is said already")
	for _, other := range s.Damage {
		require.Equal(t, file, other.Name, "nothing else is blamed")
	}
	curable := !single(file) || (path.Base(file) == "root.crl" && how == "something behind it")
	if !curable {
		require.Nil(t, d.Cure, "nothing is guessed")
	} else {
		require.Equal(t, string(before), string(d.Cure))
		requireWhole(t, s)
	}
	heal(t, f, s)
	after := snapshot(t, f)
	if curable {
		require.Empty(t, damages(after))
		require.Equal(t, before, read(t, f.path(file)))
	}
}

// harmless are the same bytes again; a configuration, which the engine judges;
// and no ledger, as long as there is nothing to remember.
func harmless(f Folder, file, how string, before []byte) bool {
	if data, err := f.Read(file); err == nil && bytes.Equal(data, before) {
		return true
	}
	readable := how != "a folder" && how != "oversized" && how != "a link to itself elsewhere"
	return (file == ConfigFile && readable) || (file == LedgerFile && how == "deleted")
}

func requireWhole(t *testing.T, s *Snapshot) {
	t.Helper()
	h := sample(t, 0)
	require.True(t, h.Root.Equal(s.Hierarchy.Root))
	require.True(t, h.Intermediate.Cert.Equal(s.Hierarchy.Intermediate.Cert))
	require.True(t, chain.SameKey(h.Intermediate.Cert, s.Hierarchy.Intermediate.Key))
	require.True(t, h.Leaf.Cert.Equal(s.Hierarchy.Leaf.Cert))
	require.True(t, chain.SameKey(h.Leaf.Cert, s.Hierarchy.Leaf.Key))
}

// heal writes every cure, as repair does.
func heal(t testing.TB, f Folder, s *Snapshot) {
	t.Helper()
	for _, d := range s.Damage {
		switch {
		case d.Cure != nil:
			mode := PublicMode
			if d.Private {
				mode = PrivateMode
			}
			require.NoError(t, f.Write(d.Name, d.Cure, mode))
		case d.Kind == Exposed:
			_ = f.MakePrivate(d.Name) // a link is replaced by its cure
		}
	}
}

// Damage to any two files: never a panic, never a key that is not the
// certificate's, and after the cures nothing is left but what has none.
func TestAnyTwoDamages(t *testing.T) {
	files := filesOf(t, healthyFolder(t))
	for i, a := range files {
		for j, b := range files[:i] {
			f := healthyFolder(t)
			wa, wb := wreckages[(i+j)%6], wreckages[(i*j+1)%6]
			wa.wreck(t, f, realName(t, f, a))
			wb.wreck(t, f, realName(t, f, b))
			s := snapshot(t, f)
			if s.Hierarchy.Leaf.Key != nil {
				require.True(t, chain.SameKey(s.Hierarchy.Leaf.Cert, s.Hierarchy.Leaf.Key))
			}
			heal(t, f, s)
			for _, d := range snapshot(t, f).Damage {
				require.Nil(t, d.Cure, "%s (%s, %s %s): a cure that did not cure", d.Name, d.Reason, a+" "+wa.name, b+" "+wb.name)
			}
		}
	}
}

func TestDamagedModes(t *testing.T) {
	for _, row := range []struct {
		name    string
		mode    fs.FileMode
		private bool
	}{
		{".", 0o755, false},
		{"generations", 0o770, false},
		{"generations/ID", 0o711, false},
		{"generations/ID/intermediate-key.pem", 0o644, true},
		{"generations/ID/leaf-key.pem", 0o640, true},
		{"generations/ID/leaf.pfx", 0o604, true},
		{LeafKeyFile, 0o644, true},
		{LeafPFXFile, 0o644, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			f := healthyFolder(t)
			name := strings.Replace(row.name, "ID", f.Generations()[0], 1)
			require.NoError(t, os.Chmod(f.path(name), row.mode))
			if why, err := f.Files.Exposed(f.path(name)); err == nil && why == "" {
				t.Skip("there are no modes here")
			}
			s := snapshot(t, f)
			require.Len(t, s.Damage, 1)
			d := s.Damage[0]
			require.Equal(t, name, path.Clean(d.Name))
			require.Equal(t, Exposed, d.Kind)
			require.Equal(t, row.private, d.Private)
			require.Contains(t, d.Reason, "mode 0")
			heal(t, f, s)
			require.Empty(t, snapshot(t, f).Damage)
		})
	}
}

// blindFiles cannot say who may read a file: nothing is known, nothing claimed.
type blindFiles struct{ chmodFiles }

func (blindFiles) Exposed(string) (string, error) { return "", errors.New("access denied") }

func TestModesThatCannotBeRead(t *testing.T) {
	f := healthyFolder(t)
	f.Files = blindFiles{}
	require.Empty(t, snapshot(t, f).Damage)
}

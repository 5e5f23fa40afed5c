package firefox

import (
	"bytes"
	"context"
	"crypto/x509"
	"debug/elf"
	"encoding/binary"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/devcert/chain"
	"devcert/platform/nss"
	"devcert/platform/securefile"
)

// world is a machine below a temporary folder with one user.
type world struct {
	t       *testing.T
	root    string
	home    string
	system  *fakeSystem
	private *fakePrivileged
	store   *Store
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, root: t.TempDir(), home: t.TempDir(), system: &fakeSystem{state: devcert.Missing}}
	w.private = &fakePrivileged{t: t, changer: Changer{Root: w.root}}
	require.NoError(t, os.Chmod(w.root, 0o755)) // whatever the umask is
	mkdir(t, w.root, "etc")
	mkdir(t, w.root, "var/lib")
	w.store = &Store{
		Privileged: w.private, Home: w.home, System: w.system, Files: securefile.Files{}, Root: w.root,
		Certutil: func() (nss.Tool, bool) { return nss.Tool{}, false },
	}
	return w
}

// withCertutil gives the machine a real certutil.
func (w *world) withCertutil() *world {
	w.t.Helper()
	tool, ok := nss.FindTool()
	if !ok {
		w.t.Skip("needs certutil (libnss3-tools)")
	}
	w.store.Certutil = func() (nss.Tool, bool) { return tool, true }
	return w
}

// withModule gives the machine p11-kit's module: what says that it is a library for
// this processor, and nothing else.
func (w *world) withModule() *world {
	w.t.Helper()
	w.module(elf.Machine(machines()[runtime.GOARCH].elf))
	return w
}

func (w *world) module(machine elf.Machine) string {
	w.t.Helper()
	var data bytes.Buffer
	header := elf.Header64{
		Ident: [16]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
		Type:  uint16(elf.ET_DYN), Machine: uint16(machine), Version: uint32(elf.EV_CURRENT), Ehsize: 64,
	}
	require.NoError(w.t, binary.Write(&data, binary.LittleEndian, header))
	return write(w.t, data.String(), w.root, "usr/lib", machines()[runtime.GOARCH].tuple, "pkcs11", trustModule)
}

func (w *world) modulePath() string {
	return "/usr/lib/" + machines()[runtime.GOARCH].tuple + "/pkcs11/" + trustModule
}

// profiles makes profiles in the old place, each with a database when there is a
// certutil.
func (w *world) profiles(names ...string) []string {
	w.t.Helper()
	base := filepath.Join(w.home, ".mozilla/firefox")
	list, paths := "[General]\nVersion=2\n", []string{}
	for i, name := range names {
		list += "[Profile" + string(rune('0'+i)) + "]\nName=" + name + "\nIsRelative=1\nPath=abcdefgh." + name + "\n"
		path := mkdir(w.t, base, "abcdefgh."+name)
		if tool, ok := w.store.certutil(); ok {
			require.NoError(w.t, tool.Create(w.t.Context(), path))
		}
		paths = append(paths, path)
	}
	write(w.t, list, base, "profiles.ini")
	return paths
}

func (w *world) policies() string {
	w.t.Helper()
	data, err := os.ReadFile(filepath.Join(w.root, policyFile))
	if os.IsNotExist(err) {
		return ""
	}
	require.NoError(w.t, err)
	return string(data)
}

// look gives the states of all places, by the ends of their paths.
func (w *world) look(root *x509.Certificate) map[string]devcert.Place {
	w.t.Helper()
	all := map[string]devcert.Place{}
	for _, p := range w.store.Look(w.t.Context(), devcert.Material{Root: root}) {
		require.Equal(w.t, chain.PartRoot, p.Part)
		if root != nil {
			require.Equal(w.t, p.State == devcert.Trusted, p.Evidence == "", "%+v", p)
			require.Equal(w.t, p.State == devcert.Trusted, p.VerifiedBy != "", "%+v", p)
		}
		all[filepath.Base(p.Path)] = p
	}
	return all
}

func (w *world) states(root *x509.Certificate) map[string]devcert.PlaceState {
	w.t.Helper()
	all := map[string]devcert.PlaceState{}
	for name, p := range w.look(root) {
		all[name] = p.State
	}
	return all
}

// listing is every file and folder of the machine and its user.
func (w *world) listing() map[string]string {
	w.t.Helper()
	all := map[string]string{}
	for _, dir := range []string{w.root, w.home} {
		require.NoError(w.t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				all[path] = "folder"
				return err
			}
			if to, err := os.Readlink(path); err == nil {
				all[path] = "-> " + to
				return nil
			}
			data, err := os.ReadFile(path)
			all[path] = string(data)
			return err
		}))
	}
	return all
}

// fakeSystem is the system's store.
type fakeSystem struct {
	devcert.Store
	state devcert.PlaceState
	trust *x509.Certificate
}

func (s *fakeSystem) Look(_ context.Context, m devcert.Material) []devcert.Place {
	p := devcert.Place{Path: "/bundle", Machine: true, State: s.state, Evidence: "in none of its parts"}
	if s.trust != nil && m.Root != nil && s.trust.Equal(m.Root) {
		p.State, p.Evidence, p.VerifiedBy = devcert.Trusted, "", "chain built from /bundle"
	}
	return []devcert.Place{p}
}

// fakePrivileged is the privileged child in this process. It takes what crosses the
// pipe, and nothing else.
type fakePrivileged struct {
	t       *testing.T
	changer Changer
	asked   []string
	refuse  error
}

func (p *fakePrivileged) Ready(context.Context) error { return p.refuse }

func (p *fakePrivileged) Do(ctx context.Context, what string, body any) error {
	p.asked = append(p.asked, what)
	if p.refuse != nil {
		return p.refuse
	}
	data, err := json.Marshal(body)
	require.NoError(p.t, err)
	return p.changer.Handlers()[what](ctx, data, func() {})
}

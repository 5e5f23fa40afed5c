package wsl

import (
	"context"
	"crypto/x509"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/devcert/chain"
)

// command is what a person is told to type where root.pem is in the home folder.
const command = `in PowerShell in Windows:  certutil.exe -user -addstore Root ` +
	`"\\wsl.localhost\Ubuntu\home\anna\.local\share\devcert\root.pem"`

func TestLook(t *testing.T) {
	mine, former, foreign := newRoot(t, "anna@birch"), newRoot(t, "anna@birch"), newRoot(t, "bob@oak")
	leaf := mine.Leaf.Cert
	of := func(in place, ders ...[]byte) map[place][][]byte { return map[place][][]byte{in: ders} }
	for _, row := range []struct {
		name     string
		windows  windows
		root     *x509.Certificate // nil before there is a hierarchy
		want     devcert.PlaceState
		evidence string // also how it is known
		remedy   string
		others   []*x509.Certificate
	}{
		{"in the user's store", windows{Stores: of(userRoot, mine.Root.Raw)}, mine.Root, devcert.Trusted, `CurrentUser\Root`, "", nil},
		{"in the machine's alone", windows{Stores: of(machineRoot, mine.Root.Raw)}, mine.Root, devcert.Trusted, `LocalMachine\Root`, "", nil},
		{"in both", windows{Stores: map[place][][]byte{userRoot: {mine.Root.Raw}, machineRoot: {mine.Root.Raw}}}, mine.Root, devcert.Trusted, `LocalMachine\Root`, "", nil},
		{"in neither", windows{}, mine.Root, devcert.Missing, `in neither CurrentUser\Root nor LocalMachine\Root`, "", nil},
		{"distrusted by the user", windows{Stores: map[place][][]byte{userRoot: {mine.Root.Raw}, userBanned: {mine.Root.Raw}}}, mine.Root, devcert.Denied, `CurrentUser\Disallowed has it`, "", nil},
		{"distrusted by the machine", windows{Stores: map[place][][]byte{userRoot: {mine.Root.Raw}, machineBanned: {mine.Root.Raw}}}, mine.Root, devcert.Denied, `LocalMachine\Disallowed has it`, "certlm.msc", nil},
		{"another root of the same name alone", windows{Stores: of(userRoot, former.Root.Raw)}, mine.Root, devcert.Missing, "in neither", "", []*x509.Certificate{former.Root}},
		{"former roots", windows{Stores: of(userRoot, former.Root.Raw, mine.Root.Raw, foreign.Root.Raw, former.Root.Raw)}, mine.Root, devcert.Trusted, `CurrentUser\Root`, "", []*x509.Certificate{former.Root, foreign.Root}},
		{"former roots in the machine's store are an administrator's", windows{Stores: of(machineRoot, former.Root.Raw)}, mine.Root, devcert.Missing, "in neither", "", nil},
		{"what is no root is none", windows{Stores: of(userRoot, leaf.Raw)}, mine.Root, devcert.Missing, "in neither", "", nil},
		{"before there is a root", windows{Stores: of(userRoot, former.Root.Raw)}, nil, devcert.Missing, "", "", []*x509.Certificate{former.Root}},
		{"line feeds alone", windows{Mode: "line feeds", Stores: of(userRoot, mine.Root.Raw)}, mine.Root, devcert.Trusted, `CurrentUser\Root`, "", nil},
		{"garbage", windows{Mode: "garbage"}, mine.Root, devcert.Unknown, "something else than a list", command, nil},
		{"garbage, before there is a root", windows{Mode: "garbage"}, nil, devcert.Unknown, "something else than a list", command, nil},
		{"a word before", windows{Mode: "a word before"}, mine.Root, devcert.Unknown, "something else than a list", command, nil},
		{"a word behind", windows{Mode: "a word behind"}, mine.Root, devcert.Unknown, "something else than a list", command, nil},
		{"cut", windows{Mode: "cut"}, mine.Root, devcert.Unknown, "has no end", command, nil},
		{"a line lost", windows{Mode: "a line lost"}, mine.Root, devcert.Unknown, "something else than a list", command, nil},
		{"UTF-16", windows{Mode: "UTF-16"}, mine.Root, devcert.Unknown, "powershell.exe wrote other things", command, nil},
		{"nothing", windows{Mode: "nothing"}, mine.Root, devcert.Unknown, "has no end", command, nil},
		{"a policy forbids .NET", windows{Mode: "not allowed"}, mine.Root, devcert.Unknown, "windows' error 0x80131509", command, nil},
		{"all is well but its status", windows{Mode: "ends badly"}, mine.Root, devcert.Unknown, "powershell.exe: exit status 3", command, nil},
		{"too much", windows{Mode: "too much"}, mine.Root, devcert.Unknown, "bytes of output", command, nil},
		{"no way to Windows", windows{Socket: "/run/WSL/9_interop"}, mine.Root, devcert.Unknown, "powershell.exe: exit status 1", command, nil},
		{"the way that the session has", windows{Socket: "/run/WSL/8_interop"}, mine.Root, devcert.Missing, "in neither", "", nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t)
			w.become(row.windows)
			places := w.store.Look(t.Context(), devcert.Material{Root: row.root})
			require.Len(t, places, 1)
			p := places[0]
			require.Equal(t, row.want, p.State, p.Evidence)
			require.Contains(t, p.Evidence+p.VerifiedBy, row.evidence)
			require.Equal(t, row.want == devcert.Trusted, p.VerifiedBy != "")
			require.Contains(t, p.Remedy, row.remedy)
			require.Equal(t, row.remedy != "", p.Remedy != "", p.Remedy)
			require.Equal(t, row.others, p.Others)
			require.Equal(t, chain.PartRoot, p.Part)
			require.True(t, p.Shared)
			require.False(t, p.Machine, "no administrator is needed, in either scope")
			require.Equal(t, []string{"look"}, w.asked())
			require.Equal(t, places, w.store.Look(t.Context(), devcert.Material{Root: row.root, UserOnly: true}))
		})
	}
}

// Where Windows' programs cannot be started nothing is known of its stores, and
// that is said with the command for a person.
func TestLookWithoutInterop(t *testing.T) {
	for _, row := range []struct {
		name     string
		spoil    func(*world)
		evidence string
		remedy   string
		ready    bool
	}{
		{"interop is off", func(w *world) { w.write(confFile, "[interop]\nenabled=false\n") },
			"switched off in /etc/wsl.conf", command, false},
		{"no drive", func(w *world) { require.NoError(w.t, os.RemoveAll(w.path("/mnt"))) },
			"powershell.exe: no such file or directory", command, false},
		{"the drives are elsewhere", func(w *world) { w.write(confFile, "[automount]\nroot=/windows\n") },
			"/windows/c/Windows/System32/WindowsPowerShell/v1.0/powershell.exe: no such file", command, false},
		{"it is no program", func(w *world) {
			require.NoError(w.t, os.Remove(w.path("/mnt/c/"+powershell)))
			w.write("/mnt/c/"+powershell, "MZ")
		}, "is not a program", command, false},
		{"it is a folder", func(w *world) {
			require.NoError(w.t, os.Remove(w.path("/mnt/c/"+powershell)))
			require.NoError(w.t, os.Mkdir(w.path("/mnt/c/"+powershell), 0o755))
		}, "is not a program", command, false},
		{"the kernel knows no Windows programs", func(w *world) {
			require.NoError(w.t, os.Remove(w.path("/mnt/c/"+powershell)))
			w.write("/mnt/c/"+powershell, "MZ is not what the kernel starts")
			require.NoError(w.t, os.Chmod(w.path("/mnt/c/"+powershell), 0o755))
		}, "has not told the kernel", command, true},
		{"the settings cannot be read", func(w *world) { require.NoError(w.t, os.MkdirAll(w.path(confFile), 0o755)) },
			"is a directory", "copy /home/anna/.local/share/devcert/root.pem to Windows, and there in PowerShell:  certutil.exe -user -addstore Root root.pem", false},
		{"it hangs", func(w *world) { w.become(windows{Mode: "hangs"}); w.store.shorterLook = time.Second },
			"powershell.exe: not done in time", command, true},
		{"nobody knows what the distribution is called", func(w *world) {
			w.write(confFile, "[interop]\nenabled=false\n")
			w.store.Env = nil
		}, "switched off", "copy /home/anna/.local/share/devcert/root.pem to Windows", false},
		{"wslpath says how Windows writes the path", func(w *world) {
			w.write(confFile, "[interop]\nenabled=false\n")
			w.install("/usr/bin/wslpath")
			w.store.StateDir = w.t.TempDir()
			require.NoError(w.t, os.WriteFile(w.store.StateDir+"/root.pem", nil, 0o600))
		}, "switched off", `certutil.exe -user -addstore Root "\\wsl.localhost\Ubuntu\asked\`, false},
		{"wslpath does not know", func(w *world) {
			w.write(confFile, "[interop]\nenabled=false\n")
			w.install("/usr/bin/wslpath")
		}, "switched off", command, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t)
			row.spoil(w)
			start := time.Now()
			places := w.store.Look(t.Context(), devcert.Material{})
			require.Less(t, time.Since(start), 20*time.Second)
			require.Len(t, places, 1)
			require.Equal(t, devcert.Unknown, places[0].State)
			require.Contains(t, places[0].Evidence, row.evidence)
			require.NotContains(t, places[0].Evidence, "EncodedCommand")
			require.Contains(t, places[0].Remedy, row.remedy)
			err := w.store.Ready(t.Context())
			require.Equal(t, row.ready, err == nil, err)
			require.Equal(t, !row.ready, errors.Is(err, devcert.ErrUnsupported))
		})
	}
}

func TestLookThatIsEnded(t *testing.T) {
	w := newWorld(t)
	w.become(windows{Mode: "hangs"})
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	require.Equal(t, devcert.Unknown, w.store.Look(ctx, devcert.Material{})[0].State)
}

func TestReady(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.store.Ready(t.Context()))
	require.Empty(t, w.asked(), "nothing is started for it")
	require.Equal(t, "windows-root", w.store.Name())
}

package httpsys

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"devcert/platform/httpsys/internal/standin"

	"github.com/stretchr/testify/require"
)

const (
	theirs  = "61D34F532DA121BBAB64723C4871E72C92F03735" // IIS Express's certificate
	ours    = "00112233445566778899AABBCCDDEEFF00112233"
	foreign = "{4dc3e181-e14b-4a21-b022-59fc669b0914}" // IIS
)

// TestMain is the stand-in where the test binary is called netsh: so it also
// runs where no compiler is.
func TestMain(m *testing.M) {
	if self, err := os.Executable(); err == nil && strings.HasPrefix(filepath.Base(self), "netsh") {
		os.Exit(standin.Main(os.Args[1:], os.Stdout))
	}
	folder, err := os.MkdirTemp("", "netsh-")
	if err != nil {
		panic(err)
	}
	program = filepath.Join(folder, "netsh.exe")
	status := m.Run()
	_ = os.RemoveAll(folder)
	os.Exit(status)
}

// program is where this test binary lies under netsh's name, once a test has
// asked for it: Windows removes no link to a program that runs.
var program string

var copied = sync.OnceValue(func() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	from, err := os.Open(self)
	if err != nil {
		return err
	}
	defer func() { _ = from.Close() }()
	to, err := os.OpenFile(program, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	return errors.Join(err, to.Close())
})

// machine is a folder with a stand-in and its files.
type machine struct {
	*Netsh
	t      *testing.T
	folder string
	slept  []time.Duration
}

func newMachine(t *testing.T, s standin.Settings, bindings ...standin.Binding) *machine {
	t.Helper()
	m := &machine{t: t, folder: t.TempDir()}
	require.NoError(t, copied())
	require.NoError(t, os.Link(program, filepath.Join(m.folder, "netsh.exe")))
	m.settings(s)
	table := standin.Table{Bindings: bindings, Reservations: standin.System()}
	require.NoError(t, standin.Write(m.folder, standin.TableFile, table))
	m.Netsh = &Netsh{Run: m.run, Folder: t.TempDir(), Sleep: func(_ context.Context, d time.Duration) error {
		m.slept = append(m.slept, d)
		return nil
	}}
	return m
}

func (m *machine) run(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(m.folder, "netsh.exe"), args...)
	// Where races are looked for, a program waits a second before it ends.
	cmd.Env, cmd.Dir = []string{"GORACE=atexit_sleep_ms=0"}, m.t.TempDir()
	out, err := cmd.Output()
	if stopped := context.Cause(ctx); stopped != nil && err != nil {
		err = stopped
	}
	return out, err
}

func (m *machine) settings(s standin.Settings) {
	m.t.Helper()
	require.NoError(m.t, standin.Write(m.folder, standin.SettingsFile, s))
}

func (m *machine) table() (table standin.Table) {
	m.t.Helper()
	require.NoError(m.t, standin.Read(m.folder, standin.TableFile, &table))
	return table
}

func (m *machine) starts() []standin.Start {
	m.t.Helper()
	starts, err := standin.ReadLog(m.folder)
	require.NoError(m.t, err)
	return starts
}

// nothingLeft says that no script lies around.
func (m *machine) nothingLeft() {
	m.t.Helper()
	left, err := os.ReadDir(m.Folder)
	require.NoError(m.t, err)
	require.Empty(m.t, left)
}

// wanted are the records and reservations of the ports first to last.
func wanted(first, last int) (records []Record, reserved []Reservation) {
	for port := first; port <= last; port++ {
		records = append(records, Bound(port, ours, IISExpress))
		reserved = append(reserved, Reserved(port))
	}
	return records, reserved
}

// shown is what must be read of a binding of the stand-in.
func shown(b standin.Binding) Record {
	kinds := map[string]Kind{"ipport": IP, "hostnameport": Hostname, "ccs": CCS, "scopedccs": ScopedCCS}
	port := 0
	_, _ = fmt.Sscan(b.Place[strings.LastIndex(b.Place, ":")+1:], &port)
	store := b.Store
	if store == "" || strings.EqualFold(store, My) {
		store = My
	}
	flag := func(name string, usual Switch) Switch {
		switch b.Flags[name] {
		case "enable":
			return On
		case "disable":
			return Off
		}
		return usual
	}
	return Record{
		Kind: kinds[b.Kind], Address: b.Place, Port: port, Thumbprint: strings.ToUpper(b.Hash),
		AppID: strings.ToLower(b.AppID), Store: store,
		Settings: Settings{
			Revocation: flag("verifyclientcertrevocation", On), CachedOnly: flag("verifyrevocationwithcachedclientcertonly", Off),
			UsageCheck: flag("usagecheck", On), Mapper: flag("dsmapperusage", Off), Negotiate: flag("clientcertnegotiation", Off),
		},
	}
}

// Replace is the change after which every wanted record stands in its place
// and every reservation lets any user listen, whatever stood there before. It
// leaves alone what is already so.
func (s State) Replace(wanted []Record, reserved []Reservation) Change {
	var c Change
	for _, w := range s.Lacks(wanted) {
		if old, ok := s.At(w); ok {
			c.Remove = append(c.Remove, old)
		}
		c.Add = append(c.Add, w)
	}
	for _, w := range reserved {
		old, ok := s.Reservation(w.URL)
		if ok && old.meets(w) {
			continue
		}
		if ok {
			c.Unreserve = append(c.Unreserve, old)
		}
		c.Reserve = append(c.Reserve, w)
	}
	return c
}

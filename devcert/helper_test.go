package devcert

import (
	"context"
	"crypto/x509"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert/chain"
	"devcert/devcert/disk"
)

// noon is when the tests begin.
var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// chmodFiles is disk.Files by modes alone.
type chmodFiles struct{}

func (chmodFiles) MakeDir(path string) error { return os.Mkdir(path, 0o700) }

func (chmodFiles) Create(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
}

func (chmodFiles) Exposed(path string) (string, error) {
	info, err := os.Lstat(path)
	if err != nil || runtime.GOOS == "windows" || info.Mode().Perm()&0o077 == 0 {
		return "", err
	}
	return fmt.Sprintf("mode %04o", info.Mode().Perm()), nil
}

func (chmodFiles) MakePrivate(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	return os.Chmod(path, info.Mode().Perm()&0o700)
}

func (chmodFiles) Replaceable(string) (string, error) { return "", nil }

func (chmodFiles) HasOtherName(*os.File) bool { return false }

func (chmodFiles) Rename(from, to string) error { return os.Rename(from, to) }

func (chmodFiles) Sync([]*os.File) error { return nil }

func (chmodFiles) SyncDir(string) error { return nil }

// machine is a host in memory with a real state folder.
type machine struct {
	t         testing.TB
	host      *Host
	stores    map[string]*memStore
	binder    *memBinder
	now       time.Time
	said      []string
	questions []string
	answer    error // to every question
}

func newMachine(t testing.TB, stores ...string) *machine {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "devcert")
	m := &machine{t: t, now: noon, stores: map[string]*memStore{}}
	m.binder = &memBinder{file: filepath.Join(dir, disk.BindingsFile), table: map[int]string{}}
	m.host = &Host{
		Owner: Owner{User: "alice", Host: "pc", Machine: "m1"}, StateDir: dir, Files: chmodFiles{}, Binder: m.binder,
		Overrides: func(*x509.Certificate) []Override { return nil }, Self: "/usr/bin/devcert", Close: func() {},
	}
	for _, name := range append([]string{SystemStore}, stores...) {
		m.stores[name] = &memStore{name: name, part: chain.PartRoot}
		m.host.Stores = append(m.host.Stores, m.stores[name])
	}
	return m
}

func (m *machine) engine() *Engine {
	return &Engine{
		Host: m.host, Command: "test", Now: func() time.Time { return m.now }, Timeout: time.Minute,
		Say:     func(line string) { m.said = append(m.said, line) },
		Confirm: func(q string) error { m.questions = append(m.questions, q); return m.answer },
	}
}

// quick asks for what most tests want: a key that is made fast, a few ports.
func quick() Request { return Request{Key: "ecdsa", Ports: "44300-44303"} }

// setUp is a machine on which setup has run.
func setUp(t testing.TB, stores ...string) *machine {
	t.Helper()
	m := newMachine(t, stores...)
	m.mustSetup(quick())
	return m
}

func (m *machine) mustSetup(r Request) *Report {
	m.t.Helper()
	report, err := m.engine().Setup(context.Background(), r)
	require.NoError(m.t, err)
	require.Empty(m.t, kindsOf(report.Findings))
	return report
}

func (m *machine) mustRepair() *Report {
	m.t.Helper()
	report, err := m.engine().Repair(context.Background())
	require.NoError(m.t, err)
	return report
}

func (m *machine) status() *Report {
	m.t.Helper()
	report, err := m.engine().Status(context.Background(), false)
	require.NoError(m.t, err)
	return report
}

func (m *machine) path(name string) string { return filepath.Join(m.host.StateDir, name) }

func (m *machine) inGeneration(name string) string {
	m.t.Helper()
	current := strings.TrimSpace(string(m.read("current")))
	return filepath.Join("generations", current, name)
}

func (m *machine) read(name string) []byte {
	m.t.Helper()
	data, err := os.ReadFile(m.path(name))
	require.NoError(m.t, err)
	return data
}

func (m *machine) write(name, data string) {
	m.t.Helper()
	require.NoError(m.t, os.WriteFile(m.path(name), []byte(data), 0o600))
}

func (m *machine) ledger() *disk.Ledger {
	m.t.Helper()
	s, err := disk.Folder{Path: m.host.StateDir, Files: m.host.Files}.Snapshot()
	require.NoError(m.t, err)
	return s.Ledger
}

// picture is the whole machine in words: every file with its time and content,
// every store and binding. Two pictures are equal if nothing was changed.
func (m *machine) picture() []string {
	m.t.Helper()
	var out []string
	_ = filepath.WalkDir(m.host.StateDir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() == disk.LockFile {
			return nil //nolint:nilerr // no folder is a picture too
		}
		info, err := d.Info()
		require.NoError(m.t, err)
		line := fmt.Sprint(path, info.Mode(), info.ModTime().UnixNano())
		if info.Mode().IsRegular() {
			data, _ := os.ReadFile(path)
			line += string(data)
		}
		out = append(out, line)
		return nil
	})
	for _, s := range m.host.Stores {
		store := s.(*memStore)
		out = append(out, fmt.Sprint(store.name, thumbprints(store.certs), store.denied))
	}
	return append(out, fmt.Sprint(m.binder.table))
}

func thumbprints(roots []*x509.Certificate) []string {
	var out []string
	for _, r := range roots {
		out = append(out, chain.Thumbprint(r))
	}
	return out
}

func kindsOf(findings []Finding) []string {
	out := []string{}
	for _, f := range findings {
		out = append(out, f.Kind)
	}
	return out
}

// stranger is a hierarchy of another user on this machine.
var stranger = sync.OnceValues(func() (*chain.Hierarchy, error) {
	return chain.New(chain.Options{Owner: "bob@pc", Key: chain.ECDSA, Now: noon})
})

// former is an earlier hierarchy of this user.
var former = sync.OnceValues(func() (*chain.Hierarchy, error) {
	return chain.New(chain.Options{Owner: "alice@pc", Key: chain.ECDSA, Now: noon})
})

func must[T any](t testing.TB, make func() (T, error)) T {
	t.Helper()
	v, err := make()
	require.NoError(t, err)
	return v
}

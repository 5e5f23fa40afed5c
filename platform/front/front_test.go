package front

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"devcert/devcert"
)

// plainFiles makes files by mode alone, and fails where a test says so.
type plainFiles struct{ createErr, syncErr error }

func (f plainFiles) MakeDir(path string) error { return os.Mkdir(path, 0o700) }
func (f plainFiles) Create(path string) (*os.File, error) {
	if f.createErr != nil {
		return nil, f.createErr
	}
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
}
func (f plainFiles) Exposed(string) (string, error)   { return "", nil }
func (f plainFiles) MakePrivate(path string) error    { return os.Chmod(path, 0o600) }
func (plainFiles) Replaceable(string) (string, error) { return "", nil }
func (f plainFiles) HasOtherName(*os.File) bool       { return false }
func (plainFiles) Rename(from, to string) error       { return os.Rename(from, to) }
func (plainFiles) Sync([]*os.File) error              { return nil }
func (f plainFiles) SyncDir(string) error             { return f.syncErr }

const (
	thumbA = "0123456789ABCDEF0123456789ABCDEF01234567"
	thumbB = "FEDCBA9876543210FEDCBA9876543210FEDCBA98"
)

func order(thumbprint string, ports ...int) devcert.BindOrder {
	return devcert.BindOrder{Ports: ports, Thumbprint: thumbprint}
}

func TestAFullDiskHasARemedy(t *testing.T) {
	dir := t.TempDir()
	full := &os.PathError{Op: "write", Path: filepath.Join(dir, ".bindings.json.new"), Err: syscall.ENOSPC}
	err := New(dir, plainFiles{createErr: full}).Bind(t.Context(), order(thumbA, 443))
	require.EqualError(t, err, "writing the binding table "+filepath.Join(dir, "bindings.json")+": "+syscall.ENOSPC.Error())
	require.ErrorIs(t, err, syscall.ENOSPC)
	var remedied interface{ Remedy() string }
	require.ErrorAs(t, err, &remedied)
	require.Contains(t, remedied.Remedy(), "that the disk has room")
}

func TestBindAndUnbind(t *testing.T) {
	dir := t.TempDir()
	f := New(dir, plainFiles{})

	got, err := f.Table(t.Context())
	require.NoError(t, err)
	assert.Empty(t, got.Bindings, "no table is an empty list")
	require.NoError(t, f.Unbind(t.Context(), []int{44300}))
	assert.Empty(t, names(t, dir), "nothing to unbind makes no table")

	require.NoError(t, f.Bind(t.Context(), order(thumbA, 44301, 443)))
	require.NoError(t, f.Bind(t.Context(), order(thumbB, 44301)))
	got, err = f.Table(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []devcert.Binding{{Port: 443, Thumbprint: thumbA}, {Port: 44301, Thumbprint: thumbB}}, got.Bindings)

	require.NoError(t, f.Unbind(t.Context(), []int{443, 9}))
	require.NoError(t, f.Unbind(t.Context(), []int{44301}))
	got, err = f.Table(t.Context())
	require.NoError(t, err)
	assert.Empty(t, got.Bindings)
	assert.Equal(t, []string{"bindings.json"}, names(t, dir))
}

func TestUnchangedTableIsNotRewritten(t *testing.T) {
	dir := t.TempDir()
	f := New(dir, plainFiles{})
	bindings := order(thumbA, 44300)
	require.NoError(t, f.Bind(t.Context(), bindings))
	path := filepath.Join(dir, "bindings.json")
	old := time.Unix(1, 0)
	require.NoError(t, os.Chtimes(path, old, old))

	require.NoError(t, f.Bind(t.Context(), bindings))
	require.NoError(t, f.Bind(t.Context(), devcert.BindOrder{}))
	require.NoError(t, f.Unbind(t.Context(), []int{44399}))

	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, old, info.ModTime())
}

func asking(ports ...int) devcert.BindOrder {
	o := order(thumbA, ports...)
	o.ClientCerts = devcert.AsksClients
	return o
}

func TestBindRefuses(t *testing.T) {
	tests := []struct {
		name  string
		table string // what stands in the file; "" for none
		bind  devcert.BindOrder
		files plainFiles
		want  string
	}{
		{name: "port 0", bind: order(thumbA, 0), want: "outside 1–65535"},
		{name: "port 65536", bind: order(thumbA, 65536), want: "outside 1–65535"},
		{name: "lower-case thumbprint", bind: order(strings.ToLower(thumbA), 1), want: "is no thumbprint"},
		{name: "client certificates", bind: asking(1), want: "does not say whether clients are asked"},
		{name: "damaged table", table: "{", bind: order(thumbA, 1), want: "cannot be used"},
		{name: "cannot create", bind: order(thumbA, 1), files: plainFiles{createErr: errors.New("disk full")}, want: "disk full"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "bindings.json")
			if test.table != "" {
				require.NoError(t, os.WriteFile(path, []byte(test.table), 0o600))
			}
			before := names(t, dir)
			err := New(dir, test.files).Bind(t.Context(), test.bind)
			require.ErrorContains(t, err, test.want)
			assert.Equal(t, before, names(t, dir), "nothing is left behind")
			if test.table != "" {
				data, err := os.ReadFile(path)
				require.NoError(t, err)
				assert.Equal(t, test.table, string(data), "a damaged table is not written over")
			}
		})
	}
}

func TestMissingStateFolder(t *testing.T) {
	f := New(filepath.Join(t.TempDir(), "none"), plainFiles{})
	got, err := f.Table(t.Context())
	require.NoError(t, err)
	assert.Empty(t, got.Bindings)
	assert.ErrorIs(t, f.Bind(t.Context(), order(thumbA, 1)), os.ErrNotExist)
}

func TestMoreBindingsThanATableHolds(t *testing.T) {
	dir := t.TempDir()
	all := order(thumbA)
	for port := 1; port <= 65535; port++ {
		all.Ports = append(all.Ports, port)
	}
	require.ErrorContains(t, New(dir, plainFiles{}).Bind(t.Context(), all), "more than a table holds")
	assert.Empty(t, names(t, dir))
}

func TestConcurrentBindsAreAllKept(t *testing.T) {
	f := New(t.TempDir(), plainFiles{})
	var wait sync.WaitGroup
	for port := 44300; port < 44340; port++ {
		wait.Go(func() {
			assert.NoError(t, f.Bind(t.Context(), order(thumbA, port)))
			_, err := f.Table(t.Context())
			assert.NoError(t, err)
		})
	}
	wait.Wait()
	got, err := f.Table(t.Context())
	require.NoError(t, err)
	assert.Len(t, got.Bindings, 40)
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir := t.TempDir()
	f := New(dir, plainFiles{})
	_, err := f.Table(ctx)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, f.Bind(ctx, order(thumbA, 1)), context.Canceled)
	assert.Empty(t, names(t, dir))
}

// names lists what is in dir, temporary files included.
func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var found []string
	for _, entry := range entries {
		found = append(found, entry.Name())
	}
	return found
}

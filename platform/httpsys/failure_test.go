package httpsys

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"devcert/devcert"
	"devcert/platform/httpsys/internal/standin"

	"github.com/stretchr/testify/require"
)

// What a refused change has removed is put back, and nothing is remembered.
func TestRefusedAndPutBack(t *testing.T) {
	start := append(standin.IISExpress(44300, 44302, theirs), binding("[::]:44301", theirs, IISExpress))
	for _, row := range []struct {
		name     string
		settings standin.Settings
		says     string
		done     []int // the ports that are bound all the same
	}{
		{"no key", standin.Settings{Certificates: []string{theirs}}, "1312", nil},
		{"one port refused", standin.Settings{Refuse: map[string]int{"44305": Internal}}, "1359", []int{44300, 44301, 44302}},
		{"never ready", standin.Settings{NotYet: 5, Certificates: []string{ours, theirs}}, "87", nil},
		{"nothing is done", standin.Settings{Mode: "pretend"}, "as if it had done it", nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t, row.settings, start...)
			before := w.sorted()
			err := w.bind(ours, 44300, 44301, 44302, 44305)
			require.ErrorContains(t, err, row.says)
			remedy(t, err)
			for _, port := range row.done {
				require.Equal(t, ours+" "+IISExpress, w.on(port))
			}
			if row.done != nil {
				require.Empty(t, w.at("[::]:44301"), "what hid a port that is bound now stays away")
			} else {
				require.Equal(t, before.Bindings, w.sorted().Bindings)
			}
			if l := w.record(); l != nil {
				for _, place := range l.Places {
					require.Contains(t, row.done, place.Port)
				}
			}
			w.settings(standin.Settings{Certificates: []string{"*"}})
			require.NoError(t, w.unbind(44300, 44301, 44302, 44305))
			require.Equal(t, before, w.sorted())
			w.nothingRemembered()
		})
	}
}

func TestNoRights(t *testing.T) {
	w := newWorld(t, standin.Settings{Unelevated: true}, standin.IISExpress(44300, 44301, theirs)...)
	before := w.sorted()
	err := w.bind(ours, 44300)
	require.ErrorIs(t, err, devcert.ErrNeedsAdmin)
	require.ErrorIs(t, err, fs.ErrPermission)
	require.Contains(t, remedy(t, err), "administrator")
	require.Equal(t, before, w.sorted())
	w.nothingRemembered()
}

// Another process changes the table between look and change.
func TestInBetween(t *testing.T) {
	t.Run("it binds a free port", func(t *testing.T) {
		w := newWorld(t, standin.Settings{})
		w.meddle(func(table *standin.Table) {
			table.Bindings = append(table.Bindings, binding("0.0.0.0:44300", siteRSA, siteID))
		})
		err := w.bind(ours, 44300, 44301)
		require.ErrorContains(t, err, "183")
		remedy(t, err)
		require.Equal(t, siteRSA+" "+siteID, w.on(44300))
		require.Equal(t, ours+" "+IISExpress, w.on(44301))
		require.NoError(t, w.unbind(44300, 44301))
		require.Equal(t, siteRSA+" "+siteID, w.on(44300))
		w.nothingRemembered()
	})
	t.Run("it binds what was just removed", func(t *testing.T) {
		w := newWorld(t, standin.Settings{Intruder: &standin.Binding{Hash: strings.ToLower(siteRSA), AppID: siteID, Store: "MY"}},
			standin.IISExpress(44300, 44300, theirs)...)
		require.ErrorContains(t, w.bind(ours, 44300), "183")
		require.Equal(t, siteRSA+" "+siteID, w.on(44300))
		require.NoError(t, w.unbind(44300))
		require.Equal(t, siteRSA+" "+siteID, w.on(44300))
		w.nothingRemembered()
	})
	t.Run("it removes what was to be removed", func(t *testing.T) {
		w := newWorld(t, standin.Settings{}, standin.IISExpress(44300, 44301, theirs)...)
		before := w.sorted()
		w.meddle(func(table *standin.Table) { table.Bindings = nil })
		require.NoError(t, w.bind(ours, 44300, 44301))
		require.Equal(t, ours+" "+IISExpress, w.on(44301))
		require.NoError(t, w.unbind(44300, 44301))
		require.Equal(t, before, w.sorted())
	})
	t.Run("it removes devcert's before they are unbound", func(t *testing.T) {
		w := newWorld(t, standin.Settings{}, standin.IISExpress(44300, 44301, theirs)...)
		before := w.sorted()
		require.NoError(t, w.bind(ours, 44300, 44301))
		table := w.table()
		table.Bindings = table.Bindings[:1]
		require.NoError(t, standin.Write(w.folder, standin.TableFile, table))
		require.NoError(t, w.unbind(44300, 44301))
		require.Equal(t, before, w.sorted())
	})
}

// netsh dies amid the change: half of it is done, and nothing was said.
func TestNetshDiesAmid(t *testing.T) {
	for _, row := range []struct {
		name   string
		err    error
		lines  int // of the script that are run
		broken bool
	}{
		{"it hangs", context.DeadlineExceeded, 2, false},
		{"it is killed", status(-1), 5, false},
		{"it crashes", status(3), 3, false},
		{"and stays so", context.DeadlineExceeded, 2, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t, standin.Settings{}, standin.IISExpress(44300, 44302, theirs)...)
			before := w.sorted()
			run, dead := w.Run, false
			w.Run = func(ctx context.Context, args ...string) ([]byte, error) {
				script, err := os.ReadFile(args[1])
				require.NoError(t, err)
				if dead {
					if row.broken {
						return nil, row.err
					}
					return run(ctx, args...)
				}
				if !strings.Contains(string(script), " add ") {
					return run(ctx, args...)
				}
				dead = true
				half := strings.Join(strings.SplitAfter(string(script), "\r\n")[:row.lines], "")
				path := filepath.Join(t.TempDir(), "half")
				require.NoError(t, os.WriteFile(path, []byte(half), 0o600))
				out, err := run(ctx, "-f", path)
				require.NoError(t, err)
				return out, row.err
			}
			err := w.bind(ours, 44300, 44301, 44302)
			require.Error(t, err)
			require.True(t, dead)
			w.Run = run
			if row.broken {
				require.ErrorContains(t, err, "cannot be seen")
				require.Len(t, w.record().Places, 3, "all is on record")
				require.Len(t, w.table().Bindings, 1)
			} else {
				require.Len(t, w.table().Bindings, 3)
			}
			w.hung.Store(nil) // in another run
			require.NoError(t, w.unbind(44300, 44301, 44302))
			require.Equal(t, before, w.sorted())
			w.nothingRemembered()
		})
	}
}

// What is to be put back, and is refused, stays on record for the next time.
func TestNotPutBack(t *testing.T) {
	w := newWorld(t, standin.Settings{Certificates: []string{ours}}, standin.IISExpress(44300, 44301, theirs)...)
	before := w.sorted()
	require.NoError(t, w.bind(ours, 44300, 44301))
	require.ErrorContains(t, w.unbind(44300, 44301), "1312")
	require.Len(t, w.record().Places, 2)
	w.settings(standin.Settings{Certificates: []string{theirs}})
	require.NoError(t, w.unbind(44300, 44301))
	require.Equal(t, before, w.sorted())
	w.nothingRemembered()

	w = newWorld(t, standin.Settings{Certificates: []string{"none"}}, standin.IISExpress(44300, 44301, theirs)...)
	require.ErrorContains(t, w.bind(ours, 44300, 44301), "put back what was removed")
	require.Len(t, w.record().Places, 2)
	w.settings(standin.Settings{Certificates: []string{theirs}})
	require.NoError(t, w.unbind(44300, 44301))
	require.Equal(t, before, w.sorted())
}

// The certificate of what was there is gone: that is said once, unless it was
// gone before devcert came.
func TestLostCertificate(t *testing.T) {
	w := newWorld(t, standin.Settings{}, append(standin.IISExpress(44300, 44302, theirs), binding("0.0.0.0:44303", siteRSA, siteID))...)
	w.broken[siteRSA] = "it is not in LocalMachine\\My"
	require.NoError(t, w.takeOver(ours, span(44300, 44303)...))
	w.broken[theirs] = "its key does not open"
	err := w.unbind(span(44300, 44303)...)
	require.ErrorContains(t, err, "0.0.0.0:44300 was bound to "+theirs)
	require.ErrorContains(t, err, "its key does not open")
	require.ErrorContains(t, err, "2 more")
	require.Contains(t, remedy(t, err), "IIS Express")
	require.Empty(t, w.table().Bindings)
	w.nothingRemembered()
	require.NoError(t, w.unbind(span(44300, 44303)...))
}

func TestBrokenNetshOfTheMachine(t *testing.T) {
	for _, mode := range []string{"garbage", "silence", "cut", "crash"} {
		t.Run(mode, func(t *testing.T) {
			w := newWorld(t, standin.Settings{Mode: mode}, standin.IISExpress(44300, 44302, theirs)...)
			before := w.sorted()
			_, err := w.binder.Table(t.Context())
			require.Error(t, err)
			remedy(t, err)
			for _, err := range []error{w.bind(ours, 44300), w.unbind(44300)} {
				require.ErrorContains(t, err, "not the three lists")
				remedy(t, err)
			}
			_, err = w.binder.Preview(t.Context(), devcert.BindOrder{Ports: []int{44300}})
			require.Error(t, err)
			require.Equal(t, before, w.sorted())
			w.nothingRemembered()
		})
	}
	t.Run("missing", func(t *testing.T) {
		w := newWorld(t, standin.Settings{})
		require.NoError(t, os.Remove(filepath.Join(w.folder, "netsh.exe")))
		_, err := w.binder.Table(t.Context())
		require.ErrorIs(t, err, fs.ErrNotExist)
		require.Contains(t, remedy(t, err), "sfc")
		require.Contains(t, remedy(t, w.bind(ours, 44300)), "sfc")
	})
	t.Run("hanging", func(t *testing.T) {
		w := newWorld(t, standin.Settings{Mode: "hang"})
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		_, err := w.binder.Table(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		remedy(t, err)
	})
}

package devcert

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert/disk"
)

// handWatcher tells of changes when the test says so.
type handWatcher struct {
	changed chan struct{}
	weak    string
	covered []Spot
	closed  bool
}

func (w *handWatcher) Cover(spots []Spot) string { w.covered = spots; return w.weak }

func (w *handWatcher) Changed() <-chan struct{} { return w.changed }

func (w *handWatcher) Close() { w.closed = true }

// listener is told notices, and started with hooks.
type listener struct {
	mu      sync.Mutex
	notices []string
	hooks   []Hook
	hangs   bool
	fails   error
}

func (l *listener) Notify(_ context.Context, title, text string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.notices = append(l.notices, title+": "+text)
	return l.fails
}

func (l *listener) Start(ctx context.Context, h Hook) error {
	l.mu.Lock()
	l.hooks = append(l.hooks, h)
	hangs := l.hangs
	l.mu.Unlock()
	if hangs {
		<-ctx.Done()
		return ctx.Err()
	}
	return nil
}

func (l *listener) started() []Hook {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.hooks)
}

func (l *listener) noticed() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.notices)
}

func (l *listener) hang() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hangs = true
}

// watched is a machine under watch, in a bubble with its own time.
type watched struct {
	*machine
	eyes     *handWatcher
	listener *listener
	mu       sync.Mutex // what the watch looks at is changed before it, by sleep or touch
	lines    []string
	stop     context.CancelFunc
	ended    chan *WatchEnd
}

func startWatch(t *testing.T, m *machine, w Watching) *watched {
	t.Helper()
	h := &watched{machine: m, eyes: &handWatcher{changed: make(chan struct{}, 1)}, listener: &listener{}, ended: make(chan *WatchEnd, 1)}
	m.host.Watch = func() Watcher { return h.eyes }
	m.host.Teller = h.listener
	if w.Every == 0 {
		w.Every = time.Hour
	}
	w.Told = func(n WatchNews) {
		h.mu.Lock()
		defer h.mu.Unlock()
		for what, all := range map[string][]Finding{"new": n.New, "healed": n.Healed, "lacking": n.Lacking, "given up": n.GivenUp} {
			for _, f := range all {
				h.lines = append(h.lines, what+" "+f.Kind)
			}
		}
		if n.Err != nil {
			h.lines = append(h.lines, "failed "+n.Err.Error())
		}
		if n.Weak != "" {
			h.lines = append(h.lines, "weak "+n.Weak)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	h.stop = stop
	e := m.engine()
	now := e.Now
	e.Now = func() time.Time { // each look begins with it
		h.mu.Lock()
		defer h.mu.Unlock()
		return now()
	}
	go func() { h.ended <- e.Watch(ctx, w) }()
	synctest.Wait()
	return h
}

// said is what was told since the last question, in the order of the alphabet.
func (h *watched) said() []string {
	synctest.Wait()
	h.mu.Lock()
	defer h.mu.Unlock()
	lines := h.lines
	h.lines = nil
	slices.Sort(lines)
	return lines
}

// touch has the eyes tell of a change, and gives time to look.
func (h *watched) touch() {
	h.eyes.changed <- struct{}{}
	h.sleep(2 * time.Second)
}

// sleep lets time pass for a watch that sees what was changed before.
func (h *watched) sleep(d time.Duration) {
	h.mu.Lock()
	//lint:ignore SA2001 what comes before it happens before the next look
	h.mu.Unlock()
	time.Sleep(d)
	synctest.Wait()
}

func (h *watched) end() *WatchEnd {
	h.stop()
	end := <-h.ended
	require.True(h.t, h.eyes.closed)
	return end
}

func TestWatchTellsWithoutChangingAnything(t *testing.T) {
	m := setUp(t, "firefox")
	synctest.Test(t, func(t *testing.T) {
		before := m.picture()
		h := startWatch(t, m, Watching{})
		require.Empty(t, h.said())
		require.Contains(t, h.eyes.covered, Spot{Path: m.host.StateDir, Folder: true})
		had := m.stores["firefox"].certs
		m.stores["firefox"].certs = nil
		h.touch()
		require.Equal(t, []string{"new trust-missing"}, h.said())
		h.touch()
		require.Empty(t, h.said(), "once")
		m.stores["firefox"].certs = had
		h.sleep(time.Hour) // without any event
		require.Equal(t, []string{"healed trust-missing"}, h.said())
		end := h.end()
		require.NoError(t, end.Err)
		require.Equal(t, WatchTally{Looks: 4, Told: 1, Healed: 1}, end.Tally)
		require.Equal(t, before, m.picture())
		require.Empty(t, h.listener.started())
	})
}

func TestWatchRepairs(t *testing.T) {
	m := setUp(t, "firefox")
	synctest.Test(t, func(t *testing.T) {
		h := startWatch(t, m, Watching{Repair: true, Notify: true})
		m.stores["firefox"].certs = nil
		h.touch()
		require.Equal(t, []string{"healed trust-missing", "new trust-missing"}, h.said())
		require.Len(t, m.stores["firefox"].certs, 1)
		require.Len(t, h.listener.noticed(), 1, "one, of what was repaired")
		require.Contains(t, h.listener.noticed()[0], "repaired")
		require.Equal(t, 1, h.end().Tally.Repaired)
	})
}

func TestWatchLeavesWhatItHasNoRightsFor(t *testing.T) {
	m := setUp(t, "firefox")
	synctest.Test(t, func(t *testing.T) {
		h := startWatch(t, m, Watching{Repair: true, Notify: true})
		system := m.stores[SystemStore]
		system.certs, system.fails, system.ready = nil, fmt.Errorf("to do it: %w", ErrNeedsAdmin), ErrNeedsAdmin
		m.stores["firefox"].certs = nil
		h.touch()
		require.Equal(t, []string{"healed trust-missing", "lacking trust-missing", "new trust-missing", "new trust-missing"}, h.said())
		calls := len(system.calls)
		h.sleep(10 * time.Hour)
		h.touch()
		require.Len(t, system.calls, calls, "it is not tried again")
		end := h.end()
		require.Len(t, end.Lacking, 1)
		require.Equal(t, SystemStore, end.Lacking[0].store)
	})
}

func TestWatchGivesUp(t *testing.T) {
	m := setUp(t, "firefox")
	synctest.Test(t, func(t *testing.T) {
		h := startWatch(t, m, Watching{Repair: true})
		firefox := m.stores["firefox"]
		firefox.certs, firefox.deaf, firefox.calls = nil, true, nil
		h.touch()
		require.Contains(t, h.said(), "new trust-missing")
		h.sleep(48 * time.Hour)
		require.Contains(t, h.said(), "given up trust-missing")
		require.Len(t, firefox.calls, maxRepairs)
		require.Equal(t, 1, h.end().Tally.GivenUp)
	})
}

func TestWatchWaitsForAnotherDevcert(t *testing.T) {
	m := setUp(t, "firefox")
	synctest.Test(t, func(t *testing.T) {
		h := startWatch(t, m, Watching{Repair: true})
		unlock, err := m.engine().lock(t.Context())
		require.NoError(t, err)
		had := m.stores["firefox"].certs
		m.stores["firefox"].certs = nil // as a renewal does for a moment
		h.touch()
		require.Empty(t, h.said())
		m.stores["firefox"].certs = had
		unlock()
		h.sleep(5 * time.Second)
		require.Empty(t, h.said())
		require.Zero(t, h.end().Tally.Told)
	})
}

func TestWatchOutlivesAnUninstall(t *testing.T) {
	m := setUp(t)
	synctest.Test(t, func(t *testing.T) {
		h := startWatch(t, m, Watching{Repair: true})
		_, err := m.engine().Uninstall(t.Context(), false)
		require.NoError(t, err)
		h.touch()
		require.Equal(t, []string{"new hierarchy-missing"}, h.said())
		h.sleep(2 * time.Hour)
		h.end()
		_, err = os.Lstat(m.host.StateDir)
		require.ErrorIs(t, err, os.ErrNotExist, "nothing is made anew")
	})
}

func TestWatchSaysWhatFailsOnce(t *testing.T) {
	m := setUp(t)
	synctest.Test(t, func(t *testing.T) {
		h := startWatch(t, m, Watching{})
		h.eyes.weak = "2 folders are compared"
		ledger := string(m.read(disk.LedgerFile))
		m.write(disk.LedgerFile, `{"schema":999}`)
		h.touch()
		said := h.said()
		require.Len(t, said, 2)
		require.Contains(t, said[0], "failed ")
		require.Equal(t, "weak 2 folders are compared", said[1])
		h.touch()
		require.Empty(t, h.said())
		m.write(disk.LedgerFile, ledger)
		h.touch()
		require.NoError(t, h.end().Err, "it is over")
	})
}

func TestWatchStartsHooks(t *testing.T) {
	m := setUp(t, "firefox")
	synctest.Test(t, func(t *testing.T) {
		h := startWatch(t, m, Watching{Exec: []string{"/bin/x", "a b"}})
		h.listener.hang()
		m.stores["firefox"].certs = nil
		h.touch()
		require.Equal(t, []string{"new trust-missing"}, h.said())
		m.stores[SystemStore].certs = nil
		h.touch()
		require.Equal(t, []string{"new trust-missing"}, h.said(), "one that hangs stops nothing")
		require.Len(t, h.listener.started(), 1)
		h.sleep(hookLimit)
		synctest.Wait()
		require.Len(t, h.listener.started(), 2)
		hook := h.listener.started()[0]
		require.Equal(t, []string{"/bin/x", "a b"}, hook.Command)
		require.Contains(t, hook.Env, "DEVCERT_EVENT=lost")
		require.Contains(t, hook.Env, "DEVCERT_KIND=trust-missing")
		require.Contains(t, hook.Env, "DEVCERT_COUNT=1")
		var in struct {
			Schema int
			Event  string
			New    []struct{ Kind, Where, Remedy string }
			Healed []any
		}
		require.NoError(t, json.Unmarshal(hook.Input, &in))
		require.Equal(t, "trust-missing", in.New[0].Kind)
		require.Equal(t, "devcert repair --only trust-missing", in.New[0].Remedy)
		require.NotNil(t, in.Healed)
		h.end() // though it hangs
	})
	require.True(t, slices.ContainsFunc(m.said, func(line string) bool { return strings.HasPrefix(line, "--exec failed") }))
}

func TestNoticesEndWhereNothingShowsThem(t *testing.T) {
	m := setUp(t, "firefox")
	synctest.Test(t, func(t *testing.T) {
		h := startWatch(t, m, Watching{Notify: true})
		h.listener.fails = fmt.Errorf("there is no screen: %w", ErrUnsupported)
		for _, store := range []string{"firefox", SystemStore} {
			m.stores[store].certs = nil
			h.touch()
		}
		require.Len(t, h.listener.noticed(), 1)
		h.end()
		require.Len(t, m.said, 1)
	})
}

func TestWatchOnce(t *testing.T) {
	m := setUp(t, "firefox")
	m.stores["firefox"].certs = nil
	m.host.Watch = func() Watcher { return nil } // nothing is to be watched
	l := &listener{}
	m.host.Teller = l
	var told []string
	end := m.engine().Watch(t.Context(), Watching{Once: true, Exec: []string{"/bin/x"}, Told: func(n WatchNews) {
		told = append(told, messages(n.New)...)
	}})
	require.Len(t, told, 1)
	require.True(t, end.Report.Broken())
	require.Len(t, l.hooks, 1, "it has run by then")
}

func TestPlainText(t *testing.T) {
	require.Equal(t, "a b c\uFFFD ü", plainText("a\nb\x00c\xff\u202eü"))
}

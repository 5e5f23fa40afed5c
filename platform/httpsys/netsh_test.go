package httpsys

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"devcert/platform/httpsys/internal/standin"

	"github.com/stretchr/testify/require"
)

// A machine with Visual Studio: all hundred ports are IIS Express's already.
func TestRebindAHundredPorts(t *testing.T) {
	for _, language := range []string{"en", "de", "ru"} {
		t.Run(language, func(t *testing.T) {
			m := newMachine(t, standin.Settings{Language: language, Version: "2025", Certificates: []string{ours}},
				append(standin.IISExpress(44300, 44399, theirs), mixed(20)...)...)
			seen, err := m.Look(t.Context())
			require.NoError(t, err)
			require.Len(t, seen.Records, 120)
			records, reserved := wanted(44300, 44399)
			change := seen.Replace(records, reserved)

			now, err := m.Apply(t.Context(), change)
			require.NoError(t, err)
			require.Len(t, m.starts(), 2)
			require.Empty(t, now.Lacks(records))
			require.Len(t, now.Records, 120)
			require.Equal(t, seen.Records[100:], now.Records[:20], "others' are as they were")
			for port := 44300; port <= 44399; port++ {
				require.Len(t, now.On(port), 1)
				r, ok := now.Reservation(Reserved(port).URL)
				require.True(t, ok && r.AnyUser())
			}
			require.True(t, now.Replace(records, reserved).Empty())
			lines, err := change.Lines()
			require.NoError(t, err)
			require.Len(t, lines, 300)
			require.Equal(t, append(lines, look...), m.starts()[1].Lines, "what a dry run shows is what is run")
			require.Len(t, m.starts()[1].Touched, 100)
			m.nothingLeft()
		})
	}
}

func TestOnlyWhatIsBrokenIsTouched(t *testing.T) {
	m := newMachine(t, standin.Settings{Certificates: []string{ours}}, standin.IISExpress(44300, 44309, ours)...)
	seen, err := m.Look(t.Context())
	require.NoError(t, err)
	records, reserved := wanted(44300, 44309)
	_, err = m.Apply(t.Context(), seen.Replace(records, reserved))
	require.NoError(t, err)

	table := m.table()
	table.Bindings[5].Hash = strings.ToLower(theirs)
	table.Bindings[7].Flags = map[string]string{"clientcertnegotiation": "enable"}
	require.NoError(t, standin.Write(m.folder, standin.TableFile, table))
	seen, err = m.Look(t.Context())
	require.NoError(t, err)
	_, err = m.Apply(t.Context(), seen.Replace(records, reserved))
	require.NoError(t, err)
	starts := m.starts()
	require.Equal(t, []int{44305, 44307}, starts[len(starts)-1].Touched)
}

// What was there is put back as it was, whatever it was.
func TestPutBack(t *testing.T) {
	before := mixed(20)
	before[7].Flags["revocationfreshnesstime"] = "3600"
	m := newMachine(t, standin.Settings{Language: "de", Certificates: []string{"*"}}, before...)
	seen, err := m.Look(t.Context())
	require.NoError(t, err)
	_, err = m.Apply(t.Context(), Change{Remove: seen.Records})
	require.NoError(t, err)
	require.Empty(t, m.table().Bindings)
	now, err := m.Apply(t.Context(), Change{Add: seen.Records})
	require.NoError(t, err)
	require.Equal(t, seen.Records, now.Records)
	require.Len(t, m.starts(), 3)
}

func TestRefusals(t *testing.T) {
	for _, row := range []struct {
		name     string
		settings standin.Settings
		code     int
		is       error
		starts   int
		says     string
	}{
		{"no key", standin.Settings{Certificates: []string{theirs}}, NoKey, nil, 1, "no private key"},
		{"no rights", standin.Settings{Certificates: []string{"*"}, Unelevated: true}, AccessDenied, fs.ErrPermission, 1, "administrator rights"},
		{"somebody was faster", standin.Settings{Certificates: []string{"*"},
			Intruder: &standin.Binding{Hash: strings.ToLower(theirs), AppID: foreign, Store: "MY"}}, Exists, nil, 1, "in between"},
		{"internal", standin.Settings{Certificates: []string{"*"}, Refuse: map[string]int{"44301": Internal}}, Internal, nil, 1, "internal error"},
		{"never ready", standin.Settings{Certificates: []string{"*"}, NotYet: 99}, BadParameter, nil, 5, "a parameter was refused"},
		{"nothing is done", standin.Settings{Certificates: []string{"*"}, Mode: "pretend"}, 0, nil, 1, "it is not done"},
	} {
		for _, language := range []string{"en", "de", "ru"} {
			t.Run(row.name+" "+language, func(t *testing.T) {
				row.settings.Language = language
				m := newMachine(t, row.settings, standin.IISExpress(44300, 44302, theirs)...)
				seen := State{Records: []Record{Bound(44300, theirs, IISExpress), Bound(44301, theirs, IISExpress), Bound(44302, theirs, IISExpress)}}
				records, reserved := wanted(44300, 44302)
				seen, err := m.Apply(t.Context(), seen.Replace(records, reserved))
				var e *Error
				require.ErrorAs(t, err, &e)
				require.Equal(t, row.code, e.Code)
				require.ErrorContains(t, err, row.says)
				require.NotEmpty(t, e.Remedy)
				require.NotEmpty(t, e.Unmet)
				require.Len(t, m.starts(), row.starts)
				require.Equal(t, len(seen.Records), len(m.table().Bindings), "the state is what is there now")
				if row.is != nil {
					require.ErrorIs(t, err, row.is)
				}
				m.nothingLeft()
			})
		}
	}
}

// For some seconds after a key was imported HTTP.sys answers 87.
func TestTooNewAKey(t *testing.T) {
	m := newMachine(t, standin.Settings{Certificates: []string{ours}, NotYet: 2}, standin.IISExpress(44300, 44399, theirs)...)
	seen, err := m.Look(t.Context())
	require.NoError(t, err)
	records, reserved := wanted(44300, 44399)
	_, err = m.Apply(t.Context(), seen.Replace(records, reserved))
	require.NoError(t, err)
	require.Equal(t, delays[:2], m.slept)
	starts := m.starts()
	require.Len(t, starts, 4)
	require.Len(t, starts[1].Lines, 303)
	require.Len(t, starts[2].Lines, 103, "what has been done is not done again")
}

func TestCancelledWhileWaiting(t *testing.T) {
	m := newMachine(t, standin.Settings{NotYet: 99})
	m.Sleep = func(context.Context, time.Duration) error { return context.Canceled }
	_, err := m.Apply(t.Context(), Change{Add: []Record{Bound(1, ours, IISExpress)}})
	require.ErrorIs(t, err, context.Canceled)
	var e *Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, BadParameter, e.Code)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, (&Netsh{}).sleep(ctx, time.Hour), context.Canceled)
	require.NoError(t, (&Netsh{}).sleep(t.Context(), 1))
}

func TestBrokenNetsh(t *testing.T) {
	some := standin.IISExpress(44300, 44309, theirs)
	for _, mode := range []string{"garbage", "silence", "cut", "crash"} {
		t.Run(mode, func(t *testing.T) {
			m := newMachine(t, standin.Settings{Mode: mode}, some...)
			s, err := m.Look(t.Context())
			require.ErrorContains(t, err, "not the three lists")
			require.Empty(t, s)
			m.nothingLeft()
		})
	}
	t.Run("hang", func(t *testing.T) {
		m := newMachine(t, standin.Settings{Mode: "hang"}, some...)
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		started := time.Now()
		_, err := m.Look(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, "netsh did not end in time")
		require.Less(t, time.Since(started), 10*time.Second)
		m.nothingLeft()
		_, err = m.Apply(ctx, Change{Add: []Record{Bound(1, ours, IISExpress)}})
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
	t.Run("missing", func(t *testing.T) {
		m := newMachine(t, standin.Settings{})
		require.NoError(t, os.Remove(filepath.Join(m.folder, "netsh.exe")))
		_, err := m.Look(t.Context())
		require.ErrorIs(t, err, fs.ErrNotExist)
		var e *Error
		require.ErrorAs(t, err, &e)
		require.Contains(t, e.Remedy, "sfc")
		m.nothingLeft()
	})
	t.Run("no folder for the script", func(t *testing.T) {
		for _, folder := range []string{"", filepath.Join(t.TempDir(), "none")} {
			n := Netsh{Folder: folder, Run: func(context.Context, ...string) ([]byte, error) { panic("started") }}
			_, err := n.Look(t.Context())
			require.ErrorContains(t, err, "write a netsh script")
			var e *Error
			require.ErrorAs(t, err, &e)
			require.NotContains(t, e.Remedy, "sfc")
		}
	})
	t.Run("a value not fit for a script", func(t *testing.T) {
		m := newMachine(t, standin.Settings{})
		_, err := m.Apply(t.Context(), Change{Add: []Record{{}}})
		require.Error(t, err)
		require.Empty(t, m.starts(), "nothing was run")
	})
	t.Run("nothing to change", func(t *testing.T) {
		m := newMachine(t, standin.Settings{}, some...)
		s, err := m.Apply(t.Context(), Change{})
		require.NoError(t, err)
		require.Len(t, s.Records, 10)
		require.Len(t, m.starts(), 1)
	})
}

// The script is there for netsh alone, and plain text in any code page.
func TestScriptFile(t *testing.T) {
	folder := t.TempDir()
	n := Netsh{Folder: folder, Run: func(_ context.Context, args ...string) ([]byte, error) {
		require.Equal(t, "-f", args[0])
		info, err := os.Stat(args[1])
		require.NoError(t, err)
		if os.PathSeparator == '/' {
			require.Equal(t, fs.FileMode(0o600), info.Mode())
		}
		text, err := os.ReadFile(args[1])
		require.NoError(t, err)
		require.Equal(t, strings.Join(look, "\r\n")+"\r\n", string(text))
		return nil, errors.New("did not start")
	}}
	_, err := n.Look(t.Context())
	require.ErrorContains(t, err, "did not start")
	left, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Empty(t, left)
}

// status is the error of a netsh that ended by itself.
type status int

func (s status) Error() string { return "exit status" }
func (s status) ExitCode() int { return int(s) }

func TestEmptyTable(t *testing.T) {
	table := standin.Table{Reservations: standin.System()}
	quiet := standin.Transcript(standin.Settings{}, table, look...)
	wordy := standin.Transcript(standin.Settings{NotFound: true}, table, look...)
	yes := func() (bool, error) { return true, nil }
	no := func() (bool, error) { return false, nil }
	broken := func() (bool, error) { return true, errors.New("registry") }
	for _, row := range []struct {
		name    string
		out     []byte
		ran     error
		unbound func() (bool, error)
		ok      bool
	}{
		{"heading only", quiet, nil, nil, true},
		{"heading only, but a failure", quiet, status(1), nil, false},
		{"a failure, and the registry agrees", quiet, status(1), yes, true},
		{"words", wordy, nil, nil, false},
		{"words, and the registry agrees", wordy, nil, yes, true},
		{"words, and the registry does not", wordy, status(1), no, false},
		{"words, and no registry", wordy, nil, broken, false},
		{"killed", quiet, status(-1), yes, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			n := Netsh{Folder: t.TempDir(), Unbound: row.unbound,
				Run: func(context.Context, ...string) ([]byte, error) { return row.out, row.ran }}
			s, err := n.Look(t.Context())
			if !row.ok {
				require.Error(t, err)
				return
			}
			require.NoError(t, err)
			require.Empty(t, s.Records)
			require.NotEmpty(t, s.Reservations)
		})
	}
}

package httpsys

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"devcert/devcert/disk"
	"devcert/platform/httpsys/internal/standin"
	"devcert/scripts/fuzzlimit"

	"github.com/stretchr/testify/require"
)

// Any user may make the machine's folder before devcert does.
func TestForgedLedger(t *testing.T) {
	for _, name := range []string{"devcert", ledgerName, lockName} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, standin.Settings{}, standin.IISExpress(44300, 44300, theirs)...)
			require.NoError(t, os.Mkdir(w.priv.Ledger.Folder, 0o755))
			for _, file := range []string{ledgerName, lockName} {
				require.NoError(t, os.WriteFile(w.priv.Ledger.path(file), nil, 0o600))
			}
			w.files.exposed = map[string]string{name: "owned by somebody"}
			for _, err := range []error{w.bind(ours, 44300), w.unbind(44300)} {
				require.ErrorContains(t, err, name+" is not safe to use: owned by somebody")
				require.Contains(t, remedy(t, err), "remove it")
			}
			require.Empty(t, w.starts())
			require.FileExists(t, w.priv.Ledger.path(ledgerName))
		})
	}
	t.Run("a link", func(t *testing.T) {
		w := newWorld(t, standin.Settings{})
		require.NoError(t, os.Mkdir(w.priv.Ledger.Folder, 0o755))
		if err := os.Symlink(filepath.Join(t.TempDir(), "target"), w.priv.Ledger.path(ledgerName)); err != nil {
			t.Skip(err)
		}
		if info, err := os.Lstat(w.priv.Ledger.path(ledgerName)); err != nil || info.Mode()&fs.ModeSymlink == 0 {
			t.Skip("links are not told from files here")
		}
		require.Error(t, w.bind(ours, 44300))
		require.Empty(t, w.starts())
	})
}

func TestNewerLedger(t *testing.T) {
	w := newWorld(t, standin.Settings{}, standin.IISExpress(44300, 44300, theirs)...)
	require.NoError(t, os.Mkdir(w.priv.Ledger.Folder, 0o755))
	path := w.priv.Ledger.path(ledgerName)
	require.NoError(t, os.WriteFile(path, []byte(`{"schema":2,"more":[]}`), 0o600))
	for _, err := range []error{w.bind(ours, 44300), w.unbind(44300)} {
		require.ErrorIs(t, err, disk.ErrSchema)
		remedy(t, err)
	}
	require.Empty(t, w.starts())
	require.FileExists(t, path)
}

// A damaged record is kept for a person, and what it meant is not known.
func TestDamagedLedger(t *testing.T) {
	w := newWorld(t, standin.Settings{}, standin.IISExpress(44300, 44300, theirs)...)
	require.NoError(t, w.bind(ours, 44300))
	path := w.priv.Ledger.path(ledgerName)
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, data[:len(data)/2], 0o600))
	err = w.unbind(44300)
	require.ErrorContains(t, err, "was damaged and lies in")
	remedy(t, err)
	require.Empty(t, w.on(44300))
	aside, err := filepath.Glob(path + ".damaged-*")
	require.NoError(t, err)
	require.Len(t, aside, 1)
	kept, err := os.ReadFile(aside[0])
	require.NoError(t, err)
	require.Equal(t, data[:len(data)/2], kept)
	require.NoError(t, w.unbind(44300), "it is said once")
}

// A record that cannot be written stops what it is to record.
func TestUnwritableLedger(t *testing.T) {
	w := newWorld(t, standin.Settings{}, standin.IISExpress(44300, 44300, theirs)...)
	before := w.sorted()
	w.priv.Ledger.Files = fullDisk{w.files}
	err := w.bind(ours, 44300)
	require.ErrorContains(t, err, "record what was bound before devcert")
	require.ErrorContains(t, err, "disk is full")
	require.Equal(t, before, w.sorted())
	require.Len(t, w.starts(), 1)
}

// A folder that cannot be made is waited for only as long as it may be being removed.
func TestNoFolder(t *testing.T) {
	w := newWorld(t, standin.Settings{})
	w.priv.Ledger.Folder = filepath.Join(t.TempDir(), "none", "devcert")
	require.ErrorIs(t, w.bind(ours, 44300), fs.ErrNotExist)
	require.Empty(t, w.starts())
}

type fullDisk struct{ *looseFiles }

func (fullDisk) Create(path string) (*os.File, error) {
	return nil, fmt.Errorf("create %s: %w", path, errors.New("disk is full"))
}

func TestLedgerFile(t *testing.T) {
	before := Bound(44300, theirs, IISExpress)
	good := &ledger{
		Places: []trace{
			{Kind: IP, Address: "0.0.0.0:44300", Port: 44300, Bound: []string{ours, newer}, Before: &before, Broken: true},
			{Kind: Hostname, Address: "localhost:44301", Port: 44301, Before: &Record{
				Kind: Hostname, Address: "localhost:44301", Port: 44301, Thumbprint: theirs, AppID: siteID, Store: "WebHosting",
				Settings: Settings{Negotiate: On, Freshness: 7, CTLStore: "x y"}}},
		},
		Reservations: []urlTrace{{URL: Reserved(44300).URL}, {URL: Reserved(44301).URL, Before: &Reservation{Reserved(44301).URL, "D:(A;;GX;;;BU)"}}},
	}
	data, err := good.encode()
	require.NoError(t, err)
	read, err := parseLedger(data)
	require.NoError(t, err)
	require.Equal(t, good, read)

	text := string(data)
	for name, edit := range map[string][2]string{
		"schema 0":            {`"schema":1`, `"schema":0`},
		"unknown field":       {`"schema":1`, `"schema":1,"x":1`},
		"a line":              {`"0.0.0.0:44300"`, `"0.0.0.0:44300\r\nhttp"`},
		"another port":        {`"port":44300`, `"port":44399`},
		"no thumbprint":       {`"` + newer + `"`, `"x"`},
		"lower case":          {`"` + newer + `"`, `"` + strings.ToLower(newer) + `"`},
		"store with a quote":  {`"WebHosting"`, `"Web\"Hosting"`},
		"another place":       {`"before":{"kind":"ip","address":"0.0.0.0:44300","port":44300`, `"before":{"kind":"ip","address":"0.0.0.0:44302","port":44302`},
		"twice":               {`"address":"localhost:44301","port":44301`, `"address":"localhost:44301","port":44301`},
		"access list":         {"D:(A;;GX;;;BU)", "D:(A;;GX;;;BU) user=Everyone"},
		"reservation of else": {`"before":{"url":"https://localhost:44301/"`, `"before":{"url":"https://localhost:44302/"`},
		"url":                 {`"https://localhost:44300/"`, `"https://localhost:44300/ x"`},
	} {
		bad := strings.ReplaceAll(text, edit[0], edit[1])
		if name == "twice" {
			bad = strings.Replace(text, `"places":[`, `"places":[{"kind":"ip","address":"0.0.0.0:44300","port":44300,"bound":["`+ours+`"]},`, 1)
		}
		require.NotEqual(t, text, bad, name)
		_, err := parseLedger([]byte(bad))
		require.Error(t, err, name)
	}
	for port := range 6000 {
		good.Places = append(good.Places, trace{Kind: IP, Address: "0.0.0.0:1", Port: port, Bound: []string{ours}, Before: &before})
	}
	_, err = good.encode()
	require.ErrorContains(t, err, "more than can be remembered")
}

func FuzzParseLedger(f *testing.F) {
	f.Add([]byte(`{"schema":1,"places":[{"kind":"ip","address":"0.0.0.0:1","port":1,"bound":["` + ours + `"]}],"reservations":[{"url":"https://localhost:1/"}]}`))
	fuzzlimit.Fuzz(f, func(t *testing.T, data []byte) {
		l, err := parseLedger(data)
		if err != nil {
			return
		}
		var c Change
		for _, p := range l.Places {
			if p.Before != nil {
				c.Add = append(c.Add, *p.Before)
			}
		}
		for _, u := range l.Reservations {
			if u.Before != nil {
				c.Reserve = append(c.Reserve, *u.Before)
			}
		}
		lines, err := c.Lines()
		require.NoError(t, err, "what was read can be put back")
		for _, line := range lines {
			require.False(t, strings.ContainsAny(line, "\r\n&|<>^"), line)
		}
		again, err := l.encode()
		require.NoError(t, err)
		same, err := parseLedger(again)
		require.NoError(t, err)
		twice, err := same.encode()
		require.NoError(t, err)
		require.Equal(t, string(again), string(twice))
	})
}

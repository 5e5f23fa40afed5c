package httpsys

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"devcert/devcert"
	"devcert/platform/httpsys/internal/standin"

	"github.com/stretchr/testify/require"
)

const (
	newer   = "AA112233445566778899AABBCCDDEEFF00112233" // the leaf after a renewal
	anothr  = "BB112233445566778899AABBCCDDEEFF00112233" // of another user's devcert
	siteID  = "{4dc3e181-e14b-4a21-b022-59fc669b0914}"   // IIS
	siteRSA = "CC112233445566778899AABBCCDDEEFF00112233" // IIS's certificate
)

// world is a machine with both sides of devcert on it.
type world struct {
	*machine
	binder *Binder
	priv   *Machine
	files  *looseFiles
	broken map[string]string // what cannot be served, and why
	asked  []string          // of the privileged side
	clock  time.Time
}

func newWorld(t *testing.T, s standin.Settings, bindings ...standin.Binding) *world {
	t.Helper()
	if s.Certificates == nil {
		s.Certificates = []string{ours, newer, theirs, anothr, siteRSA}
	}
	w := &world{machine: newMachine(t, s, bindings...), files: &looseFiles{}, broken: map[string]string{}, clock: time.Unix(1e9, 0)}
	owners := map[string]Whose{ours: Own, newer: Own, anothr: Another}
	w.priv = &Machine{
		Netsh:  w.Netsh,
		Ledger: Ledger{Folder: filepath.Join(t.TempDir(), "devcert"), Files: w.files, Locks: w.files, Now: func() time.Time { return w.clock }},
		Checks: Checks{
			Bindable: func(thumbprint string) error {
				if owners[thumbprint] != Own {
					return errors.New("it is not devcert's")
				}
				return nil
			},
			Usable: func(_, thumbprint string) string { return w.broken[thumbprint] },
			Whose:  func(thumbprint, _ string) Whose { return owners[thumbprint] },
		},
	}
	w.binder = &Binder{
		Netsh: w.Netsh, Privileged: w,
		Broken: func(thumbprint string) string { return w.broken[thumbprint] },
		Whose:  func(thumbprint string) Whose { return owners[thumbprint] },
		Now:    func() time.Time { return w.clock },
	}
	return w
}

// Do is the pipe to the privileged child.
func (w *world) Do(ctx context.Context, what string, body any) error {
	w.asked = append(w.asked, what)
	data, err := json.Marshal(body)
	require.NoError(w.t, err)
	in := json.NewDecoder(bytes.NewReader(data))
	in.DisallowUnknownFields()
	switch what {
	case DoBind:
		var req BindRequest
		require.NoError(w.t, in.Decode(&req))
		return w.priv.Bind(ctx, req, func() {})
	case DoUnbind:
		var req UnbindRequest
		require.NoError(w.t, in.Decode(&req))
		return w.priv.Unbind(ctx, req, func() {})
	}
	return fmt.Errorf("%s is not among what can be asked for", what)
}

func (w *world) bind(thumbprint string, ports ...int) error {
	return w.binder.Bind(w.t.Context(), devcert.BindOrder{Ports: ports, Thumbprint: thumbprint})
}

func (w *world) takeOver(thumbprint string, ports ...int) error {
	return w.binder.Bind(w.t.Context(), devcert.BindOrder{Ports: ports, Thumbprint: thumbprint, TakeOver: true})
}

func (w *world) unbind(ports ...int) error { return w.binder.Unbind(w.t.Context(), ports) }

// sorted is the table in an order of its own: what is removed and put back comes last.
func (w *world) sorted() standin.Table {
	w.t.Helper()
	table := w.table()
	slices.SortFunc(table.Bindings, func(a, b standin.Binding) int { return strings.Compare(a.Kind+a.Place, b.Kind+b.Place) })
	slices.SortFunc(table.Reservations, func(a, b standin.Reservation) int { return strings.Compare(a.URL, b.URL) })
	return table
}

// on is what 0.0.0.0:port is bound to, and for whom; "" when it is not.
func (w *world) on(port int) string { return w.at(fmt.Sprintf("0.0.0.0:%d", port)) }

func (w *world) at(place string) string {
	w.t.Helper()
	for _, b := range w.table().Bindings {
		if b.Place == place {
			return strings.ToUpper(b.Hash) + " " + b.AppID
		}
	}
	return ""
}

// meddle has another process change the table right before the next change.
func (w *world) meddle(change func(*standin.Table)) {
	run := w.Run
	w.Run = func(ctx context.Context, args ...string) ([]byte, error) {
		if script, err := os.ReadFile(args[1]); err == nil && bytes.Contains(script, []byte(" add ")) {
			w.Run = run
			table := w.table()
			change(&table)
			require.NoError(w.t, standin.Write(w.folder, standin.TableFile, table))
		}
		return run(ctx, args...)
	}
}

// record is the ledger's file; nil when there is none.
func (w *world) record() *ledger {
	w.t.Helper()
	data, err := os.ReadFile(w.priv.Ledger.path(ledgerName))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	require.NoError(w.t, err)
	l, err := parseLedger(data)
	require.NoError(w.t, err)
	return l
}

// nothingRemembered says that the machine has no trace of devcert.
func (w *world) nothingRemembered() {
	w.t.Helper()
	require.NoDirExists(w.t, w.priv.Ledger.Folder)
	w.nothingLeft()
}

func span(first, last int) (ports []int) {
	for port := first; port <= last; port++ {
		ports = append(ports, port)
	}
	return ports
}

func binding(place, thumbprint, appID string) standin.Binding {
	kind := "ipport"
	if strings.ContainsAny(place[:1], "abcdefghijklmnopqrstuvwxyz*") {
		kind = "hostnameport"
	}
	return standin.Binding{Kind: kind, Place: place, Hash: strings.ToLower(thumbprint), AppID: appID, Store: "MY"}
}

// looseFiles are the files of a machine where others may have been first.
type looseFiles struct {
	exposed map[string]string // by base name
}

func (*looseFiles) MakeDir(path string) error { return os.Mkdir(path, 0o755) }

func (*looseFiles) Create(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
}

func (f *looseFiles) Exposed(path string) (string, error) {
	if _, err := os.Lstat(path); err != nil {
		return "", err
	}
	return f.exposed[filepath.Base(path)], nil
}

func (*looseFiles) MakePrivate(string) error           { return errors.ErrUnsupported }
func (*looseFiles) Replaceable(string) (string, error) { return "", nil }
func (*looseFiles) HasOtherName(f *os.File) bool       { return false }
func (*looseFiles) Rename(from, to string) error       { return os.Rename(from, to) }
func (*looseFiles) Sync([]*os.File) error              { return nil }
func (*looseFiles) SyncDir(string) error               { return nil }

package httpsys

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"devcert/devcert"
	"devcert/platform/httpsys/internal/standin"

	"github.com/stretchr/testify/require"
)

// The whole of a setup, a renewal and an uninstall on a machine with Visual Studio.
func TestWholeStory(t *testing.T) {
	w := newWorld(t, standin.Settings{Language: "de", Version: "2022"}, append(standin.IISExpress(44300, 44399, theirs), mixed(20)...)...)
	table := w.table()
	for port := 44300; port < 44350; port++ { // IIS Express's setup made these
		table.Reservations = append(table.Reservations, standin.Reservation{URL: Reserved(port).URL, SDDL: Everyone})
	}
	table.Reservations = append(table.Reservations, standin.Reservation{URL: Reserved(44360).URL, SDDL: "D:(A;;GX;;;S-1-5-21-1-2-3-1001)"})
	table.Bindings[7].Flags = map[string]string{"clientcertnegotiation": "enable"}
	require.NoError(t, standin.Write(w.folder, standin.TableFile, table))
	before := w.sorted()

	ports := span(44300, 44399)
	all := func(thumbprint string) {
		t.Helper()
		seen, err := w.binder.Table(t.Context())
		require.NoError(t, err)
		got := map[int]string{}
		for _, b := range seen.Bindings {
			if b.Address == "0.0.0.0" && b.AppID == IISExpress {
				got[b.Port] = b.Thumbprint
			}
		}
		for _, port := range ports {
			require.Equal(t, thumbprint, got[port], port)
			require.Contains(t, seen.Reserved, port)
			require.Equal(t, thumbprint+" "+IISExpress, w.on(port))
		}
		require.Len(t, seen.Bindings, 120)
	}
	_, err := w.binder.Table(t.Context())
	require.NoError(t, err)
	require.NoError(t, w.bind(ours, ports...))
	all(ours)
	require.Len(t, w.starts(), 3, "all that a setup starts")
	w.clock = w.clock.Add(fresh)
	all(ours)
	require.Len(t, w.starts(), 4)
	require.Equal(t, "enable", w.table().Bindings[slices.IndexFunc(w.table().Bindings, func(b standin.Binding) bool {
		return b.Place == "0.0.0.0:44307"
	})].Flags["clientcertnegotiation"], "who asks for client certificates goes on to")

	require.NoError(t, w.bind(ours, ports...), "again")
	require.Empty(t, w.starts()[4].Touched)
	require.Len(t, w.starts(), 5, "a look, and nothing to do")
	w.clock = w.clock.Add(fresh)
	require.NoError(t, w.bind(newer, ports...))
	w.clock = w.clock.Add(fresh)
	all(newer)

	starts := len(w.starts())
	require.NoError(t, w.unbind(ports...))
	require.Len(t, w.starts(), starts+2)
	require.Equal(t, before, w.sorted())
	w.nothingRemembered()
	require.NoError(t, w.unbind(ports...), "again")
	require.Equal(t, before, w.sorted())
}

func TestForeign(t *testing.T) {
	start := append(standin.IISExpress(44300, 44302, theirs), binding("0.0.0.0:44303", siteRSA, siteID),
		binding("0.0.0.0:44304", anothr, IISExpress))
	for _, row := range []struct {
		port       int
		thumbprint string
		appID      string
	}{{44303, siteRSA, siteID}, {44304, anothr, IISExpress}} {
		t.Run(fmt.Sprint(row.port), func(t *testing.T) {
			w := newWorld(t, standin.Settings{}, start...)
			before := w.sorted()
			err := w.bind(ours, 44300, row.port, 44301)
			require.ErrorContains(t, err, fmt.Sprint("port ", row.port))
			require.ErrorContains(t, err, row.appID)
			require.Contains(t, remedy(t, err), "--take-over")
			require.Equal(t, row.thumbprint+" "+row.appID, w.on(row.port))
			require.Equal(t, ours+" "+IISExpress, w.on(44301), "the others have nothing to do with it")

			require.NoError(t, w.takeOver(ours, row.port))
			require.Equal(t, ours+" "+IISExpress, w.on(row.port))
			require.NoError(t, w.unbind(44300, 44301, row.port))
			require.Equal(t, before, w.sorted())
			w.nothingRemembered()
		})
	}
}

// What HTTP.sys prefers to 0.0.0.0 on its port.
func TestShadows(t *testing.T) {
	w := newWorld(t, standin.Settings{},
		binding("[::]:44300", theirs, IISExpress), binding("0.0.0.0:44300", theirs, IISExpress),
		binding("[::]:44301", siteRSA, siteID), binding("127.0.0.1:44302", siteRSA, siteID),
		binding("localhost:44303", siteRSA, siteID), binding("localhost:44304", ours, siteID))
	before := w.sorted()
	ports := span(44300, 44304)
	require.NoError(t, w.bind(ours, ports...), "others are left alone, and hide it from some clients only")
	for _, port := range ports {
		require.Equal(t, ours+" "+IISExpress, w.on(port))
	}
	require.Empty(t, w.at("[::]:44300"))
	for _, place := range []string{"[::]:44301", "127.0.0.1:44302", "localhost:44303"} {
		require.Equal(t, siteRSA+" "+siteID, w.at(place))
	}
	require.Equal(t, ours+" "+siteID, w.at("localhost:44304"), "the same certificate hides nothing")

	require.NoError(t, w.takeOver(ours, ports...))
	require.Len(t, w.table().Bindings, 6)
	seen, err := w.binder.Table(t.Context())
	require.NoError(t, err)
	require.Len(t, seen.Bindings, 6)
	require.NoError(t, w.unbind(44300, 44301, 44302, 44303))
	after := w.sorted()
	after.Bindings = slices.DeleteFunc(after.Bindings, func(b standin.Binding) bool { return b.Place == "0.0.0.0:44304" })
	after.Reservations = before.Reservations
	require.Equal(t, before, after)
	require.Len(t, w.record().Places, 1)
}

// What a script could not say is not taken away, whoever asks for it.
func TestCannotBePutBack(t *testing.T) {
	odd := binding("0.0.0.0:44300", siteRSA, siteID)
	odd.Store = "O'Brien"
	w := newWorld(t, standin.Settings{}, odd)
	table := w.table()
	table.Reservations = append(table.Reservations, standin.Reservation{URL: Reserved(44301).URL, SDDL: `D:(XA;;GX;;;S-1-5-21-1-2-3-1001;(@User.x=="y"))`})
	require.NoError(t, standin.Write(w.folder, standin.TableFile, table))
	before := w.sorted()
	require.ErrorContains(t, w.takeOver(ours, 44300, 44301), "port 44300")
	require.Equal(t, siteRSA+" "+siteID, w.on(44300))
	require.NoError(t, w.unbind(44300, 44301))
	require.Equal(t, before, w.sorted())
}

// A leaf of devcert's is replaced whatever it was bound for, and not missed.
func TestFormerLeaf(t *testing.T) {
	w := newWorld(t, standin.Settings{}, binding("0.0.0.0:44300", ours, siteID))
	require.NoError(t, w.bind(newer, 44300))
	require.Equal(t, newer+" "+IISExpress, w.on(44300))
	require.NoError(t, w.unbind(44300))
	require.Empty(t, w.table().Bindings)
	w.nothingRemembered()
}

// A leaf that no store has any more is known by the ledger.
func TestForgottenLeaf(t *testing.T) {
	w := newWorld(t, standin.Settings{})
	order := devcert.BindOrder{Ports: []int{44300}, Thumbprint: ours, AppID: strings.ToUpper(siteID)}
	require.NoError(t, w.binder.Bind(t.Context(), order))
	require.Equal(t, ours+" "+siteID, w.on(44300))
	w.priv.Checks.Whose = func(string, string) Whose { return Stranger }
	require.NoError(t, w.bind(newer, 44300))
	require.NoError(t, w.unbind(44300))
	require.Empty(t, w.table().Bindings)
	w.nothingRemembered()
}

// Somebody binds a port again that devcert had: it is theirs, and comes back.
func TestTakenBack(t *testing.T) {
	w := newWorld(t, standin.Settings{}, standin.IISExpress(44300, 44300, theirs)...)
	require.NoError(t, w.bind(ours, 44300))
	require.NoError(t, standin.Write(w.folder, standin.TableFile, standin.Table{Bindings: []standin.Binding{binding("0.0.0.0:44300", siteRSA, siteID)}}))
	require.ErrorContains(t, w.bind(ours, 44300), siteID)
	require.NoError(t, w.takeOver(ours, 44300))
	require.NoError(t, w.unbind(44300))
	require.Equal(t, siteRSA+" "+siteID, w.on(44300))
	w.nothingRemembered()

	require.NoError(t, w.takeOver(ours, 44300))
	require.NoError(t, standin.Write(w.folder, standin.TableFile, standin.Table{Bindings: []standin.Binding{binding("0.0.0.0:44300", theirs, siteID)}}))
	require.NoError(t, w.unbind(44300))
	require.Equal(t, theirs+" "+siteID, w.on(44300), "not devcert's, not touched")
	w.nothingRemembered()
}

// IIS Express binds its port to another certificate after devcert came, as Visual
// Studio has it do: the first comes back, unless it is gone.
func TestFirstRecordWins(t *testing.T) {
	for _, row := range []struct{ name, gone, back string }{{"still there", "", theirs}, {"gone", theirs, siteRSA}} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t, standin.Settings{}, standin.IISExpress(44300, 44300, theirs)...)
			require.NoError(t, w.bind(ours, 44300))
			table := w.table()
			table.Bindings[0] = binding("0.0.0.0:44300", siteRSA, IISExpress)
			require.NoError(t, standin.Write(w.folder, standin.TableFile, table))
			w.broken[row.gone] = "it is not there"
			require.NoError(t, w.bind(ours, 44300))
			require.NoError(t, w.unbind(44300))
			require.Equal(t, row.back+" "+IISExpress, w.on(44300))
			w.nothingRemembered()
		})
	}
}

func TestRequestsRefused(t *testing.T) {
	good := BindRequest{Ports: []int{44300}, Thumbprint: ours}
	for _, row := range []struct {
		name string
		edit func(*BindRequest)
		says string
	}{
		{"no ports", func(r *BindRequest) { r.Ports = nil }, "0 ports"},
		{"too many", func(r *BindRequest) { r.Ports = span(1, MaxPorts+1) }, "1001 ports"},
		{"port 0", func(r *BindRequest) { r.Ports = []int{44300, 0} }, "0 is no port"},
		{"below", func(r *BindRequest) { r.Ports = []int{-1} }, "-1 is no port"},
		{"above", func(r *BindRequest) { r.Ports = []int{65536} }, "65536 is no port"},
		{"no thumbprint", func(r *BindRequest) { r.Thumbprint = "" }, "no SHA-1 thumbprint"},
		{"a SHA-256", func(r *BindRequest) { r.Thumbprint = strings.Repeat("A", 64) }, "no SHA-1 thumbprint"},
		{"a command", func(r *BindRequest) { r.Thumbprint = ours[:20] + "\r\nhttp delete sslc" }, "no SHA-1 thumbprint"},
		{"an application", func(r *BindRequest) { r.AppID = "{x}" }, "no application id"},
		{"a line", func(r *BindRequest) { r.AppID = siteID + "\n" }, "no application id"},
		{"neither on nor off", func(r *BindRequest) { r.Negotiate = "on\r\nhttp delete" }, "neither on nor off"},
		{"another's certificate", func(r *BindRequest) { r.Thumbprint = siteRSA }, "not devcert's"},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t, standin.Settings{})
			req := good
			row.edit(&req)
			require.ErrorContains(t, w.priv.Bind(t.Context(), req, func() {}), row.says)
			require.Empty(t, w.starts())
			w.nothingRemembered()
		})
	}
	w := newWorld(t, standin.Settings{})
	require.ErrorContains(t, w.priv.Unbind(t.Context(), UnbindRequest{Ports: []int{0}}, func() {}), "0 is no port")
	require.Empty(t, w.starts())
	lower := BindRequest{Ports: []int{44301, 44300, 44301}, Thumbprint: strings.ToLower(ours), AppID: strings.ToUpper(siteID)}
	require.NoError(t, w.priv.Bind(t.Context(), lower, func() {}))
	require.Equal(t, ours+" "+siteID, w.on(44301))
}

// One changes the table at a time, and a change that has begun is finished.
func TestOneAtATime(t *testing.T) {
	w := newWorld(t, standin.Settings{})
	unlock, err := w.priv.Ledger.lock(t.Context(), func() {})
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
	defer cancel()
	told := 0
	err = w.priv.Bind(ctx, BindRequest{Ports: []int{44300}, Thumbprint: ours}, func() { told++ })
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Contains(t, remedy(t, err), "--timeout")
	require.Equal(t, 1, told)
	require.Empty(t, w.starts())

	done := make(chan error)
	go func() { done <- w.bind(ours, 44300) }()
	time.Sleep(3 * retryLock)
	unlock()
	require.NoError(t, <-done, "the folder was removed while it waited")

	ctx, cancel = context.WithCancel(t.Context())
	run := w.Run
	w.Run = func(ctx context.Context, args ...string) ([]byte, error) { cancel(); return run(ctx, args...) }
	require.NoError(t, w.priv.Bind(ctx, BindRequest{Ports: []int{44301}, Thumbprint: ours}, func() {}))
	require.Equal(t, ours+" "+IISExpress, w.on(44301))
}

func remedy(t *testing.T, err error) string {
	t.Helper()
	var r interface{ Remedy() string }
	require.ErrorAs(t, err, &r)
	require.NotEmpty(t, r.Remedy())
	return r.Remedy()
}

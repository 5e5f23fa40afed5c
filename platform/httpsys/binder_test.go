package httpsys

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"devcert/devcert"
	"devcert/platform/httpsys/internal/standin"

	"github.com/stretchr/testify/require"
)

func TestTable(t *testing.T) {
	w := newWorld(t, standin.Settings{Language: "ru", Excluded: [][2]int{{44310, 44319}}},
		binding("0.0.0.0:44300", theirs, IISExpress), binding("[::]:44301", siteRSA, strings.ToUpper(siteID)),
		binding("127.0.0.1:44302", ours, IISExpress), binding("host.name:44303", ours, IISExpress),
		standin.Binding{Kind: "ccs", Place: "44304", AppID: siteID},
		standin.Binding{Kind: "ipport", Place: "[fe80::1%4]:44305", Hash: strings.ToLower(theirs), AppID: siteID, Store: "WebHosting"})
	w.broken[theirs] = "it is expired"
	table := w.table()
	table.Reservations = append(table.Reservations, []standin.Reservation{
		{URL: "https://localhost:44300/", SDDL: Everyone}, {URL: "https://LOCALHOST:44301/", SDDL: "D:(A;;GX;;;IU)"},
		{URL: "https://localhost:44302/", SDDL: "D:(A;;GX;;;S-1-5-21-1-2-3-1001)"}, {URL: "https://localhost:44303/sub/", SDDL: Everyone},
		{URL: "http://localhost:44304/", SDDL: Everyone}, {URL: "https://localhost:44305/", SDDL: "D:(A;;GX;;;BU)(D;;GX;;;IU)"},
	}...)
	require.NoError(t, standin.Write(w.folder, standin.TableFile, table))
	got, err := w.binder.Table(t.Context())
	require.NoError(t, err)
	require.Equal(t, devcert.PortTable{
		Bindings: []devcert.Binding{
			{Port: 44300, Address: "0.0.0.0", Thumbprint: theirs, AppID: IISExpress, Broken: "it is expired", ClientCerts: devcert.AsksNobody},
			{Port: 44301, Address: "[::]", Thumbprint: siteRSA, AppID: siteID, ClientCerts: devcert.AsksNobody},
			{Port: 44302, Address: "127.0.0.1", Thumbprint: ours, AppID: IISExpress, ClientCerts: devcert.AsksNobody},
			{Port: 44303, Address: "host.name", Thumbprint: ours, AppID: IISExpress, ClientCerts: devcert.AsksNobody},
			{Port: 44304, Address: "any name (central store)", AppID: siteID, ClientCerts: devcert.AsksNobody},
			{Port: 44305, Address: "[fe80::1%4]", Thumbprint: theirs, AppID: siteID, ClientCerts: devcert.AsksNobody},
		},
		Machine: true, Reserves: true, ClientCerts: true, Reserved: []int{44300, 44301},
		Excluded: []devcert.PortRange{{First: 5357, Last: 5357}, {First: 44310, Last: 44319}},
	}, got)
	require.Len(t, w.starts(), 1)
	require.Empty(t, w.asked)
}

// What a person has set aside is there for that person's server.
func TestExcludedOnPurpose(t *testing.T) {
	w := newWorld(t, standin.Settings{})
	w.binder.keep(State{Excluded: []Range{{From: 50000, To: 50059, Administered: true}, {From: 1, To: 2}}})
	got, err := w.binder.Table(t.Context())
	require.NoError(t, err)
	require.Equal(t, []devcert.PortRange{{First: 1, Last: 2}}, got.Excluded)
}

func TestLooksAreShared(t *testing.T) {
	w := newWorld(t, standin.Settings{}, standin.IISExpress(44300, 44302, theirs)...)
	look := func(starts int) devcert.PortTable {
		t.Helper()
		table, err := w.binder.Table(t.Context())
		require.NoError(t, err)
		require.Len(t, w.starts(), starts)
		return table
	}
	look(1)
	w.clock = w.clock.Add(fresh - 1)
	look(1)
	w.clock = w.clock.Add(1)
	look(2)
	require.Error(t, w.bind(siteRSA, 44300), "refused, and not even looked")
	look(3)
	look(3)
	require.NoError(t, w.bind(ours, 44300, 44310))
	proved := look(5)
	w.clock = w.clock.Add(fresh)
	seen := look(6)
	byPlace := func(a, b devcert.Binding) int { return a.Port - b.Port }
	slices.SortFunc(proved.Bindings, byPlace)
	slices.SortFunc(seen.Bindings, byPlace)
	slices.Sort(proved.Reserved)
	slices.Sort(seen.Reserved)
	require.Equal(t, seen, proved, "what a change has proved is what is there")
	require.NoError(t, w.unbind(44300))
	look(9)
}

// What the ledger alone knows makes the one side see more than the other.
func TestProofIsNotGuessed(t *testing.T) {
	w := newWorld(t, standin.Settings{})
	require.NoError(t, w.binder.Bind(t.Context(), devcert.BindOrder{Ports: []int{44300}, Thumbprint: ours, AppID: siteID}))
	w.priv.Checks.Whose = func(string, string) Whose { return Stranger }
	w.binder.Whose = func(string) Whose { return Stranger }
	_, err := w.binder.Table(t.Context())
	require.NoError(t, err)
	require.NoError(t, w.bind(newer, 44300))
	table, err := w.binder.Table(t.Context())
	require.NoError(t, err)
	require.Equal(t, newer, table.Bindings[0].Thumbprint)
}

func TestPreview(t *testing.T) {
	start := append(standin.IISExpress(44300, 44301, theirs),
		binding("0.0.0.0:44302", siteRSA, siteID), binding("[::]:44300", theirs, IISExpress), binding("0.0.0.0:44303", ours, IISExpress))
	w := newWorld(t, standin.Settings{}, start...)
	before := w.sorted()
	order := devcert.BindOrder{Ports: span(44300, 44304), Thumbprint: ours}
	shown, err := w.binder.Preview(t.Context(), order)
	require.NoError(t, err)
	require.Equal(t, before, w.sorted())
	require.Empty(t, w.asked)
	w.nothingRemembered()
	require.Error(t, w.binder.Bind(t.Context(), order), "one is another's")
	starts := w.starts()
	require.Equal(t, append(shown, look...), starts[len(starts)-1].Lines, "the very lines that are run")

	w = newWorld(t, standin.Settings{}, start...)
	order.Thumbprint, order.TakeOver = "", true
	shown, err = w.binder.Preview(t.Context(), order)
	require.NoError(t, err)
	require.Contains(t, shown, "http add sslcert ipport=0.0.0.0:44302 certhash=<the new leaf's> appid="+IISExpress+" certstorename=MY")
	require.Contains(t, shown, "http delete sslcert ipport=0.0.0.0:44302")
	require.NotContains(t, strings.Join(shown, "\n"), noHash)
	require.Len(t, w.starts(), 1)

	_, err = w.binder.Preview(t.Context(), devcert.BindOrder{Ports: []int{0}})
	require.ErrorContains(t, err, "0 is no port")
	many, err := w.binder.Preview(t.Context(), devcert.BindOrder{Ports: span(1, 2500), Thumbprint: ours})
	require.NoError(t, err)
	require.Len(t, many, 5000)
}

func TestManyPorts(t *testing.T) {
	w := newWorld(t, standin.Settings{})
	require.NoError(t, w.bind(ours, span(1, 2500)...))
	require.Equal(t, []string{DoBind, DoBind, DoBind}, w.asked)
	require.Len(t, w.table().Bindings, 2500)
	require.NoError(t, w.unbind(span(1, 2500)...))
	require.Empty(t, w.table().Bindings)
	w.nothingRemembered()
}

func TestNobodyToAsk(t *testing.T) {
	w := newWorld(t, standin.Settings{})
	w.binder.Privileged = refusing{}
	require.ErrorIs(t, w.bind(ours, 44300), devcert.ErrDeclined)
	require.ErrorIs(t, w.unbind(44300), devcert.ErrDeclined)
	require.NoError(t, w.binder.Bind(t.Context(), devcert.BindOrder{}), "nothing to ask for")
}

type refusing struct{}

func (refusing) Do(context.Context, string, any) error {
	return errors.Join(errors.New("a person said no"), devcert.ErrDeclined)
}

func TestBinderProbes(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_ = conn.Close()
		}
	}()
	defer func() { _ = listener.Close() }()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	answers := newWorld(t, standin.Settings{}).binder.Probe(ctx, []int{listener.Addr().(*net.TCPAddr).Port})
	require.Len(t, answers, 1)
	require.ErrorContains(t, answers[0].Err, "without a certificate")
}

package httpsys

import (
	"fmt"
	"strings"
	"testing"

	"devcert/devcert"
	"devcert/platform/httpsys/internal/standin"

	"github.com/stretchr/testify/require"
)

// asking lists which of the ports ask clients for a certificate.
func (w *world) asking() (ports []int) {
	w.t.Helper()
	for _, b := range w.table().Bindings {
		if r := shown(b); r.Negotiate == On {
			ports = append(ports, r.Port)
		}
	}
	return ports
}

func (w *world) bindAsking(asks devcert.Asks, ports ...int) error {
	return w.binder.Bind(w.t.Context(), devcert.BindOrder{Ports: ports, Thumbprint: ours, ClientCerts: asks})
}

func TestNegotiation(t *testing.T) {
	for _, row := range []struct {
		name string
		had  bool // what is bound already asks
		own  bool // and is devcert's
		asks devcert.Asks
		want []int
	}{
		{"IIS Express's is to ask", false, false, devcert.AsksClients, []int{44300, 44301}},
		{"one that is right but for that is to ask", false, true, devcert.AsksClients, []int{44300, 44301}},
		{"one that asks is left as it is", true, true, devcert.AsksClients, []int{44300, 44301}},
		{"nothing is said of one that asks", true, true, devcert.AsksUnknown, []int{44300}},
		{"nothing is said of IIS Express's that asks", true, false, devcert.AsksUnknown, []int{44300}},
		{"nothing is said", false, true, devcert.AsksUnknown, nil},
		{"one that asks is to stop", true, true, devcert.AsksNobody, nil},
		{"IIS Express's that asks is to stop", true, false, devcert.AsksNobody, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			there := binding("0.0.0.0:44300", theirs, IISExpress)
			if row.own {
				there = binding("0.0.0.0:44300", ours, IISExpress)
			}
			if row.had {
				there.Flags = map[string]string{"clientcertnegotiation": "enable"}
			}
			w := newWorld(t, standin.Settings{Language: "de"}, there)
			for range 2 { // the second time nothing is left to do
				require.NoError(t, w.bindAsking(row.asks, 44300, 44301))
				require.Equal(t, row.want, w.asking())
			}
			last := w.starts()[len(w.starts())-1]
			require.Empty(t, last.Touched)
			for _, port := range []int{44300, 44301} {
				require.Equal(t, ours+" "+IISExpress, w.on(port))
			}
			require.NoError(t, w.unbind(44300, 44301))
			if !row.own {
				require.Equal(t, []standin.Binding{there}, w.table().Bindings, "with what it had before")
			}
		})
	}
}

// A dry run shows the parameter, and what a change has proved says it too.
func TestNegotiationIsShown(t *testing.T) {
	w := newWorld(t, standin.Settings{}, binding("0.0.0.0:44300", ours, IISExpress))
	shown, err := w.binder.Preview(t.Context(), devcert.BindOrder{Ports: []int{44300}, Thumbprint: ours, ClientCerts: devcert.AsksClients})
	require.NoError(t, err)
	require.Equal(t, []string{
		"http delete sslcert ipport=0.0.0.0:44300",
		fmt.Sprintf("http add sslcert ipport=0.0.0.0:44300 certhash=%s appid=%s certstorename=MY clientcertnegotiation=enable", strings.ToLower(ours), IISExpress),
	}, shown[:2])
	require.Empty(t, w.asking())
	require.NoError(t, w.bindAsking(devcert.AsksClients, 44300))
	require.NoError(t, w.bindAsking(devcert.AsksUnknown, 44301))
	starts := len(w.starts())
	table, err := w.binder.Table(t.Context())
	require.NoError(t, err)
	require.Len(t, w.starts(), starts, "proved, and not looked at again")
	for _, b := range table.Bindings {
		require.Equal(t, map[int]devcert.Asks{44300: devcert.AsksClients, 44301: devcert.AsksNobody}[b.Port], b.ClientCerts)
	}
}

// netsh says that it did it and did nothing: that is seen, and said.
func TestNegotiationWithoutEffect(t *testing.T) {
	w := newWorld(t, standin.Settings{Mode: "pretend"}, binding("0.0.0.0:44300", ours, IISExpress))
	err := w.bindAsking(devcert.AsksClients, 44300)
	require.ErrorContains(t, err, "it is not done; 3 without effect")
	require.Empty(t, w.asking())
	require.Equal(t, ours+" "+IISExpress, w.on(44300))
}

// A table that cannot be read is no reason to say that Windows cannot do it.
func TestNegotiationOfWhatCannotBeRead(t *testing.T) {
	w := newWorld(t, standin.Settings{Mode: "garbage"})
	table, err := w.binder.Table(t.Context())
	require.Error(t, err)
	require.Equal(t, devcert.PortTable{ClientCerts: true}, table)
}

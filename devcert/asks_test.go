package devcert

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// asking has every binding of the scene ask clients for a certificate, or not.
func (s *scene) asking(asks Asks) {
	for i := range s.seen.Ports.Bindings {
		b := &s.seen.Ports.Bindings[i]
		b.Address, b.AppID, b.ClientCerts = "0.0.0.0", IISExpressAppID, asks
	}
}

func TestAskingForClientCerts(t *testing.T) {
	const stale = "error binding-stale "
	other := strings.Repeat("AB", 20)
	for _, row := range []struct {
		name   string
		change func(*scene)
		want   []string // findings
		plan   []string
	}{
		{"nobody said anything, and they ask", func(s *scene) { s.asking(AsksClients) }, nil, nil},
		{"nobody said anything, and they do not", func(s *scene) { s.asking(AsksNobody) }, nil, nil},
		{"two are to, and none does", func(s *scene) { s.asking(AsksNobody); s.config.AskPorts = "44300-44301" },
			[]string{stale + "ports 44300-44301"}, []string{"44300-44301, asking for client certificates"}},
		{"two are to, and all do", func(s *scene) { s.asking(AsksClients); s.config.AskPorts = "44300-44301" }, nil, nil},
		{"whether they do cannot be told", func(s *scene) { s.asking(AsksUnknown); s.config.AskPorts = "44300-44301" }, nil, nil},
		{"one is to stop", func(s *scene) { s.asking(AsksClients); s.config.unasked = []int{44302} },
			[]string{stale + "port 44302"}, []string{"44302, asking for no client certificates"}},
		{"one of the lost is to", func(s *scene) { s.seen.Ports.Bindings, s.config.AskPorts = nil, "44302" },
			[]string{"error binding-missing ports 44300-44303"}, []string{"44300-44301,44303", "44302, asking for client certificates"}},
		{"one with another certificate beside one that does not ask", func(s *scene) {
			s.asking(AsksNobody)
			s.seen.Ports.Bindings[1].Thumbprint, s.config.AskPorts = "00", "44302"
		}, []string{stale + "port 44301", stale + "port 44302"}, []string{"44301", "44302, asking for client certificates"}},
		{"a certificate that was named for a port", func(s *scene) {
			s.asking(AsksNobody)
			s.config.Certs, s.config.AskPorts = map[int]string{44303: other}, "44303"
			s.seen.Ports.Bindings[3].Thumbprint = other
		}, []string{stale + "port 44303"}, []string{"44303 to SHA-1 " + other + ", asking for client certificates"}},
		{"another application's binding to that", func(s *scene) {
			s.asking(AsksNobody)
			s.config.Certs, s.config.AskPorts = map[int]string{44303: other}, "44303"
			s.seen.Ports.Bindings[3].Thumbprint, s.seen.Ports.Bindings[3].AppID = other, "{x}"
		}, []string{"warning binding-foreign port 44303 (by hand)"}, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newScene(t)
			row.change(s)
			findings := s.findings()
			if row.want == nil {
				row.want = []string{}
			}
			require.Equal(t, row.want, describe(findings))
			var ports []string
			for _, step := range plan(s.config, s.seen, findings) {
				require.Equal(t, bind, step.action)
				ports = append(ports, step.Where)
			}
			require.Equal(t, row.plan, ports)
		})
	}
}

// What is wrong at a port is said by its certificate first, and else by what it asks.
func TestWhatAPortLacks(t *testing.T) {
	for _, row := range []struct {
		name                 string
		change               func(*scene)
		message, consequence string
	}{
		{"asks nobody", func(s *scene) { s.asking(AsksNobody); s.config.AskPorts = "44300-44301" },
			"ports 44300-44301 have a binding that asks clients for no certificate", "TLS 1.3 does not ask twice"},
		{"asks", func(s *scene) { s.asking(AsksClients); s.config.unasked = []int{44302} },
			"port 44302 has a binding that asks clients for a certificate", "browsers offer to choose one"},
		{"another certificate, and asks nobody", func(s *scene) {
			s.asking(AsksNobody)
			s.config.AskPorts, s.seen.Ports.Bindings[1].Thumbprint = "44301", "00"
		}, "port 44301 has another certificate than devcert's", "that clients do not expect"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newScene(t)
			row.change(s)
			findings := s.findings()
			require.Len(t, findings, 1)
			require.Equal(t, row.message, findings[0].Message)
			require.Contains(t, findings[0].Consequence, row.consequence)
		})
	}
}

func TestAskPorts(t *testing.T) {
	c := DefaultConfig()
	c.Ports = "44300-44310"
	require.NoError(t, c.setAsks([]int{44301, 44300, 44305}, AsksClients))
	require.NoError(t, c.setAsks([]int{44305, 44310}, AsksClients))
	require.Equal(t, "44300-44301,44305,44310", c.AskPorts)
	require.NoError(t, c.setAsks([]int{44300}, AsksUnknown))
	require.NoError(t, c.setAsks([]int{44301, 44302}, AsksNobody))
	require.Equal(t, "44300,44305,44310", c.AskPorts)
	require.Equal(t, []Asks{AsksClients, AsksNobody, AsksNobody, AsksUnknown},
		[]Asks{c.asks(44300), c.asks(44301), c.asks(44302), c.asks(44303)})

	data, err := c.Encode()
	require.NoError(t, err)
	again, err := ParseConfig(data)
	require.NoError(t, err)
	require.Equal(t, "44300,44305,44310", again.AskPorts)
	require.Equal(t, AsksUnknown, again.asks(44301), "that was for one run")
	_, err = ParseConfig([]byte(strings.Replace(string(data), "44300,44305,44310", "x", 1)))
	require.ErrorContains(t, err, `"x"`)

	fewer, err := again.With(Request{Ports: "44305-44320"}, nil)
	require.NoError(t, err)
	require.Equal(t, "44305,44310", fewer.AskPorts, "a port that is not bound does not ask when it is bound again")
	require.Equal(t, "44300,44305,44310", again.AskPorts)
}

// The front asks nobody for a certificate, and devcert does not say it does.
func TestAskingNeedsHTTPSys(t *testing.T) {
	m := setUp(t)
	before := m.read("config.json")
	_, err := m.engine().BindPorts(t.Context(), []int{8443}, "localhost", AsksClients)
	var usage *UsageError
	require.ErrorAs(t, err, &usage)
	require.Contains(t, usage.Problem, "HTTP.sys")
	require.Equal(t, before, m.read("config.json"))
	_, err = m.engine().BindPorts(t.Context(), []int{8443}, "localhost", AsksNobody)
	require.NoError(t, err)
}

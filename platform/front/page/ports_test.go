package page

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"devcert/devcert"
)

func TestPorts(t *testing.T) {
	tests := []struct {
		name   string
		m      *machine
		cells  map[int]string // the class and the words of a port
		legend []string
		tile   string
	}{
		{
			"healthy", setUp(t),
			map[int]string{44300: "bound here|44300 bound, this page", 44399: "bound|44399 bound"},
			[]string{"100 bound", "this page 44300"}, "Ports all 100 bound",
		},
		{
			"asked", live(t),
			map[int]string{
				44300: "live here|44300 serving the bound certificate, this page",
				44377: "foreign|44377 serving another certificate", 44390: "silent|44390 bound, nobody listens",
			},
			[]string{"89 serving the bound certificate", "10 bound, nobody listens", "1 serving another certificate 44377", "this page 44300"},
			"Ports 99 of 100 bound",
		},
		{
			"broken", broken(t),
			map[int]string{
				44333: "lost|44333 lost: no certificate", 44334: "lost|44334 lost: no certificate",
				44378: "foreign|44378 another application’s", 44390: "stale|44390 not bound as it should be",
				44395: "off|44395 excluded by the system",
			},
			[]string{
				"94 bound", "2 lost: no certificate 44333-44334", "1 not bound as it should be 44390",
				"1 another application’s 44378", "2 excluded by the system 44395-44396", "this page 44300",
			},
			"Ports 94 of 100 bound",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			doc := test.m.page()
			section := one(t, doc, "section#ports")
			rows := all(one(t, section, "tbody"), "tr")
			require.Len(t, rows, 10)
			for i, row := range rows {
				assert.Equal(t, fmt.Sprint(44300+10*i), text(one(t, row, "th")))
				assert.Len(t, all(row, "td"), 10)
			}
			for port, want := range test.cells {
				cell := all(rows[(port-44300)/10], "td")[port%10]
				assert.Equal(t, want, attr(cell, "class")+"|"+text(cell))
				assert.True(t, strings.HasPrefix(attr(cell, "title"), fmt.Sprint(port, ": ")))
			}
			assert.Equal(t, test.legend, texts(all(one(t, section, "ul.legend"), "li")))
			assert.Contains(t, texts(all(one(t, doc, "nav.tiles"), "li")), test.tile)
		})
	}
}

// Ports that stand apart, and more of them than a grid has room for.
func TestPortsElsewhere(t *testing.T) {
	m := newMachine(t)
	m.host.Stores = healthyStores()
	_, err := m.engine().Setup(t.Context(), devcert.Request{Ports: "443,5001,5003,44300", Stores: []string{"none"}, Key: "ecdsa"})
	require.NoError(t, err)
	rows := all(one(t, m.page(), "tbody"), "tr")
	assert.Equal(t, []string{"440 443 bound", "5000 5001 bound 5003 bound", "44300 44300 bound, this page"}, texts(rows))

	var far []string
	for i := range 120 {
		far = append(far, fmt.Sprint(20000+10*i))
	}
	_, err = m.engine().Setup(t.Context(), devcert.Request{Ports: strings.Join(far, ",")})
	require.NoError(t, err)
	doc := m.page()
	assert.Len(t, all(one(t, doc, "tbody"), "tr"), mostRows)
	assert.Contains(t, text(one(t, doc, "ul.legend")), "and 23 more, which devcert ports list shows")
}

func TestPortsThatCannotBeRead(t *testing.T) {
	m := setUp(t)
	m.binder.err = fmt.Errorf("the binding table %s/bindings.json cannot be used", m.host.StateDir)
	m.binder.table = nil
	section := text(one(t, m.page(), "section#ports"))
	assert.Contains(t, section, "cannot be used")
	assert.Contains(t, section, "44300 not known")
	assert.NotContains(t, section, "lost", "could not look is not missing")
}

package devcert

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEphemeralFindings(t *testing.T) {
	const sysctl = "sudo sysctl -w net.ipv4.ip_local_reserved_ports="
	for _, row := range []struct {
		name      string
		ephemeral Ephemeral
		where     string // "" for no finding
		remedy    string
	}{
		{"not known", Ephemeral{}, "", ""},
		{"others", Ephemeral{Range: PortRange{49152, 65535}}, "", ""},
		{"all of them", Ephemeral{Range: PortRange{32768, 60999}}, "ports 44300-44303", sysctl + "44300-44303"},
		{"some", Ephemeral{Range: PortRange{44302, 60999}}, "ports 44302-44303", sysctl + "44302-44303"},
		{"all reserved", Ephemeral{Range: PortRange{32768, 60999}, Reserved: []PortRange{{44300, 44399}}}, "", ""},
		{"some reserved, and others", Ephemeral{Range: PortRange{32768, 60999}, Reserved: []PortRange{{8080, 8080}, {44300, 44301}}},
			"ports 44302-44303", sysctl + "8080,44300-44303"},
	} {
		t.Run(row.name, func(t *testing.T) {
			m := setUp(t)
			m.host.Ephemeral = func() Ephemeral { return row.ephemeral }
			r := m.status()
			require.True(t, r.AsSetUp())
			if row.where == "" {
				require.Empty(t, r.Findings)
				return
			}
			require.Len(t, r.Findings, 1)
			f := r.Findings[0]
			assert.Equal(t, []string{PortEphemeral, row.where, row.remedy}, []string{f.Kind, f.Where, f.Remedy})
			assert.False(t, r.Broken())
			assert.False(t, f.Repairable)

			again, err := m.engine().Setup(t.Context(), Request{})
			require.NoError(t, err)
			assert.Empty(t, again.Findings, "only status gives advice")
		})
	}
}

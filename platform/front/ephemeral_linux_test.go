package front

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"devcert/devcert"
)

func TestParseEphemeral(t *testing.T) {
	usual := devcert.PortRange{First: 32768, Last: 60999}
	for _, row := range []struct {
		name, span, reserved string
		want                 devcert.Ephemeral
	}{
		{"as Linux begins", "32768\t60999\n", "\n", devcert.Ephemeral{Range: usual}},
		{"reserved", "32768\t60999\n", "8080,44300-44399\n", devcert.Ephemeral{
			Range: usual, Reserved: []devcert.PortRange{{First: 8080, Last: 8080}, {First: 44300, Last: 44399}},
		}},
		{"unreadable", "", "", devcert.Ephemeral{}},
		{"nonsense", "60999 32768", "x,1-0,70000,-", devcert.Ephemeral{}},
	} {
		t.Run(row.name, func(t *testing.T) { assert.Equal(t, row.want, parseEphemeral(row.span, row.reserved)) })
	}
}

package front

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestIgnoreUpgrade(t *testing.T) {
	for _, row := range []struct {
		name  string
		lines []string
		kept  bool
	}{
		{"none", nil, false},
		{"WebSocket", []string{"websocket"}, true},
		{"another protocol", []string{"tlsless/1"}, true},
		{"h2c", []string{"h2c"}, false},
		{"in capitals", []string{"H2C"}, false},
		{"a version of HTTP", []string{"HTTP/2.0"}, false},
		{"TLS", []string{"TLS/1.2"}, false},
		{"second in a list", []string{"websocket ,\th2c"}, false},
		{"on a second line", []string{"websocket", "h2c"}, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			h := http.Header{"Http2-Settings": {"AAMAAABkAAQAAP__"}, "Accept": {"*/*"}}
			if row.lines != nil {
				h["Upgrade"] = row.lines
			}
			ignoreUpgrade(h)
			assert.Equal(t, row.kept, h["Upgrade"] != nil)
			assert.NotContains(t, h, "Http2-Settings")
			assert.Contains(t, h, "Accept")
		})
	}
}

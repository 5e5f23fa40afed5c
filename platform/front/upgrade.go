package front

import (
	"net/http"
	"strings"
)

// ignoreUpgrade takes the wish for another HTTP out of a request, as any server may
// ignore it (RFC 9110, section 7.8). An application that agreed would be asked
// through a tunnel, in which nobody takes away the headers that only the front may
// set: a forged certificate would arrive. WebSocket and what else is no HTTP stays.
func ignoreUpgrade(h http.Header) {
	delete(h, "Http2-Settings") // RFC 7540, section 3.2.1
	for _, line := range h["Upgrade"] {
		for protocol := range strings.SplitSeq(line, ",") {
			name, _, _ := strings.Cut(strings.TrimSpace(protocol), "/")
			switch strings.ToLower(name) {
			case "h2c", "h2", "http", "tls": // the last is RFC 2817's, HTTP again
				delete(h, "Upgrade")
				return
			}
		}
	}
}

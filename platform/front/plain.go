package front

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// The limits of a client that speaks plain HTTP. A request with all its cookies
// has to fit; how long it may take is the handshake's limit.
const (
	maxPlainRequest = 64 << 10
	// lingering is how long what a client still sends is read, and how much: a
	// connection that is closed before is reset, and the client may never see the
	// answer (RFC 9112, section 9.6).
	lingering    = 500 * time.Millisecond
	maxLingering = 256 << 10
)

// startsPlainRequest tells by the first byte a request line, which begins with a
// method, from a TLS record: that begins with its type, 22 for a handshake.
func startsPlainRequest(first byte) bool {
	return first >= 'A' && first <= 'Z' || first >= 'a' && first <= 'z'
}

// redirectPlain answers a request in plain HTTP on a port that speaks TLS, of
// which begun was read, and returns why there is nothing more to read.
func redirectPlain(c net.Conn, begun []byte) error {
	in := io.LimitReader(io.MultiReader(bytes.NewReader(begun), c), maxPlainRequest)
	location, head := plainTarget(bufio.NewReader(in), portOf(c.LocalAddr()))
	if _, err := io.WriteString(c, plainAnswer(location, head)); err != nil {
		return err
	}
	if half, ok := c.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
	_ = c.SetReadDeadline(time.Now().Add(lingering))
	_, _ = io.CopyN(io.Discard, c, maxLingering)
	return io.EOF
}

// plainTarget is where the request in r finds the same over TLS: on the port where
// it arrived, whatever port its Host names or leaves out. "" when there is no
// telling; head says that it wants no body.
func plainTarget(r *bufio.Reader, port int) (location string, head bool) {
	request, err := http.ReadRequest(r)
	if err != nil || request.ProtoMajor != 1 || request.Method == http.MethodConnect || !hostShaped(request.Host) {
		return "", false
	}
	target := url.URL{Path: request.URL.Path, RawPath: request.URL.RawPath, RawQuery: request.URL.RawQuery}
	path := target.EscapedPath()
	if !strings.HasPrefix(path, "/") { // "OPTIONS *", or a URL without a path
		path = "/"
	}
	if target.RawQuery != "" || request.URL.ForceQuery {
		path += "?" + asciiOnly(target.RawQuery)
	}
	return "https://" + hostAt(request.Host, port) + path, request.Method == http.MethodHead
}

// hostAt is a host that is [hostShaped], with port instead of its own.
func hostAt(host string, port int) string {
	u := url.URL{Host: host}
	name := u.Hostname()
	if strings.Contains(name, ":") {
		name = "[" + name + "]"
	}
	if port == 443 { // https without a port
		return name
	}
	return name + ":" + strconv.Itoa(port)
}

// asciiOnly escapes what a header cannot carry.
func asciiOnly(query string) string {
	var out strings.Builder
	for i := range len(query) {
		if c := query[i]; c <= ' ' || c >= 0x7f {
			fmt.Fprintf(&out, "%%%02X", c)
		} else {
			out.WriteByte(c)
		}
	}
	return out.String()
}

// hostShaped accepts what can stand before the path of a URL and lead nowhere
// else: letters, digits, and the signs of names, ports and IPv6 addresses.
func hostShaped(host string) bool {
	if host == "" || len(host) > 260 {
		return false
	}
	for i := range len(host) {
		c := host[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && !strings.ContainsRune(".-_:[]", rune(c)) {
			return false
		}
	}
	parsed, err := url.Parse("https://" + host)
	return err == nil && parsed.Host == host && parsed.Hostname() != ""
}

// plainAnswer is a 308, which keeps method and body (RFC 9110, section 15.4.9),
// or says what is wrong.
func plainAnswer(location string, head bool) string {
	status, extra := "308 Permanent Redirect", "Location: "+location+"\r\n"
	body := "This port speaks https: " + location + "\n"
	if location == "" {
		status, extra = "400 Bad Request", ""
		body = "This port speaks https, and the request could not be read.\n"
	}
	length := len(body)
	if head {
		body = ""
	}
	return fmt.Sprintf("HTTP/1.1 %s\r\n%sContent-Type: text/plain; charset=utf-8\r\n"+
		"Cache-Control: no-store\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", status, extra, length, body)
}

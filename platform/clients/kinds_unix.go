//go:build unix

package clients

import (
	"os"
	"strconv"

	"devcert/devcert"
)

// wget is GNU wget with the user's settings; what is given with -e goes before
// them. It asks once and stores nothing.
func wget(find func(*searcher) []devcert.Client) kind {
	return kind{name: "wget", find: find, version: []string{"--version"}, ask: func(q *question) (call, error) {
		args := []string{"--no-verbose", "--tries=1", "--no-hsts", "--output-document=-"}
		args = append(args, q.user.wgetHome()...)
		if q.direct {
			args = append(args, "--no-proxy")
		} else {
			args = append(args, "-e", "use_proxy=on", "-e", "no_proxy=", "-e", "https_proxy="+q.proxy())
		}
		return call{args: append(args, q.url())}, q.copy(".wgetrc")
	}}
}

// openssl is the program of OpenSSL, with the roots that programs get from it by
// default. It verifies nothing unless it is told to, not even the name.
func openssl(find func(*searcher) []devcert.Client) kind {
	return kind{name: "openssl", find: find, version: []string{"version"}, ask: func(q *question) (call, error) {
		return call{args: []string{
			"s_client", "-quiet", "-verify_quiet", "-verify_return_error", "-verify_hostname", q.name,
			"-servername", q.name, "-connect", q.address(),
		}, stdin: q.request()}, nil
	}}
}

// gnutls is the program of GnuTLS.
func gnutls(find func(*searcher) []devcert.Client) kind {
	return kind{name: "gnutls-cli", find: find, version: []string{"--version"}, ask: func(q *question) (call, error) {
		return call{args: []string{
			"--logfile=" + os.DevNull, "--sni-hostname=" + q.name, "--verify-hostname=" + q.name,
			"--port=" + strconv.Itoa(q.port), "127.0.0.1",
		}, stdin: q.request()}, nil
	}}
}

// golang is the go command: a program in Go that verifies servers as all of them
// do. It is made to ask a module proxy, which is the page, for a module.
func golang(find func(*searcher) []devcert.Client) kind {
	return kind{name: "go", find: find, version: []string{"version"}, prepare: noTelemetry, ask: func(q *question) (call, error) {
		env := []string{
			"GOPROXY=" + q.url(), "GOSUMDB=off", "GONOPROXY=none", "GOVCS=*:off", "GOENV=off", "GOFLAGS=-modcacherw",
			"GOTOOLCHAIN=local", "GO111MODULE=on", "GOWORK=off",
		}
		if !q.direct {
			env = append(env, "HTTPS_PROXY="+q.proxy())
		}
		return call{args: []string{"list", "-m", "-mod=mod", "localhost.test/page@v1.0.0"}, env: env}, nil
	}}
}

// noTelemetry keeps go from leaving a process behind that counts (go telemetry
// off). The places are os.UserConfigDir's.
func noTelemetry(q *question) error {
	_, err := q.write(".config/go/telemetry/mode", []byte("off"))
	if err == nil {
		_, err = q.write("Library/Application Support/go/telemetry/mode", []byte("off"))
	}
	return err
}

func ruby(find func(*searcher) []devcert.Client) kind {
	return script("ruby", "ask.rb", []string{"--version"}, find)
}

func php(find func(*searcher) []devcert.Client) kind {
	return script("php", "ask.php", []string{"--version"}, find)
}

// perl is HTTP::Tiny, which comes with Perl and is asked to verify as LWP does.
func perl(find func(*searcher) []devcert.Client) kind {
	version := []string{"-e", "use HTTP::Tiny; use IO::Socket::SSL; printf '%vd', $^V"}
	return script("perl", "ask.pl", version, find)
}

// request is what a client that speaks no HTTP is given to send.
func (q *question) request() string {
	return "GET " + q.path + " HTTP/1.1\r\nHost: " + q.authority() + "\r\nConnection: close\r\n\r\n"
}

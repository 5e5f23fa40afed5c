package clients

import (
	"os"
	"path/filepath"
	"strconv"

	"devcert/devcert"
)

// curl is curl with the user's settings. --noproxy keeps those from leading it
// away, and --connect-to spares it from looking the name up.
func curl(find func(*searcher) []devcert.Client) kind {
	return kind{name: "curl", find: find, version: []string{"--version"}, ask: func(q *question) (call, error) {
		folder := q.user.home
		if set := q.user.get("CURL_HOME"); set != "" {
			folder = set
		}
		if err := q.copyFile(filepath.Join(folder, ".curlrc"), ".curlrc"); err != nil {
			return call{}, err
		}
		args := []string{"--silent", "--show-error", "--fail", "--noproxy", "*"}
		if !q.direct {
			args = append(args, "--connect-to", q.authority()+":"+q.address())
		}
		return call{args: append(args, q.url())}, nil
	}}
}

// wget is GNU wget with the user's settings; what is given with -e goes before
// them. It asks once and stores nothing.
func wget(find func(*searcher) []devcert.Client) kind {
	return kind{name: "wget", find: find, version: []string{"--version"}, ask: func(q *question) (call, error) {
		args := []string{"--no-verbose", "--tries=1", "--no-hsts", "--output-document=-"}
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

// git asks for the branches of a repository that has none. What is set for the
// very URL goes before what the user has set for others; nobody is asked for a
// password.
func git(find func(*searcher) []devcert.Client) kind {
	return kind{name: "git", find: find, version: []string{"--version"}, ask: func(q *question) (call, error) {
		if err := q.copy(".gitconfig*", ".config/git/*"); err != nil {
			return call{}, err
		}
		return call{
			args: []string{
				"-c", "http." + q.url() + ".proxy=" + q.proxy(), "-c", "credential.helper=",
				"-c", "http.followRedirects=false", "ls-remote", q.url(),
			},
			env: []string{"GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=", "SSH_ASKPASS=", "GIT_OPTIONAL_LOCKS=0"},
		}, nil
	}}
}

// golang is the go command: a program in Go that verifies servers as all of them
// do. It is made to ask a module proxy, which is the page, for a module.
func golang(find func(*searcher) []devcert.Client) kind {
	return kind{name: "go", find: find, version: []string{"version"}, ask: func(q *question) (call, error) {
		env := []string{
			"GOPROXY=" + q.url(), "GOSUMDB=off", "GONOSUMDB=", "GOPRIVATE=", "GONOPROXY=none", "GOVCS=*:off",
			"GOENV=off", "GOFLAGS=-modcacherw", "GOTOOLCHAIN=local", "GOTELEMETRY=off", "GO111MODULE=on", "GOWORK=off",
		}
		if !q.direct {
			env = append(env, "HTTPS_PROXY="+q.proxy())
		}
		return call{args: []string{"list", "-m", "-mod=mod", "localhost.test/page@v1.0.0"}, env: env}, nil
	}}
}

package clients

import (
	"devcert/devcert"
)

const programSuffix = ""

// The stores that clients read, by their names on the command line.
const (
	systemStore   = "system"
	javaStore     = "java"
	chromiumStore = "chromium"
	firefoxStore  = "firefox"
)

// systemKinds are the clients of Linux.
func systemKinds() []kind {
	return []kind{
		curl(plainly("curl", "curl")), wget(plainly("wget", "wget")), openssl(plainly("openssl", "openssl")),
		gnutls(plainly("gnutls-cli", "gnutls-cli")), git(plainly("git", "git")), golang(plainly("go", "go")),
		node(plainly("node", "node", "nodejs")), python(plainly("python", "python3")), requests(plainly("python requests", "python3")),
		ruby(plainly("ruby", "ruby")), php(plainly("php", "php")), perl(nil), java(plainly("java", "java")),
		chromium("chromium", browser("chromium", "chromium", "chromium-browser")),
		chromium("chrome", browser("chrome", "google-chrome", "google-chrome-stable")),
		chromium("edge", browser("edge", "microsoft-edge", "microsoft-edge-stable")),
		firefoxes(browser("firefox", "firefox", "firefox-esr")),
	}
}

// plainly finds a client that does as the system's store does.
func plainly(name string, programs ...string) func(*searcher) []devcert.Client {
	return func(s *searcher) []devcert.Client {
		path := s.program(programs...)
		if path == "" {
			return nil
		}
		return []devcert.Client{{Name: name, Path: path, Store: systemStore, Roots: "the system's roots"}}
	}
}

func browser(name string, programs ...string) func(*searcher) []devcert.Client {
	return func(s *searcher) []devcert.Client {
		all := plainly(name, programs...)(s)
		for i := range all {
			all[i].Browser = true
		}
		return all
	}
}

package clients

import (
	"crypto/x509"

	"devcert/devcert"
)

// hashedFolder is none: what macOS' own programs read has no links by hash.
const hashedFolder = ""

// javaPatterns are where systems install Javas.
var javaPatterns = []string{"/Library/Java/JavaVirtualMachines/*/Contents/Home"}

// systemKinds are the clients of macOS.
func systemKinds() []kind {
	return []kind{
		ownCurl(), wget(findWget), gnutls(findGnuTLS), openssl(findOpenSSL), ownGit(), golang(findGo), node(findNode),
		python(openSSLs("python", "python3")), requests(findRequests), ruby(openSSLs("ruby", "ruby")),
		php(openSSLs("php", "php")), perl(findPerl), java(findJava), dotNet(findDotNet),
		chromium("chrome", app("chrome", "Google Chrome")), chromium("edge", app("edge", "Microsoft Edge")), firefoxes(findFirefox),
	}
}

func foldersLack(string, *x509.Certificate) string {
	return "folders are not looked into on this system"
}

func (s *searcher) firefoxBases() []string {
	return []string{s.inHome("Library", "Application Support", "Firefox")}
}

func confined(string) bool { return false }

func (s *searcher) profileRoots(path string) string { return "profile " + path }

// findOpenSSL leaves out macOS' own, which is LibreSSL and cannot be asked in the
// same way. Others have a list that only their packager knows.
func findOpenSSL(s *searcher) []devcert.Client {
	var all []devcert.Client
	for _, c := range s.one("openssl", "openssl") {
		if c.Path != "/usr/bin/openssl" {
			c.Store, c.Roots, c.State = "", "its packager's list", devcert.Unknown
			all = append(all, c)
		}
	}
	return all
}

// app finds a browser that takes its roots from the keychains.
func app(name, bundle string) func(*searcher) []devcert.Client {
	return func(*searcher) []devcert.Client {
		path := "/Applications/" + bundle + ".app/Contents/MacOS/" + bundle
		if !isProgram(path) {
			return nil
		}
		return []devcert.Client{{Name: name, Path: path, Store: systemStore, Roots: systemRoots, Browser: true}}
	}
}

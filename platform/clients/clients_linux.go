package clients

import (
	"crypto/x509"
	"path/filepath"
	"strings"

	"devcert/devcert"
	"devcert/platform/firefox"
	"devcert/platform/nss"
	"devcert/platform/system"
)

// hashedFolder is where OpenSSL looks for a root by its hash, on systems that have
// links there.
const hashedFolder = "/etc/ssl/certs"

// javaPatterns are where systems install Javas.
var javaPatterns = []string{"/usr/lib/jvm/*", "/usr/java/*", "/opt/java/*"}

// systemKinds are the clients of Linux.
func systemKinds() []kind {
	return []kind{
		ownCurl(), wget(findWget), openssl(openSSLs("openssl", "openssl")), gnutls(findGnuTLS), ownGit(),
		golang(findGo), node(findNode), python(openSSLs("python", "python3")), requests(findRequests),
		ruby(openSSLs("ruby", "ruby")), php(openSSLs("php", "php")), perl(findPerl), java(findJava),
		dotNet(findDotNet), kestrel(),
		chromium("chromium", browsers("chromium", "chromium", "chromium-browser")),
		chromium("chrome", browsers("chrome", "google-chrome", "google-chrome-stable")),
		chromium("edge", browsers("edge", "microsoft-edge", "microsoft-edge-stable")),
		firefoxes(findFirefox),
	}
}

// foldersLack says why OpenSSL, told to read folders, does not find root there; ""
// when it does.
func foldersLack(folders string, root *x509.Certificate) string {
	return system.FoldersLack(filepath.SplitList(folders), root)
}

// firefoxBases are where profiles are, since 147 as the XDG specification says.
func (s *searcher) firefoxBases() []string {
	config := s.get("XDG_CONFIG_HOME")
	if !filepath.IsAbs(config) {
		config = s.inHome(".config")
	}
	return []string{s.inHome(".mozilla", "firefox"), filepath.Join(config, "mozilla", "firefox")}
}

// confined says whether a program is a snap's or Flatpak's.
func confined(path string) bool {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		real = path
	}
	return strings.HasPrefix(path, "/snap/") || filepath.Base(real) == "snap" || strings.Contains(real, "/flatpak/")
}

// browsers find a browser made from Chromium. Those of snap and Flatpak are left
// out: in a home that is not the user's they do not start.
func browsers(name string, programs ...string) func(*searcher) []devcert.Client {
	return func(s *searcher) []devcert.Client {
		path := s.program(programs...)
		if path == "" || confined(path) {
			return nil
		}
		roots := "the user's NSS database"
		if policy := nss.PolicyOf(s.machine, path, s.root); policy != "" {
			roots = policy
		}
		return []devcert.Client{{Name: name, Path: path, Store: chromiumStore, Roots: roots, Browser: true}}
	}
}

// profileRoots says where the Firefox of a profile has the root from.
func (s *searcher) profileRoots(path string) string {
	if firefox.Follows(s.machine, path, s.root) {
		return systemRoots + ", through p11-kit"
	}
	return "profile " + path
}

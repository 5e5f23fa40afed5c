//go:build unix

package clients

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"devcert/devcert"
)

// places are where systems keep what clients read; tests have others.
type places struct {
	hashed string   // OpenSSL's folder
	javas  []string // patterns of the homes of Javas
	perls  []string // folders with modules of Perl
	// dotnets is put before the folders where systems install .NET; "" but in tests.
	dotnets string
	// machine is put before the paths of what wget and browsers are told for all
	// users; "" but in tests.
	machine string
}

// program is the first executable on the user's PATH with one of the names, as
// an absolute path; "" when there is none. Relative folders are passed over: what
// a shell finds there depends on where it is.
func (s *searcher) program(names ...string) string {
	for _, name := range names {
		for _, dir := range filepath.SplitList(s.get("PATH")) {
			if !filepath.IsAbs(dir) {
				continue
			}
			if path := filepath.Join(dir, name); isProgram(path) {
				return path
			}
		}
	}
	return ""
}

// isProgram says whether path is a file that can be executed.
func isProgram(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0
}

// one is the client that the user's PATH leads to by one of the names, if any.
func (s *searcher) one(name string, programs ...string) []devcert.Client {
	path := s.program(programs...)
	if path == "" {
		return nil
	}
	return []devcert.Client{{Name: name, Path: path, Store: systemStore, Roots: systemRoots}}
}

// openSSLs find a client that takes its roots where OpenSSL does.
func openSSLs(name string, programs ...string) func(*searcher) []devcert.Client {
	return func(s *searcher) []devcert.Client {
		all := s.one(name, programs...)
		for i := range all {
			s.follow(&all[i], lead{files: []string{"SSL_CERT_FILE"}, folders: []string{"SSL_CERT_DIR"}})
		}
		return all
	}
}

// findGo: the go command does as all programs in Go do.
func findGo(s *searcher) []devcert.Client {
	all := s.one("go", "go")
	for i := range all {
		s.follow(&all[i], lead{files: []string{"SSL_CERT_FILE"}, folders: []string{"SSL_CERT_DIR"}, whole: true})
	}
	return all
}

// findGnuTLS: GnuTLS knows no variable.
func findGnuTLS(s *searcher) []devcert.Client { return s.one("gnutls-cli", "gnutls-cli") }

// findCurl: CURL_CA_BUNDLE goes before OpenSSL's variables, and its folders stay.
// Which of OpenSSL's two curl obeys when both are set depends on its version.
func findCurl(s *searcher) []devcert.Client {
	all := s.one("curl", "curl")
	for i := range all {
		c := &all[i]
		if s.applyCurlrc(c) {
			continue
		}
		s.follow(c, lead{files: []string{"CURL_CA_BUNDLE", "SSL_CERT_FILE"}, needs: needsOfCurl(c.Path)})
		if s.get("CURL_CA_BUNDLE") == "" && s.get("SSL_CERT_DIR") != "" && c.State == devcert.Missing {
			c.State = devcert.Unknown
		}
	}
	return all
}

// findWget: GNU wget has settings and no variable, but for where they are.
func findWget(s *searcher) []devcert.Client {
	all := s.one("wget", "wget")
	for i := range all {
		s.applyWgetrc(&all[i])
	}
	return all
}

// findGit: git's variables are its own.
func findGit(s *searcher) []devcert.Client {
	all := s.one("git", "git")
	for i := range all {
		s.applyGit(&all[i])
	}
	return all
}

// byVariable makes a client with roots of its own trust devcert's too.
const byVariable = `eval "$(devcert env)"`

// findNode: Node brings its own list, unless a distribution built it.
func findNode(s *searcher) []devcert.Client {
	all := s.one("node", "node", "nodejs")
	for i := range all {
		s.judgeNode(&all[i])
	}
	return all
}

func (s *searcher) judgeNode(c *devcert.Client) {
	options := strings.Fields(s.get("NODE_OPTIONS"))
	c.Remedy = byVariable
	extra := s.get("NODE_EXTRA_CA_CERTS")
	state, why := devcert.Missing, ""
	if extra != "" {
		if state, why = s.inFile(extra); state == devcert.Trusted {
			c.State, c.Override, c.Roots, c.Remedy = state, "NODE_EXTRA_CA_CERTS", "its own list and NODE_EXTRA_CA_CERTS="+extra, ""
		}
	}
	switch {
	case s.get("NODE_TLS_REJECT_UNAUTHORIZED") == "0":
		gullible(c, "NODE_TLS_REJECT_UNAUTHORIZED", "unset NODE_TLS_REJECT_UNAUTHORIZED")
	case state == devcert.Trusted:
	case slices.Contains(options, "--use-openssl-ca"), slices.Contains(options, "--use-system-ca"), sharesNode(c.Path):
		c.Remedy = "" // a Node that does not know the option does not start
		if !slices.Contains(options, "--use-system-ca") {
			s.follow(c, lead{files: []string{"SSL_CERT_FILE"}, folders: []string{"SSL_CERT_DIR"}})
		}
	case s.get("NODE_USE_SYSTEM_CA") == "1":
		c.Roots, c.Store, c.State = "its own list and, if it is new enough, the system's", "", devcert.Unknown
		c.Evidence = "Node takes NODE_USE_SYSTEM_CA since 22.19 and 24.6"
	default:
		c.Roots, c.Store, c.State, c.Evidence = "its own list", "", devcert.Missing, why
	}
}

// sharesNode says whether a node is no more than a starter of libnode, as
// distributions build it: those take OpenSSL's roots (--openssl-use-def-ca-store).
// The others have a hundred MB.
func sharesNode(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Size() < 1<<20 && isBinary(path)
}

// isBinary tells a program from the script of a version manager.
func isBinary(path string) bool {
	file, err := os.Open(path)
	if err != nil {
		return false
	}
	defer func() { _ = file.Close() }()
	magic := make([]byte, 2)
	_, err = file.Read(magic)
	return err == nil && string(magic) != "#!"
}

// findPerl finds Perl where it has what it needs to speak TLS at all. Its own
// list, where there is one, goes before the system's.
func findPerl(s *searcher) []devcert.Client {
	folders := append(filepath.SplitList(s.get("PERL5LIB")), s.perls...)
	var module, list string
	for _, folder := range folders {
		if path := filepath.Join(folder, "IO", "Socket", "SSL.pm"); module == "" && isFile(path) {
			module = path
		}
		if path := filepath.Join(folder, "Mozilla", "CA.pm"); list == "" && isFile(path) {
			list = path
		}
	}
	if module == "" {
		return nil
	}
	all := s.one("perl", "perl")
	for i := range all {
		// HTTP::Tiny gives OpenSSL one file: the variable's, or the system's bundle
		// whatever SSL_CERT_DIR says.
		s.follow(&all[i], lead{files: []string{"SSL_CERT_FILE"}, alone: true})
		if c := &all[i]; list != "" && c.Override == "" {
			c.Roots, c.State, c.Evidence = "Mozilla::CA", devcert.Unknown, list+" leads to its own list or to the system's"
		}
	}
	return all
}

// perlFolders are where modules are that come with no Perl.
var perlFolders = []string{
	"/usr/local/share/perl5", "/usr/share/perl5", "/usr/share/perl5/vendor_perl", "/usr/lib/perl5/vendor_perl",
}

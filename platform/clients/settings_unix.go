//go:build unix

package clients

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"

	"devcert/devcert"
)

// curlrc is the file of settings that curl would read, the first that is there
// (its manual, --config); "" for none.
func (s *searcher) curlrc() string {
	for _, folder := range []string{s.get("CURL_HOME"), s.configHome(), s.home} {
		for _, name := range []string{".curlrc", "curlrc"} {
			path := filepath.Join(folder, name)
			if plainOnly := name == "curlrc" && folder != s.configHome(); filepath.IsAbs(folder) && !plainOnly && isFile(path) {
				return path
			}
		}
	}
	return ""
}

// configHome is as the XDG specification says.
func (s *searcher) configHome() string {
	if set := s.get("XDG_CONFIG_HOME"); filepath.IsAbs(set) {
		return set
	}
	return s.inHome(".config")
}

// applyCurlrc sees what the user's settings make of curl. A file named there
// counts as one named by a variable, and goes before it.
func (s *searcher) applyCurlrc(c *devcert.Client) (decided bool) {
	path := s.curlrc()
	if path == "" {
		return false
	}
	data, err := read(path)
	if err != nil {
		c.State, c.Evidence = devcert.Unknown, err.Error()
		return true
	}
	switch rc := parseCurlrc(string(data)); {
	case rc.insecure:
		gullible(c, path, "take insecure out of "+path)
	case rc.cacert != "":
		s.followFile(c, path, rc.cacert, rc.capath, needsOfCurl(c.Path))
	default:
		return false
	}
	return true
}

// followFile is follow for settings that name a file and, in the place of the
// system's hashed folder, perhaps another. What needs says is lead.needs.
func (s *searcher) followFile(c *devcert.Client, by, file, folder string, needs func(string) string) {
	if folder == "" {
		folder = s.hashed
	}
	if reason := needs(file); reason != "" {
		refuses(c, by, file, reason, "take "+file+" out of "+by)
		return
	}
	state, why := s.inFile(file)
	if beside, _ := s.inFolders(folder); state != devcert.Trusted && beside == devcert.Trusted {
		return // read beside it
	}
	c.State, c.Override, c.Roots = state, by, file
	if state != devcert.Trusted {
		c.Evidence, c.Remedy = why, "take "+file+" out of "+by
	}
}

// applyGit sees what the user's settings make of git.
func (s *searcher) applyGit(c *devcert.Client) {
	values, _, err := s.gitSettings()
	needs := needsOfCurl(gitsHelper(c.Path))
	folder := cmp.Or(s.get("GIT_SSL_CAPATH"), s.inHomeOf(values["http.sslcapath"]))
	verify, isSet := values["http.sslverify"]
	switch {
	case err != nil:
		c.State, c.Evidence = devcert.Unknown, err.Error()
	case s.get("GIT_SSL_NO_VERIFY") != "": // whatever its value (git's documentation)
		gullible(c, "GIT_SSL_NO_VERIFY", "unset GIT_SSL_NO_VERIFY")
	case isSet && gitFalse(verify):
		gullible(c, "http.sslVerify=false", "git config --global --unset http.sslVerify")
	case s.get("GIT_SSL_CAINFO") != "" && s.get("GIT_SSL_CAPATH") == "" && values["http.sslcapath"] != "":
		s.followFile(c, "GIT_SSL_CAINFO", s.get("GIT_SSL_CAINFO"), folder, needs)
	case s.get("GIT_SSL_CAINFO") != "":
		s.follow(c, lead{files: []string{"GIT_SSL_CAINFO"}, folders: []string{"GIT_SSL_CAPATH"}, needs: needs})
	case values["http.sslcainfo"] != "":
		s.followFile(c, "http.sslCAInfo", s.inHomeOf(values["http.sslcainfo"]), folder, needs)
	case s.get("GIT_SSL_CAPATH") != "": // which takes curl's own file away (http.c)
		s.follow(c, lead{folders: []string{"GIT_SSL_CAPATH"}, both: true})
	case folder != "":
		if state, why := s.inFolders(folder); state != devcert.Trusted {
			refuses(c, "http.sslCAPath", folder, why, "git config --global --unset http.sslCAPath")
		}
	}
}

// gitsHelper is the program with which a git opens pages.
func gitsHelper(git string) string {
	if real, err := filepath.EvalSymlinks(git); err == nil {
		git = real
	}
	prefix := filepath.Dir(filepath.Dir(git))
	for _, folder := range []string{"lib", "libexec"} {
		if path := filepath.Join(prefix, folder, "git-core", "git-remote-https"); isFile(path) {
			return path
		}
	}
	return git
}

// gitSettings are what git's files and variables say outside every repository, by
// section.key in lower case, and the files that were there. Settings under a URL are left out: they are for others.
func (s *searcher) gitSettings() (values map[string]string, files []string, err error) {
	values = map[string]string{}
	g := gitReader{searcher: s}
	g.set = func(key, value string, bare bool) {
		if bare {
			value = "true"
		}
		values[strings.ToLower(key)] = value
	}
	files = []string{"/etc/gitconfig", filepath.Join(s.configHome(), "git", "config"), s.inHome(".gitconfig")}
	if named := s.get("GIT_CONFIG_GLOBAL"); named != "" {
		files = []string{files[0], named}
	}
	for _, path := range files {
		if err := g.include(path, 0); err != nil {
			return values, nil, fmt.Errorf("read git's settings: %w", err)
		}
	}
	count, _ := strconv.Atoi(s.get("GIT_CONFIG_COUNT"))
	for i := range min(count, 100) {
		g.set(s.get(fmt.Sprint("GIT_CONFIG_KEY_", i)), s.get(fmt.Sprint("GIT_CONFIG_VALUE_", i)), false)
	}
	return values, g.read, nil
}

// gitReader goes through git's files.
type gitReader struct {
	*searcher
	set  func(key, value string, bare bool)
	read []string // those that are there
}

// include reads a file, and what it includes where it does so.
func (g *gitReader) include(path string, depth int) error {
	data, err := read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && depth > maxIncludes {
		err = fmt.Errorf("%s: more than %d includes in one another", path, maxIncludes)
	}
	if err != nil {
		return err
	}
	g.read = append(g.read, path)
	return parseGitConfig(string(data), func(key, value string, bare bool) error {
		if key != "include.path" {
			g.set(key, value, bare)
			return nil
		}
		value = g.inHomeOf(value)
		if !filepath.IsAbs(value) {
			value = filepath.Join(filepath.Dir(path), value)
		}
		return g.include(value, depth+1)
	}, path)
}

// inHomeOf is a path of which ~/ is the home.
func (s *searcher) inHomeOf(path string) string {
	if rest, is := strings.CutPrefix(path, "~/"); is {
		return s.inHome(rest)
	}
	return path
}

// ownCurl is curl with the user's settings.
func ownCurl() kind {
	k := curl(findCurl)
	ask := k.ask
	k.ask = func(q *question) (call, error) {
		if path := q.user.curlrc(); path != "" {
			if err := q.copyFile(path, ".curlrc"); err != nil {
				return call{}, err
			}
		}
		return ask(q)
	}
	return k
}

// ownGit is git with the user's settings, also those that they include from
// elsewhere in the home.
func ownGit() kind {
	k := git(findGit)
	ask := k.ask
	k.ask = func(q *question) (call, error) {
		_, files, _ := q.user.gitSettings() // git says itself what it cannot read
		for _, path := range files {
			below, err := filepath.Rel(q.user.home, path)
			if err == nil && filepath.IsLocal(below) {
				err = q.copyFile(path, below)
			}
			if err != nil {
				return call{}, err
			}
		}
		return ask(q)
	}
	return k
}

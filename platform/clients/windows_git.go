package clients

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"devcert/devcert"
)

// git is every Git for Windows that a console finds or that is registered.
func (f *windowsFinder) git() []devcert.Client {
	paths := f.onPath("git.exe")
	for _, hive := range hives {
		if folder := f.text(hive+`\SOFTWARE\GitForWindows`, "InstallPath"); folder != "" {
			paths = append(paths, join(folder, `cmd\git.exe`))
		}
	}
	paths = append(paths, f.inProgramFiles(`Git\cmd\git.exe`)...)
	var all []devcert.Client
	seen := make(map[string]bool) // one installation is on PATH by several doors
	for _, path := range f.programs(paths...) {
		install := gitRoot(path)
		if key := strings.ToLower(install); !seen[key] {
			seen[key] = true
			all = append(all, f.oneGit(path, install))
		}
	}
	return all
}

// gitRoot is the folder of an installation, of which git.exe is in cmd, bin or
// mingw64\bin.
func gitRoot(git string) string {
	folder := folderOf(git)
	if base := strings.ToLower(baseOf(folder)); base == "cmd" || base == "bin" {
		folder = folderOf(folder)
	}
	if slices.Contains(gitEnvironments, strings.ToLower(baseOf(folder))) {
		folder = folderOf(folder)
	}
	return folder
}

// gitEnvironments are the folders that an installation has its programs in, one of
// them by the processor that it is for.
var gitEnvironments = []string{"mingw64", "ucrt64", "clangarm64", "mingw32"}

// oneGit judges an installation by its settings and the user's.
func (f *windowsFinder) oneGit(path, install string) devcert.Client {
	c := f.windowsClient("git", path, bothRoots)
	g := gitSettings{finder: f, install: install, values: make(map[string]string)}
	err := g.load()
	verify, _ := g.flag("http.sslverify", true)
	switch {
	case err != nil:
		c.State, c.Evidence = devcert.Unknown, err.Error()
	case f.env("GIT_SSL_NO_VERIFY") != "":
		verifiesNothing(&c, "GIT_SSL_NO_VERIFY")
	case !verify:
		verifiesNothing(&c, "http.sslVerify=false")
	case g.backend() == "schannel":
		f.judgeGitSchannel(&c, &g)
	case g.backend() == "openssl":
		f.judgeGitBundle(&c, &g)
	default:
		c.State, c.Evidence = devcert.Unknown, "its http.sslBackend is "+strconv.Quote(g.backend())
		c.Remedy = gitRemedy
	}
	return c
}

const gitRemedy = "git config --global http.sslBackend schannel"

// judgeGitSchannel: by default Git for Windows puts up with certificates that name
// no revocation list, unlike curl, and passes over http.sslCAInfo (its
// Documentation/config/http.adoc).
func (f *windowsFinder) judgeGitSchannel(c *devcert.Client, g *gitSettings) {
	own, _ := g.flag("http.schannelusesslcainfo", false)
	revoke, isFlag := g.flag("http.schannelcheckrevoke", false)
	switch {
	case own && g.caInfo() != "":
		f.ownRoots(c, g.caInfo())
		c.Override, c.Remedy = "http.schannelUseSSLCAInfo", "git config --global http.schannelUseSSLCAInfo false"
	case revoke && isFlag && f.Leaf != nil && f.Intermediate != nil && !f.listed(f.Material) &&
		revocationLists(f.Leaf, f.Intermediate) == nil:
		c.State = devcert.Denied
		c.Evidence = "http.schannelCheckRevoke=true, and these certificates name no list: CRYPT_E_NO_REVOCATION_CHECK"
		c.Remedy = "git config --global http.schannelCheckRevoke best-effort"
	}
}

// judgeGitBundle is about a Git with OpenSSL, which reads one file.
func (f *windowsFinder) judgeGitBundle(c *devcert.Client, g *gitSettings) {
	file := g.caInfo()
	if file == "" {
		c.Store, c.Roots, c.State = "", "its own list", devcert.Unknown
		c.Evidence = "the bundle that it reads was not found below " + g.install
	} else {
		f.ownRoots(c, file)
		f.besides(c, f.env("GIT_SSL_CAPATH"), g.values["http.sslcapath"])
	}
	if f.env("GIT_SSL_CAINFO") != "" {
		c.Override = "GIT_SSL_CAINFO"
	}
	if c.State != devcert.Trusted {
		c.Remedy = gitRemedy
	}
}

// gitSettings are what Git's files and variables say outside every repository.
// What stands under a URL is left out: it is for one port, or for other hosts.
type gitSettings struct {
	finder  *windowsFinder
	install string
	values  map[string]string // by section.key in lower case; the last one counts
	bare    map[string]bool   // keys without a value, which means true
}

// load reads them in Git's order. Files that are not there say nothing.
func (g *gitSettings) load() error {
	g.bare = make(map[string]bool)
	for _, path := range g.files() {
		if err := g.include(path, 0); err != nil {
			return fmt.Errorf("read git's settings: %w", err)
		}
	}
	env := g.finder.env
	count, _ := strconv.Atoi(env("GIT_CONFIG_COUNT"))
	for i := range min(count, 100) {
		g.set(strings.ToLower(env(fmt.Sprint("GIT_CONFIG_KEY_", i))), env(fmt.Sprint("GIT_CONFIG_VALUE_", i)), false)
	}
	return nil
}

// files are the installation's, then the user's (git-config, FILES).
func (g *gitSettings) files() []string {
	env := g.finder.env
	system := join(g.install, `etc\gitconfig`)
	if !g.finder.file(system) { // before 2.24
		system = join(g.install, `mingw64\etc\gitconfig`)
	}
	if named := env("GIT_CONFIG_SYSTEM"); named != "" {
		system = named
	}
	var files []string
	if no := env("GIT_CONFIG_NOSYSTEM"); no == "" || !gitTrue(no) {
		files = append(files, system)
	}
	if named := env("GIT_CONFIG_GLOBAL"); named != "" {
		return append(files, named)
	}
	below := join(env("APPDATA"), `Git\config`)
	if xdg := env("XDG_CONFIG_HOME"); xdg != "" {
		below = join(xdg, `git\config`)
	} else if home := join(g.home(), `.config\git\config`); g.finder.file(home) {
		below = home
	}
	return append(files, below, join(g.home(), ".gitconfig"))
}

func (g *gitSettings) home() string {
	env := g.finder.env
	if home := env("HOME"); home != "" {
		return home
	}
	if drive, path := env("HOMEDRIVE"), env("HOMEPATH"); drive != "" && path != "" {
		return drive + path
	}
	return env("USERPROFILE")
}

// maxIncludes is how deep Git follows includes.
const maxIncludes = 10

// include reads a file, and what it includes where it does so. Conditional
// includes are for repositories.
func (g *gitSettings) include(path string, depth int) error {
	if !isAbsolute(path) {
		return nil
	}
	data, err := g.finder.read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if depth > maxIncludes {
		return fmt.Errorf("%s: more than %d includes in one another", path, maxIncludes)
	}
	return parseGitConfig(string(data), func(key, value string, bare bool) error {
		if key == "include.path" {
			return g.include(g.path(value, folderOf(path)), depth+1)
		}
		g.set(key, value, bare)
		return nil
	}, path)
}

func (g *gitSettings) set(key, value string, bare bool) { g.values[key], g.bare[key] = value, bare }

// path is what a path in a setting means: Git for Windows takes one that starts
// with / for its installation's.
func (g *gitSettings) path(value, folder string) string {
	switch {
	case strings.HasPrefix(value, "%(prefix)/"):
		return join(g.install, value[len("%(prefix)/"):])
	case strings.HasPrefix(value, "~/"), strings.HasPrefix(value, `~\`):
		return join(g.home(), value[2:])
	case strings.HasPrefix(value, "/") && !strings.HasPrefix(value, "//"):
		return join(g.install, value)
	case isAbsolute(value) || strings.HasPrefix(value, "//"):
		return join(value)
	case folder == "":
		return value
	}
	return join(folder, value)
}

// flag is a setting that is true or false; isFlag is false where it is neither.
func (g *gitSettings) flag(key string, usually bool) (on, isFlag bool) {
	value, is := g.values[key]
	switch {
	case !is:
		return usually, true
	case g.bare[key], gitTrue(value):
		return true, true
	case gitFalse(value):
		return false, true
	}
	return usually, false
}

func gitTrue(value string) bool {
	return slices.Contains([]string{"true", "yes", "on", "1"}, strings.ToLower(value))
}

func gitFalse(value string) bool {
	return slices.Contains([]string{"false", "no", "off", "0", ""}, strings.ToLower(value))
}

// backend is the TLS library: since 2.41 Schannel unless the settings say
// otherwise, before OpenSSL.
func (g *gitSettings) backend() string {
	if set := strings.ToLower(g.values["http.sslbackend"]); set != "" {
		return set
	}
	for _, name := range gitEnvironments {
		if g.finder.schannelFlavour(join(g.install, name, "bin")) {
			return "schannel"
		}
	}
	return "openssl"
}

// caInfo is the bundle that OpenSSL reads; "" when it was not found.
func (g *gitSettings) caInfo() string {
	if named := g.finder.env("GIT_SSL_CAINFO"); named != "" {
		return g.path(named, "")
	}
	if named := g.values["http.sslcainfo"]; named != "" {
		return g.path(named, "")
	}
	for _, name := range gitEnvironments {
		for _, folder := range []string{`etc\ssl\certs`, `ssl\certs`} {
			if bundle := join(g.install, name, folder, "ca-bundle.crt"); g.finder.file(bundle) {
				return bundle
			}
		}
	}
	return ""
}

package clients

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// passed are the user's variables that clients get to see; all others stay
// behind, proxies before all: a client must not leave this machine. A name that
// ends with * stands for all that begin so.
var passed = []struct{ name, why string }{
	{"PATH", "version managers and git find the rest of themselves there"},
	{"LD_LIBRARY_PATH", "another OpenSSL has its roots elsewhere"},

	{"SSL_CERT_FILE", "OpenSSL, Go, curl and Ruby read their roots there"},
	{"SSL_CERT_DIR", "the same, from folders"},
	{"NIX_SSL_CERT_FILE", "the same, for programs that Nix built"},
	{"OPENSSL_CONF", "its configuration decides what OpenSSL takes"},
	{"OPENSSL_MODULES", "the providers which that configuration names"},
	{"GNUTLS_SYSTEM_PRIORITY_FILE", "the same as OPENSSL_CONF, of GnuTLS"},
	{"GODEBUG", "x509… settings change Go's verifier"},

	{"CURL_CA_BUNDLE", "curl reads its roots there"},
	{"CURL_SSL_BACKEND", "each of curl's libraries has roots of its own"},
	{"WGETRC", "wget's settings: ca_certificate, ca_directory, check_certificate"},
	{"SYSTEM_WGETRC", "the same, of all users"},
	{"GIT_SSL_*", "git reads its roots there, or none"},
	{"GIT_CONFIG_*", "settings of git like http.sslCAInfo, or where they are"},

	{"REQUESTS_CA_BUNDLE", "Python's requests reads its roots there"},
	{"PIP_CERT", "so does pip"},
	{"PYTHONHTTPSVERIFY", "Pythons of some distributions verify nothing with 0"},
	{"PYTHONPATH", "where modules are, requests and certifi among them"},
	{"PYTHONHOME", "where Python itself is"},
	{"PYTHONUSERBASE", "where the user's modules are"},
	{"VIRTUAL_ENV", "the same"},
	{"CONDA_PREFIX", "the same"},

	{"NODE_EXTRA_CA_CERTS", "Node adds these roots to its own"},
	{"NODE_USE_SYSTEM_CA", "Node takes the system's roots as well"},
	{"NODE_OPTIONS", "--use-system-ca, --use-openssl-ca"},
	{"NODE_TLS_REJECT_UNAUTHORIZED", "Node verifies nothing with 0: to be found out"},

	{"JAVA_HOME", "version managers choose by it"},
	{"JAVA_TOOL_OPTIONS", "-Djavax.net.ssl.trustStore"},
	{"JDK_JAVA_OPTIONS", "the same"},
	{"_JAVA_OPTIONS", "the same"},

	{"RUBYOPT", "may load what changes OpenSSL's defaults"},
	{"RUBYLIB", "where its modules are"},
	{"GEM_HOME", "the same"},
	{"GEM_PATH", "the same"},
	{"PHPRC", "where php.ini is: openssl.cafile, curl.cainfo"},
	{"PHP_INI_SCAN_DIR", "the same"},
	{"PERL5LIB", "where its modules are"},
	{"PERL_LWP_SSL_*", "LWP reads its roots there, or none"},
	{"DOTNET_ROOT*", "where .NET is"},
	{"CLR_OPENSSL_VERSION_OVERRIDE", "which OpenSSL .NET loads"},

	// Without these Windows' programs do not start, or not find Windows' own.
	{"SystemRoot", "where Windows is"},
	{"SystemDrive", "the same"},
	{"windir", "the same"},
	{"ComSpec", "the same"},
	{"PATHEXT", "what is a program"},
	{"ProgramData", "where programs keep what all users share"},
	{"ProgramFiles*", "where programs are"},
	{"ProgramW6432", "the same"},
	{"CommonProgramFiles*", "where programs share libraries"},
	{"NUMBER_OF_PROCESSORS", "runtimes size themselves by it"},
	{"PROCESSOR_ARCHITECTURE", "the same"},
	{"PSModulePath", "where PowerShell's modules are"},
}

// managers are folders of version managers and modules in the user's home, which
// programs look for below HOME unless the variable names them.
var managers = []struct{ name, folder string }{
	{"PYENV_ROOT", ".pyenv"}, {"RBENV_ROOT", ".rbenv"}, {"NODENV_ROOT", ".nodenv"}, {"PHPENV_ROOT", ".phpenv"},
	{"JENV_ROOT", ".jenv"}, {"ASDF_DATA_DIR", ".asdf"}, {"MISE_DATA_DIR", ".local/share/mise"},
	{"NVM_DIR", ".nvm"}, {"VOLTA_HOME", ".volta"}, {"SDKMAN_DIR", ".sdkman"}, {"PYTHONUSERBASE", ".local"},
}

// environment is what a client gets to see: what decides about its roots and
// about finding itself as the user has it, and a home of its own.
func environment(user []string, home, dir string) []string {
	var env []string
	for _, pair := range user {
		name, value, _ := strings.Cut(pair, "=")
		if value != "" && passes(name) {
			env = append(env, pair)
		}
	}
	for _, m := range managers {
		value := valueOf(user, m.name)
		if folder := filepath.Join(home, m.folder); value == "" && isFolder(folder) {
			value = folder
		}
		if value != "" {
			env = merge(env, []string{m.name + "=" + value})
		}
	}
	return merge(env, ownFolders(dir))
}

// ownFolders lead everything that a client may write to its own folder, and make
// it speak English: what it says is shown beside devcert's words.
func ownFolders(dir string) []string {
	env := []string{
		"LANG=C.UTF-8", "LC_ALL=C.UTF-8", "PYTHONDONTWRITEBYTECODE=1", // beside modules
		"DOTNET_CLI_TELEMETRY_OPTOUT=1", "DOTNET_NOLOGO=1", "DOTNET_SKIP_FIRST_TIME_EXPERIENCE=1",
		"DOTNET_EnableDiagnostics=0", // pipes for debuggers
	}
	for name, folder := range map[string]string{
		"HOME": "", "USERPROFILE": "", "TMPDIR": "tmp", "TMP": "tmp", "TEMP": "tmp", "APPDATA": "AppData/Roaming",
		"LOCALAPPDATA": "AppData/Local", "XDG_CONFIG_HOME": ".config", "XDG_DATA_HOME": ".local/share",
		"XDG_CACHE_HOME": ".cache", "XDG_STATE_HOME": ".local/state", "XDG_RUNTIME_DIR": "run",
	} {
		env = append(env, name+"="+filepath.Join(dir, filepath.FromSlash(folder)))
	}
	slices.Sort(env)
	return env
}

// made are the folders of ownFolders that programs expect to be there.
var made = []string{"tmp", "run", ".config", "AppData/Roaming", "AppData/Local"}

func passes(name string) bool {
	for _, p := range passed {
		begin, open := strings.CutSuffix(p.name, "*")
		if sameName(name, p.name) || open && len(name) >= len(begin) && sameName(name[:len(begin)], begin) {
			return true
		}
	}
	return false
}

// merge adds variables to env, in the place of those of the same name.
func merge(env, more []string) []string {
	for _, pair := range more {
		name, _, _ := strings.Cut(pair, "=")
		env = slices.DeleteFunc(slices.Clone(env), func(have string) bool {
			old, _, _ := strings.Cut(have, "=")
			return sameName(old, name)
		})
		env = append(env, pair)
	}
	return env
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

package clients

import (
	"slices"
	"strings"

	"devcert/devcert"
)

// powershell is Windows PowerShell, which stands for the programs that a developer
// runs on .NET Framework: a request from it is verified as their back channel is.
func (f *windowsFinder) powershell() []devcert.Client {
	var all []devcert.Client
	for _, path := range f.first(f.system(`WindowsPowerShell\v1.0\powershell.exe`)) {
		c := f.windowsClient("powershell", path, bothRoots+", as all of .NET Framework")
		c.Version = "" // the resource has the version of Windows
		all = append(all, c)
	}
	return all
}

// pwsh is PowerShell 7, which stands for what runs on .NET. On Windows .NET has no
// variable that leads it away from the stores.
func (f *windowsFinder) pwsh() []devcert.Client {
	paths := slices.Concat(f.onPath("pwsh.exe"), f.appPaths("pwsh.exe"), f.inProgramFiles(`PowerShell\7\pwsh.exe`))
	var all []devcert.Client
	for _, path := range f.programs(paths...) {
		all = append(all, f.windowsClient("pwsh", path, bothRoots+", as all of .NET"))
	}
	return all
}

func (f *windowsFinder) dotnet() []devcert.Client {
	var all []devcert.Client
	for _, path := range f.first(slices.Concat(f.onPath("dotnet.exe"), f.inProgramFiles(`dotnet\dotnet.exe`))...) {
		c := f.windowsClient("dotnet", path, bothRoots)
		c.Version = "" // the resource has that of the host, which is nobody's SDK
		all = append(all, c)
	}
	return all
}

// servicesName is what stands for whatever runs as another account than the user.
const servicesName = "services, IIS"

// services are the programs that do not see the user's stores. An API there which
// validates tokens fetches its issuer's keys itself: where only CurrentUser\Root has
// the root that fails, and the API answers 401 to a browser that trusts all of it.
func (f *windowsFinder) services() []devcert.Client {
	path := f.first(f.system(`inetsrv\w3wp.exe`), f.system("services.exe"))
	if len(path) == 0 {
		return nil
	}
	return []devcert.Client{{
		Name: servicesName, Path: path[0], Store: windowsRoot, Place: machineRoot, Roots: machineRoot + " alone",
		Evidence: "an API that runs there and validates tokens answers 401 while only " + userRoot + " has the root: " +
			"IDX10803, “The remote certificate is invalid”",
		Remedy: "devcert setup --scope machine",
	}}
}

// node is Node.js, which brings its own list of roots.
func (f *windowsFinder) node() []devcert.Client {
	paths := f.onPath("node.exe")
	for _, hive := range hives {
		if folder := f.text(hive+`\SOFTWARE\Node.js`, "InstallPath"); folder != "" {
			paths = append(paths, join(folder, "node.exe"))
		}
	}
	paths = append(paths, f.inProgramFiles(`nodejs\node.exe`)...)
	var all []devcert.Client
	for _, path := range f.programs(paths...) {
		c := devcert.Client{Name: "node", Path: path, Version: shortVersion(f.version(path))}
		f.judgeNode(&c)
		if c.State != "" && c.State != devcert.Trusted {
			c.Remedy = `setx NODE_EXTRA_CA_CERTS "` + f.rootFile + `"`
		}
		all = append(all, c)
	}
	return all
}

// judgeNode goes by Node's documentation of its command line and environment.
// Whatever else is set, NODE_EXTRA_CA_CERTS adds to it.
func (f *windowsFinder) judgeNode(c *devcert.Client) {
	options := strings.Fields(f.env("NODE_OPTIONS"))
	extra := f.env("NODE_EXTRA_CA_CERTS")
	c.Roots, c.State, c.Evidence = "its own list", devcert.Missing, "it does not read Windows' stores"
	if f.env("NODE_TLS_REJECT_UNAUTHORIZED") == "0" {
		verifiesNothing(c, "NODE_TLS_REJECT_UNAUTHORIZED")
		return
	}
	if extra != "" {
		c.Roots = "its own list and " + extra
		c.State, c.Evidence = f.inFile(extra)
		if c.Evidence != "" {
			c.Evidence = "NODE_EXTRA_CA_CERTS names " + extra + ": " + c.Evidence
		}
		if c.State == devcert.Trusted {
			return
		}
	}
	switch {
	// A Node that does not know the option does not start with it there.
	case slices.Contains(options, "--use-system-ca"):
		asWindows(c, "NODE_OPTIONS")
	case f.env("NODE_USE_SYSTEM_CA") == "1":
		f.nodeSystem(c)
	case slices.Contains(options, "--use-openssl-ca") && f.env("SSL_CERT_FILE") != "":
		f.ownRoots(c, f.env("SSL_CERT_FILE"))
		c.Override = "SSL_CERT_FILE"
	}
}

// nodeSystem is about NODE_USE_SYSTEM_CA, which came with 24.6 and 22.19; others
// take no notice of it.
func (f *windowsFinder) nodeSystem(c *devcert.Client) {
	v24, known := atLeast(c.Version, 24, 6)
	v22, _ := atLeast(c.Version, 22, 19)
	v23, _ := atLeast(c.Version, 23, 0)
	switch {
	case !known:
		c.State, c.Evidence = devcert.Unknown, "NODE_USE_SYSTEM_CA=1 counts from version 24.6 or 22.19 on, and its version is not known"
	case v24 || v22 && !v23:
		asWindows(c, "NODE_USE_SYSTEM_CA")
	default:
		c.Evidence = "NODE_USE_SYSTEM_CA=1 counts from version 24.6 or 22.19 on"
	}
}

func asWindows(c *devcert.Client, by string) {
	c.Store, c.State, c.Evidence = windowsRoot, "", ""
	c.Roots = "its own list, " + bothRoots + " (" + by + ")"
}

// python are Python's ssl and urllib, which read Windows' stores themselves, and
// for each Python that has it certifi, where requests takes its roots from. What
// the variables of OpenSSL name is added to the stores there, and replaces nothing
// (CPython, Lib/ssl.py, load_default_certs). The launcher py.exe starts one of these.
func (f *windowsFinder) python() []devcert.Client {
	paths := f.onPath("python.exe")
	for _, hive := range hives {
		key := hive + `\SOFTWARE\Python\PythonCore`
		for _, version := range f.keys(key) {
			install := key + `\` + version + `\InstallPath`
			paths = append(paths, f.text(install, "ExecutablePath"), join(f.text(install, ""), "python.exe"))
		}
	}
	var all []devcert.Client
	for _, path := range f.programs(paths...) {
		c := f.windowsClient("python", path, bothRoots)
		c.Version = "" // the resource has a number that means nothing to people
		all = append(all, c)
		all = append(all, f.requests(path)...)
	}
	return all
}

// requests is the library of one Python, if it has it.
func (f *windowsFinder) requests(python string) []devcert.Client {
	packages := join(folderOf(python), `Lib\site-packages`)
	list := join(packages, `certifi\cacert.pem`)
	if !f.file(list) || !f.file(join(packages, `requests\__init__.py`)) {
		return nil
	}
	c := f.windowsClient("python requests", python, bothRoots+" (pip-system-certs)")
	c.Version = "" // that is Python's
	if !f.file(join(packages, `pip_system_certs\__init__.py`)) {
		f.ownRoots(&c, list)
		c.Remedy = `"` + python + `" -m pip install pip-system-certs`
	}
	for _, name := range []string{"REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"} {
		if file := f.env(name); file != "" {
			f.ownRoots(&c, file)
			c.Override, c.Remedy = name, "add "+f.rootFile+" to "+file+", or unset "+name
			break
		}
	}
	if c.State == devcert.Trusted {
		c.Remedy = ""
	}
	return []devcert.Client{c}
}

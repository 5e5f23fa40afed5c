package clients

import (
	"os"

	"devcert/devcert"
)

// windowsKind is a kind of client on Windows: look is its find, over a machine; nil where another one finds it.
type windowsKind struct {
	kind
	look func(f *windowsFinder) []devcert.Client
}

// windowsKinds are in the order they are shown.
func windowsKinds() []windowsKind {
	return []windowsKind{
		{powershell("powershell", windowsModules), (*windowsFinder).powershell},
		{powershell("pwsh", ""), (*windowsFinder).pwsh},
		{dotNet(nil), (*windowsFinder).dotnet},
		{kind{name: servicesName, unasked: "they run as other accounts, and nobody but an administrator could start one"},
			(*windowsFinder).services},
		{windowsCurl(), (*windowsFinder).curl},
		{windowsGit(), (*windowsFinder).git},
		{windowsBrowser(chromium("edge", nil)), (*windowsFinder).edge},
		{windowsBrowser(chromium("chrome", nil)), (*windowsFinder).chrome},
		{windowsBrowser(firefoxes(nil), "--wait-for-browser"), (*windowsFinder).firefox},
		{node(nil), (*windowsFinder).node},
		{java(nil), (*windowsFinder).java},
		{python(nil), (*windowsFinder).python},
		{requests(nil), nil}, // found beside its Python
	}
}

// windowsModules is where the modules of Windows PowerShell are, below Windows' own
// folder. Started from PowerShell 7, devcert has that one's in PSModulePath, and
// Windows PowerShell cannot load them.
const windowsModules = `System32\WindowsPowerShell\v1.0\Modules`

// webRequest asks for the page. Both come in variables, so that nothing of them is
// read as a script, and no switch that would make it accept more is given.
const webRequest = `$ErrorActionPreference = 'Stop'; $ProgressPreference = 'SilentlyContinue'; ` +
	`$request = @{ Uri = $env:DEVCERT_PAGE; UseBasicParsing = $true; MaximumRedirection = 0 }; ` +
	`if ($env:DEVCERT_PROXY) { $request.Proxy = $env:DEVCERT_PROXY }; ` +
	`try { $null = Invoke-WebRequest @request } ` +
	`catch { [Console]::Error.WriteLine($_.Exception.GetBaseException().Message); exit 1 }`

// powershell is Windows PowerShell or PowerShell 7: Invoke-WebRequest, which is
// .NET Framework's HttpWebRequest in the one and .NET's HttpClient in the other.
func powershell(name, modules string) kind {
	say := func(command string) []string {
		return []string{"-NoLogo", "-NoProfile", "-NonInteractive", "-Command", command}
	}
	return kind{name: name, version: say("$PSVersionTable.PSVersion.ToString()"), ask: func(q *question) (call, error) {
		env := []string{
			"DEVCERT_PAGE=" + q.url(), "DEVCERT_PROXY=" + q.proxy(),
			"POWERSHELL_TELEMETRY_OPTOUT=1", "POWERSHELL_UPDATECHECK=Off", "DOTNET_CLI_TELEMETRY_OPTOUT=1",
		}
		if modules != "" {
			env = append(env, "PSModulePath="+join(q.user.get("SystemRoot"), modules))
		}
		return call{args: say(webRequest), env: env}, nil
	}}
}

// windowsCurl is curl with the settings that it would read, under both names that
// they have, one of which older ones do not know.
func windowsCurl() kind {
	k := curl(nil)
	ask := k.ask
	k.ask = func(q *question) (call, error) {
		how, err := ask(q)
		if err != nil {
			return how, err
		}
		how.env = append(how.env, "CURL_HOME="+q.dir)
		for _, path := range curlrcs(q.user.get) {
			if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
				continue
			}
			for _, name := range []string{".curlrc", "_curlrc"} {
				if err := q.copyFile(path, name); err != nil {
					return how, err
				}
			}
			break
		}
		return how, nil
	}
	return k
}

// windowsGit is Git with the user's settings from the places that only it has on
// Windows: below APPDATA, and in a HOME that is not the profile.
func windowsGit() kind {
	k := git(nil)
	ask := k.ask
	k.ask = func(q *question) (call, error) {
		how, err := ask(q)
		if err != nil {
			return how, err
		}
		for _, place := range []struct{ variable, file, to string }{
			{"APPDATA", `Git\config`, "AppData/Roaming/Git/config"}, {"HOME", ".gitconfig", ".gitconfig"},
		} {
			folder := q.user.get(place.variable)
			if !isAbsolute(folder) {
				continue
			}
			if err := q.copyFile(join(folder, place.file), place.to); err != nil {
				return how, err
			}
		}
		return how, nil
	}
	return k
}

// windowsBrowser is not asked for its version: browsers of Windows have none to
// say on a console, and open a window instead. Their resources have it.
func windowsBrowser(k kind, more ...string) kind {
	k.version = nil
	ask := k.ask
	k.ask = func(q *question) (call, error) {
		how, err := ask(q)
		how.args = append(append([]string{}, more...), how.args...)
		return how, err
	}
	return k
}

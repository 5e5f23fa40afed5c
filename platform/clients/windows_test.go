package clients

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/devcert/chain"
	"devcert/platform/firefox"
)

// fakeWindows is a machine of a few files, keys and variables.
type fakeWindows struct {
	files     map[string]string // by path in lower case
	broken    map[string]error  // files that cannot be read
	texts     map[string]string // by key and name
	numbers   map[string]uint64
	env       map[string]string
	versions  map[string]string
	profiles  []firefox.Profile
	listErr   error
	keystores []string
	off       map[string]string // profiles that do without the system's roots, and the line
	offErr    map[string]error
	listed    bool // the revocation lists are in CA
}

func newFakeWindows() *fakeWindows {
	return &fakeWindows{
		files: map[string]string{}, broken: map[string]error{}, texts: map[string]string{}, numbers: map[string]uint64{},
		versions: map[string]string{}, off: map[string]string{}, offErr: map[string]error{},
		env: map[string]string{
			"SystemRoot": `C:\Windows`, "ProgramFiles": `C:\Program Files`, "USERPROFILE": `C:\Users\anna`,
			"APPDATA": `C:\Users\anna\AppData\Roaming`, "LOCALAPPDATA": `C:\Users\anna\AppData\Local`,
			"PATH": `C:\Windows\System32;relative;"C:\tools";;C:\Program Files\Git\cmd`,
		},
	}
}

// put makes a file that holds something.
func (w *fakeWindows) put(path string, content ...string) {
	w.files[strings.ToLower(path)] = strings.Join(append(content, "\n"), "\n")
}

func (w *fakeWindows) machine() windowsMachine {
	return windowsMachine{
		env:    func(name string) string { return w.env[name] },
		text:   func(key, name string) string { return w.texts[key+`\`+name] },
		number: func(key, name string) (uint64, bool) { n, is := w.numbers[key+`\`+name]; return n, is },
		keys: func(key string) []string {
			var names []string
			for full := range w.texts {
				if below, is := strings.CutPrefix(full, key+`\`); is {
					name, _, _ := strings.Cut(below, `\`)
					names = append(names, name)
				}
			}
			return names
		},
		file: func(path string) bool { return w.files[strings.ToLower(path)] != "" },
		read: func(path string) ([]byte, error) {
			path = strings.ToLower(path)
			if err := w.broken[path]; err != nil {
				return nil, err
			}
			if text, is := w.files[path]; is {
				return []byte(text), nil
			}
			return nil, fs.ErrNotExist
		},
		version: func(path string) string { return w.versions[path] },
		listed:  func(devcert.Material) bool { return w.listed },
		keystores: func(devcert.Material) (places []devcert.Place) {
			for _, path := range w.keystores {
				places = append(places, devcert.Place{Path: path, State: devcert.Missing})
			}
			return places
		},
		profiles: func(string) ([]firefox.Profile, error) { return w.profiles, w.listErr },
		systemRoots: func(dir string) (bool, string, error) {
			line, off := w.off[dir]
			return !off, line, w.offErr[dir]
		},
	}
}

// material is a hierarchy, made once.
var material = func() devcert.Material {
	h, err := chain.New(chain.Options{Owner: "anna@birch", Key: chain.ECDSA, Now: time.Now()})
	if err != nil {
		panic(err)
	}
	return devcert.Material{Root: h.Root, Intermediate: h.Intermediate.Cert, Leaf: h.Leaf.Cert}
}()

func asPEM(cert *x509.Certificate) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw}))
}

const (
	system32 = `C:\Windows\System32\`
	gitExe   = `C:\Program Files\Git\cmd\git.exe`
	gitFile  = `C:\Program Files\Git\etc\gitconfig`
	gitRoots = `C:\Program Files\Git\mingw64\etc\ssl\certs\ca-bundle.crt`
	userGit  = `C:\Users\anna\.gitconfig`
	rootFile = `C:\Users\anna\AppData\Local\devcert\root.pem`
	foxExe   = `C:\Program Files\Mozilla Firefox\firefox.exe`
)

// seen is what matters of a client, without its path and version.
type seen struct {
	name, store string
	state       devcert.PlaceState
	override    string
	evidence    string // what it must contain
	remedy      string // likewise
	roots       string // likewise
}

// requireSeen compares clients with what they should be, all of them.
func requireSeen(t *testing.T, want []seen, all []devcert.Client) {
	t.Helper()
	require.Len(t, all, len(want), "%+v", all)
	for i, w := range want {
		c := all[i]
		name, _, _ := strings.Cut(c.Name, c.Path) // where several are called the same
		require.Equal(t, []any{w.name, w.store, w.state, w.override}, []any{strings.TrimRight(name, " ("), c.Store, c.State, c.Override}, "%+v", c)
		for _, pair := range [][2]string{{w.evidence, c.Evidence}, {w.remedy, c.Remedy}} {
			require.Contains(t, pair[1], pair[0])
			require.Equal(t, pair[0] == "", pair[1] == "", "%q", pair[1])
		}
		require.Contains(t, c.Roots, w.roots)
		require.NotEmpty(t, c.Roots)
		require.True(t, isAbsolute(c.Path), c.Path)
	}
}

// find runs one kind, or all of them, over a machine.
func (w *fakeWindows) find(m devcert.Material, name string) []devcert.Client {
	f := &windowsFinder{windowsMachine: w.machine(), Material: m, rootFile: rootFile}
	var all []devcert.Client
	for _, k := range windowsKinds() {
		if k.look != nil && (name == "" || k.name == name) {
			all = append(all, k.look(f)...)
		}
	}
	return distinct(all)
}

type windowsRow struct {
	name string
	make func(w *fakeWindows)
	want []seen
}

func prove(t *testing.T, kind string, rows []windowsRow) {
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			w := newFakeWindows()
			row.make(w)
			requireSeen(t, row.want, w.find(material, kind))
		})
	}
}

func TestFindPrograms(t *testing.T) {
	w := newFakeWindows()
	require.Empty(t, w.find(material, ""), "a machine without any client")
	w.put(system32 + `WindowsPowerShell\v1.0\powershell.exe`)
	w.put(system32 + `services.exe`)
	w.put(system32 + `inetsrv\w3wp.exe`)
	w.put(`C:\Program Files\PowerShell\7\pwsh.exe`)
	w.put(`C:\Program Files\dotnet\dotnet.exe`)
	w.versions[`C:\Program Files\PowerShell\7\pwsh.exe`] = "7.4.6.0"
	w.put(`C:\tools\pwsh.exe`)
	w.put(`relative\pwsh.exe`)
	all := w.find(devcert.Material{}, "")
	requireSeen(t, []seen{
		{name: "powershell", store: "windows-root", roots: ".NET Framework"},
		{name: "pwsh", store: "windows-root"},
		{name: "pwsh", store: "windows-root"},
		{name: "dotnet", store: "windows-root"},
		{name: "services, IIS", store: "windows-root", evidence: "IDX10803", remedy: "--scope machine", roots: `LocalMachine\Root alone`},
	}, all)
	require.Equal(t, "7.4.6", all[2].Version)
	require.Equal(t, `LocalMachine\Root`, all[4].Place)
	require.Equal(t, system32+`inetsrv\w3wp.exe`, all[4].Path)
	for _, c := range all[:4] {
		require.Empty(t, c.Place, "either store will do for what a user runs")
	}
}

func TestFindCurl(t *testing.T) {
	own := func(w *fakeWindows) { w.put(system32 + "curl.exe") }
	rc := func(path string, lines ...string) func(*fakeWindows) {
		return func(w *fakeWindows) { own(w); w.put(path, lines...) }
	}
	const roaming = `C:\Users\anna\AppData\Roaming\_curlrc`
	refuses := seen{
		name: "curl", store: "windows-root", state: devcert.Denied, evidence: "CRYPT_E_NO_REVOCATION_CHECK",
		remedy: "ssl-revoke-best-effort, or that line, without the dashes, in " + roaming,
	}
	trusts := seen{name: "curl", store: "windows-root"}
	other := func(w *fakeWindows) {
		w.put(`C:\tools\curl.exe`)
		w.put(`C:\tools\curl-ca-bundle.crt`, "no root")
	}
	missing := seen{name: "curl", state: devcert.Missing, evidence: "does not hold the root", remedy: "--ca-native"}
	prove(t, "curl", []windowsRow{
		{"Schannel wants revocation lists", own, []seen{refuses}},
		{"Schannel finds them in CA", func(w *fakeWindows) { own(w); w.listed = true }, []seen{trusts}},
		{"Schannel passes over the variables", func(w *fakeWindows) { own(w); w.env["CURL_CA_BUNDLE"] = `C:\x.pem` }, []seen{refuses}},
		{"its settings say best effort", rc(roaming, "# mine", "ssl-revoke-best-effort"), []seen{trusts}},
		{"its settings say no revocation", rc(`C:\Users\anna\.curlrc`, "--ssl-no-revoke"), []seen{trusts}},
		{"only the first file counts", func(w *fakeWindows) {
			rc(roaming, "ssl-no-revoke")(w)
			w.put(`C:\Users\anna\_curlrc`, "silent")
		}, []seen{{
			name: "curl", store: "windows-root", state: devcert.Denied, evidence: "name no list", remedy: `in C:\Users\anna\_curlrc`,
		}}},
		{"one before 7.70", func(w *fakeWindows) { own(w); w.versions[system32+"curl.exe"] = "7.55.1.0" }, []seen{{
			name: "curl", store: "windows-root", state: devcert.Denied, evidence: "name no list", remedy: "curl --ssl-no-revoke",
		}}},
		{"its settings accept everything", rc(roaming, "insecure"), []seen{{
			name: "curl", store: "windows-root", state: devcert.Trusted, override: roaming, evidence: "accept every server",
		}}},
		{"its settings name a bundle without the root", rc(roaming, `cacert = "C:\\mine.pem"`), []seen{{
			name: "curl", state: devcert.Missing, override: roaming, evidence: "no such file", remedy: "take the line cacert out", roots: `C:\mine.pem`,
		}}},
		{"its settings cannot be read", func(w *fakeWindows) { own(w); w.broken[strings.ToLower(roaming)] = errors.New("in use") }, []seen{{
			name: "curl", store: "windows-root", state: devcert.Unknown, evidence: "in use",
		}}},
		{"another one first on PATH", func(w *fakeWindows) {
			other(w)
			own(w)
			w.env["PATH"] = `C:\tools;C:\Windows\System32`
		}, []seen{missing, {
			name: "curl", store: "windows-root", state: devcert.Denied,
			evidence: "name no list", remedy: "ssl-revoke-best-effort",
		}}},
		{"OpenSSL, and a bundle with the root", func(w *fakeWindows) {
			other(w)
			w.put(`C:\tools\curl-ca-bundle.crt`, "Mine", "====", asPEM(material.Leaf), asPEM(material.Root))
		}, []seen{{name: "curl", state: devcert.Trusted, roots: `C:\tools\curl-ca-bundle.crt`}}},
		{"OpenSSL obeys the variable", func(w *fakeWindows) {
			other(w)
			w.env["CURL_CA_BUNDLE"] = `C:\corporate.pem`
			w.put(`C:\corporate.pem`, asPEM(material.Intermediate))
		}, []seen{{
			name: "curl", state: devcert.Missing, override: "CURL_CA_BUNDLE", evidence: "does not hold the root",
			remedy: "add " + rootFile, roots: `C:\corporate.pem`,
		}}},
		{"OpenSSL, and a folder besides", func(w *fakeWindows) { other(w); w.put(roaming, "capath C:\\certs") }, []seen{{
			name: "curl", state: devcert.Unknown, evidence: `it also reads the folder C:\certs`, remedy: "--ca-native",
		}}},
		{"both libraries, Schannel chosen", func(w *fakeWindows) { other(w); w.env["CURL_SSL_BACKEND"] = "Schannel" }, []seen{refuses}},
		{"Git's, before 2.41", func(w *fakeWindows) {
			w.env["PATH"] = `C:\Program Files\Git\mingw64\bin`
			w.put(`C:\Program Files\Git\mingw64\bin\curl.exe`)
			w.put(gitRoots, "no root")
		}, []seen{missing}},
		{"Git's, since 2.41", func(w *fakeWindows) {
			w.env["PATH"] = `C:\Program Files\Git\mingw64\bin`
			w.put(`C:\Program Files\Git\mingw64\bin\curl.exe`)
			w.put(`C:\Program Files\Git\mingw64\bin\libcurl-openssl-4.dll`)
			w.put(gitRoots, "no root")
		}, []seen{refuses}},
		{"nobody can see what it was built with", func(w *fakeWindows) { w.put(`C:\tools\curl.exe`) }, []seen{{
			name: "curl", store: "windows-root", state: devcert.Unknown, evidence: "only shows when it is asked", remedy: "devcert doctor",
		}}},
	})
	t.Run("certificates that name a list", func(t *testing.T) {
		w := newFakeWindows()
		own(w)
		leaf, intermediate := *material.Leaf, *material.Intermediate
		intermediate.CRLDistributionPoints = nil
		leaf.CRLDistributionPoints = []string{"http://localhost:44298/x.crl"}
		m := devcert.Material{Root: material.Root, Intermediate: &intermediate, Leaf: &leaf}
		require.Equal(t, devcert.Denied, w.find(m, "curl")[0].State, "the intermediate names none")
		intermediate.OCSPServer = []string{"http://localhost/ocsp"}
		c := w.find(m, "curl")[0]
		require.Equal(t, devcert.Unknown, c.State)
		require.Contains(t, c.Evidence, "http://localhost:44298/x.crl, http://localhost/ocsp")
	})
	t.Run("nothing is set up", func(t *testing.T) {
		w := newFakeWindows()
		own(w)
		require.Empty(t, w.find(devcert.Material{}, "curl")[0].State)
		other(w)
		require.Equal(t, devcert.Missing, w.find(devcert.Material{}, "curl")[1].State)
	})
}

func TestFindGit(t *testing.T) {
	git := func(system string, more ...func(*fakeWindows)) func(*fakeWindows) {
		return func(w *fakeWindows) {
			w.put(gitExe)
			w.put(gitRoots, "no root")
			w.put(gitFile, system)
			for _, m := range more {
				m(w)
			}
		}
	}
	user := func(lines ...string) func(*fakeWindows) { return func(w *fakeWindows) { w.put(userGit, lines...) } }
	set := func(name, value string) func(*fakeWindows) { return func(w *fakeWindows) { w.env[name] = value } }
	const openssl, schannel = "[http]\n\tsslBackend = openssl", "[http]\n\tsslBackend = schannel"
	own := seen{name: "git", state: devcert.Missing, evidence: "does not hold the root", remedy: gitRemedy, roots: gitRoots}
	windows := seen{name: "git", store: "windows-root"}
	prove(t, "git", []windowsRow{
		{"OpenSSL", git(openssl), []seen{own}},
		{"the root is in its bundle", git(openssl, func(w *fakeWindows) { w.put(gitRoots, "some words", asPEM(material.Root)) }),
			[]seen{{name: "git", state: devcert.Trusted, roots: gitRoots}}},
		{"Schannel", git(schannel), []seen{windows}},
		{"the user's settings win", git(openssl, user("[HTTP]", "SSLBackend=Schannel ; yes")), []seen{windows}},
		{"the user's settings win, the other way", git(schannel, user(openssl)), []seen{own}},
		{"a variable wins", git(openssl, set("GIT_CONFIG_COUNT", "1"), set("GIT_CONFIG_KEY_0", "http.sslBackend"),
			set("GIT_CONFIG_VALUE_0", "schannel")), []seen{windows}},
		{"another file of settings", git(openssl, set("GIT_CONFIG_GLOBAL", `C:\elsewhere`), user(schannel),
			func(w *fakeWindows) { w.put(`C:\elsewhere`, "[http]", "sslVerify = no") }),
			[]seen{{name: "git", store: "windows-root", state: devcert.Trusted, override: "http.sslVerify=false", evidence: "every server"}}},
		{"settings without the system's", git(schannel, set("GIT_CONFIG_NOSYSTEM", "1")), []seen{own}},
		{"settings that are included", git(openssl, user("[include]", "path = sub/more"),
			func(w *fakeWindows) { w.put(`C:\Users\anna\sub\more`, schannel) }), []seen{windows}},
		{"settings that include themselves", git(openssl, user("[include]", "path = ~/.gitconfig")), []seen{{
			name: "git", store: "windows-root", state: devcert.Unknown, evidence: "includes in one another",
		}}},
		{"what is included for a repository is not for all", git(openssl, user(`[includeIf "gitdir:~/src/"]`, "path = more"),
			func(w *fakeWindows) { w.put(`C:\Users\anna\more`, schannel) }), []seen{own}},
		{"what is for one URL is not for all", git(openssl, user(`[http "https://example.com"]`, "sslVerify = false")), []seen{own}},
		{"settings that git refuses", git(openssl, user("[http")), []seen{{
			name: "git", store: "windows-root", state: devcert.Unknown, evidence: userGit + ":",
		}}},
		{"no settings, before 2.41", git(""), []seen{own}},
		{"no settings, since 2.41", git("", func(w *fakeWindows) { w.put(`C:\Program Files\Git\mingw64\bin\libcurl-openssl-4.dll`) }), []seen{windows}},
		{"a bundle named from the installation", git("[http]\nsslCAInfo = /usr/ssl/own.crt", func(w *fakeWindows) {
			w.put(`C:\Program Files\Git\usr\ssl\own.crt`, asPEM(material.Root))
		}), []seen{{name: "git", state: devcert.Trusted, roots: `C:\Program Files\Git\usr\ssl\own.crt`}}},
		{"a bundle with slashes", git("[http]\nsslCAInfo = C:/Program Files/Git/mingw64/etc/ssl/certs/ca-bundle.crt"), []seen{own}},
		{"GIT_SSL_CAINFO", git(openssl, set("GIT_SSL_CAINFO", `C:\mine.pem`)), []seen{{
			name: "git", state: devcert.Missing, override: "GIT_SSL_CAINFO", evidence: "no such file", remedy: gitRemedy, roots: `C:\mine.pem`,
		}}},
		{"Schannel passes over GIT_SSL_CAINFO", git(schannel, set("GIT_SSL_CAINFO", `C:\mine.pem`)), []seen{windows}},
		{"Schannel told to obey it", git(schannel, user("[http]", "schannelUseSSLCAInfo"), set("GIT_SSL_CAINFO", `C:\mine.pem`)), []seen{{
			name: "git", state: devcert.Missing, override: "http.schannelUseSSLCAInfo", evidence: "no such file",
			remedy: "http.schannelUseSSLCAInfo false",
		}}},
		{"Schannel told to check revocation", git(schannel, user("[http]", "schannelCheckRevoke = true")), []seen{{
			name: "git", store: "windows-root", state: devcert.Denied, evidence: "CRYPT_E_NO_REVOCATION_CHECK", remedy: "best-effort",
		}}},
		{"Schannel told to check revocation, and finds lists in CA", git(schannel, user("[http]", "schannelCheckRevoke = true"),
			func(w *fakeWindows) { w.listed = true }), []seen{windows}},
		{"Schannel told to check as it can", git(schannel, user("[http]", "schannelCheckRevoke = best-effort")), []seen{windows}},
		{"GIT_SSL_NO_VERIFY", git(openssl, set("GIT_SSL_NO_VERIFY", "0")), []seen{{
			name: "git", store: "windows-root", state: devcert.Trusted, override: "GIT_SSL_NO_VERIFY", evidence: "every server",
		}}},
		{"a library of the future", git("[http]\nsslBackend = rustls"), []seen{{
			name: "git", store: "windows-root", state: devcert.Unknown, evidence: "rustls", remedy: gitRemedy,
		}}},
		{"folders besides", git(openssl, user("[http]", "sslCAPath = C:/certs")), []seen{{
			name: "git", state: devcert.Unknown, evidence: "it also reads the folder C:/certs", remedy: gitRemedy, roots: gitRoots,
		}}},
		{"its bundle is not where it was", git(openssl, func(w *fakeWindows) { delete(w.files, strings.ToLower(gitRoots)) }), []seen{{
			name: "git", state: devcert.Unknown, evidence: "not found below", remedy: gitRemedy,
		}}},
		{"its bundle cannot be read", git(openssl, func(w *fakeWindows) { w.broken[strings.ToLower(gitRoots)] = errors.New("denied") }),
			[]seen{{name: "git", state: devcert.Unknown, evidence: "denied", remedy: gitRemedy}}},
		{"in the registry alone", func(w *fakeWindows) {
			w.texts[`HKCU\SOFTWARE\GitForWindows\InstallPath`] = `D:\My Git`
			w.put(`D:\My Git\cmd\git.exe`)
			w.put(`D:\My Git\etc\gitconfig`, schannel)
		}, []seen{windows}},
		{"on PATH by three doors", git(schannel, func(w *fakeWindows) {
			w.env["PATH"] = `C:\Program Files\Git\mingw64\bin;C:\Program Files\Git\cmd;C:\Program Files\Git\bin`
			w.put(`C:\Program Files\Git\mingw64\bin\git.exe`)
			w.put(`C:\Program Files\Git\bin\git.exe`)
		}), []seen{windows}},
	})
}

func TestFindBrowsers(t *testing.T) {
	const (
		edgeExe   = `C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe`
		appPaths  = `HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\App Paths\`
		policies  = `\SOFTWARE\Policies\Microsoft\Edge\`
		integrate = "CAPlatformIntegrationEnabled"
	)
	edge := func(more func(w *fakeWindows)) func(*fakeWindows) {
		return func(w *fakeWindows) {
			w.texts[appPaths+`msedge.exe\`] = `"` + edgeExe + `"`
			w.put(edgeExe)
			more(w)
		}
	}
	trusts := []seen{{name: "edge", store: "windows-root"}}
	kept := []seen{{
		name: "edge", state: devcert.Missing, override: integrate, evidence: integrate,
		remedy: "remove " + integrate + " from HKLM", roots: "its own list",
	}}
	prove(t, "edge", []windowsRow{
		{"registered", edge(func(*fakeWindows) {}), trusts},
		{"registered and removed", func(w *fakeWindows) { w.texts[appPaths+`msedge.exe\`] = edgeExe }, []seen{}},
		{"a policy keeps the stores out", edge(func(w *fakeWindows) { w.numbers["HKLM"+policies+integrate] = 0 }), kept},
		{"the machine's policy goes first", edge(func(w *fakeWindows) {
			w.numbers["HKLM"+policies+integrate] = 0
			w.numbers["HKCU"+policies+integrate] = 1
		}), kept},
		{"a policy that changes nothing", edge(func(w *fakeWindows) { w.numbers["HKLM"+policies+integrate] = 1 }), trusts},
		{"a policy that brings the root", edge(func(w *fakeWindows) {
			w.numbers["HKLM"+policies+integrate] = 0
			w.texts["HKLM"+policies+`CACertificates\1`] = "AAAA"
			w.texts["HKLM"+policies+`CACertificates\2`] = base64.StdEncoding.EncodeToString(material.Root.Raw)
		}), []seen{{name: "edge", state: devcert.Trusted, roots: "CACertificates"}}},
	})
	w := newFakeWindows()
	w.put(`C:\Users\anna\AppData\Local\Google\Chrome\Application\chrome.exe`)
	all := w.find(material, "chrome")
	requireSeen(t, []seen{{name: "chrome", store: "windows-root"}}, all)
	require.True(t, all[0].Browser)
}

func TestFindFirefox(t *testing.T) {
	const policy = `\SOFTWARE\Policies\Mozilla\Firefox\Certificates\ImportEnterpriseRoots`
	with := func(more func(w *fakeWindows), profiles ...string) func(*fakeWindows) {
		return func(w *fakeWindows) {
			w.put(foxExe)
			for _, name := range profiles {
				w.profiles = append(w.profiles, firefox.Profile{Name: name, Path: `C:\p\` + name})
			}
			more(w)
		}
	}
	nothing := func(*fakeWindows) {}
	workOff := func(w *fakeWindows) { w.off[`C:\p\work`] = `C:\p\work\prefs.js:7: off` }
	trusts := seen{name: "firefox", store: "windows-root"}
	work := seen{
		name: "firefox: work", state: devcert.Missing, evidence: "prefs.js:7",
		remedy: "in that profile, about:config → security.enterprise_roots.enabled → true", roots: "the profile work",
	}
	unknown := work
	unknown.state, unknown.evidence = devcert.Unknown, "its own database has the root"
	kept := seen{name: "firefox", state: devcert.Missing, evidence: "policy", remedy: "set ImportEnterpriseRoots to true in HKLM"}
	prove(t, "firefox", []windowsRow{
		{"profiles without Firefox", func(w *fakeWindows) { w.profiles = []firefox.Profile{{Name: "work"}} }, []seen{}},
		{"never started", with(nothing), []seen{trusts}},
		{"all profiles follow Windows", with(nothing, "default-release", "work"), []seen{trusts}},
		{"one profile does not", with(workOff, "default-release", "work"), []seen{trusts, work}},
		{"the only profile does not", with(workOff, "work"), []seen{work}},
		{"its own database has another certificate", with(func(w *fakeWindows) {
			workOff(w)
			w.put(`C:\p\work\cert9.db`, string(material.Leaf.Raw))
		}, "work"), []seen{work}},
		{"its own database has the root", with(func(w *fakeWindows) {
			workOff(w)
			w.put(`C:\p\work\cert9.db`, "SQLite", string(material.Root.Raw), "more")
		}, "work"), []seen{unknown}},
		{"a profile that cannot be read", with(func(w *fakeWindows) { w.offErr[`C:\p\work`] = errors.New("denied") }, "work"),
			[]seen{{name: "firefox: work", state: devcert.Unknown, evidence: "denied", remedy: "about:config", roots: "its own list"}}},
		{"a list that cannot be read", with(func(w *fakeWindows) { w.listErr = errors.New("profiles.ini: denied") }),
			[]seen{{name: "firefox", store: "windows-root", state: devcert.Unknown, evidence: "profiles.ini: denied"}}},
		{"a policy turns it off", with(func(w *fakeWindows) { w.numbers["HKLM"+policy] = 0 }, "work"), []seen{kept}},
		{"a policy turns it on for all", with(func(w *fakeWindows) {
			workOff(w)
			w.numbers["HKCU"+policy] = 1
		}, "work"), []seen{trusts}},
		{"a policy in a file", with(func(w *fakeWindows) {
			w.put(`C:\Program Files\Mozilla Firefox\distribution\policies.json`, `{"policies":{"Certificates":{"ImportEnterpriseRoots":false}}}`)
		}), []seen{{name: "firefox", state: devcert.Missing, evidence: "policy", remedy: "policies.json"}}},
		{"a file of other policies", with(func(w *fakeWindows) {
			w.put(`C:\Program Files\Mozilla Firefox\distribution\policies.json`, `{"policies":{"DisableTelemetry":true}}`)
		}), []seen{trusts}},
	})
}

func TestFindNode(t *testing.T) {
	const exe = `C:\Program Files\nodejs\node.exe`
	node := func(version string, env ...string) func(*fakeWindows) {
		return func(w *fakeWindows) {
			w.texts[`HKLM\SOFTWARE\Node.js\InstallPath`] = `C:\Program Files\nodejs\`
			w.put(exe)
			w.put(`C:\root.pem`, asPEM(material.Root))
			w.put(`C:\corporate.pem`, asPEM(material.Leaf))
			w.versions[exe] = version
			for i := 0; i < len(env); i += 2 {
				w.env[env[i]] = env[i+1]
			}
		}
	}
	setx := `setx NODE_EXTRA_CA_CERTS "` + rootFile + `"`
	own := seen{name: "node", state: devcert.Missing, evidence: "does not read Windows' stores", remedy: setx, roots: "its own list"}
	because := func(s seen, evidence string) seen { s.evidence = evidence; return s }
	windows := seen{name: "node", store: "windows-root", roots: "its own list, LocalMachine"}
	prove(t, "node", []windowsRow{
		{"its own list", node("22.11.0.0"), []seen{own}},
		{"NODE_EXTRA_CA_CERTS with the root", node("18.0.0.0", "NODE_EXTRA_CA_CERTS", `C:\root.pem`), []seen{{name: "node", state: devcert.Trusted}}},
		{"NODE_EXTRA_CA_CERTS without it", node("18.0.0.0", "NODE_EXTRA_CA_CERTS", `C:\corporate.pem`), []seen{because(own, "does not hold the root")}},
		{"NODE_EXTRA_CA_CERTS that is gone", node("18.0.0.0", "NODE_EXTRA_CA_CERTS", `C:\gone.pem`), []seen{because(own, "there is no such file")}},
		{"NODE_EXTRA_CA_CERTS beside the stores", node("24.6.0.0", "NODE_EXTRA_CA_CERTS", `C:\corporate.pem`, "NODE_USE_SYSTEM_CA", "1"), []seen{windows}},
		{"an option", node("", "NODE_OPTIONS", "--max-old-space-size=1 --use-system-ca"), []seen{windows}},
		{"NODE_USE_SYSTEM_CA", node("24.6.0.0", "NODE_USE_SYSTEM_CA", "1"), []seen{windows}},
		{"NODE_USE_SYSTEM_CA for 22.19", node("22.19.0.0", "NODE_USE_SYSTEM_CA", "1"), []seen{windows}},
		{"NODE_USE_SYSTEM_CA for 23", node("23.11.0.0", "NODE_USE_SYSTEM_CA", "1"), []seen{because(own, "counts from version 24.6 or 22.19")}},
		{"NODE_USE_SYSTEM_CA too early", node("22.18.0.0", "NODE_USE_SYSTEM_CA", "1"), []seen{because(own, "counts from version 24.6 or 22.19")}},
		{"NODE_USE_SYSTEM_CA for nobody knows what", node("", "NODE_USE_SYSTEM_CA", "1"), []seen{{
			name: "node", state: devcert.Unknown, evidence: "its version is not known", remedy: setx,
		}}},
		{"OpenSSL's roots", node("22.0.0.0", "NODE_OPTIONS", "--use-openssl-ca", "SSL_CERT_FILE", `C:\root.pem`), []seen{{
			name: "node", state: devcert.Trusted, override: "SSL_CERT_FILE", roots: `C:\root.pem`,
		}}},
		{"everything is accepted", node("22.0.0.0", "NODE_TLS_REJECT_UNAUTHORIZED", "0"), []seen{{
			name: "node", state: devcert.Trusted, override: "NODE_TLS_REJECT_UNAUTHORIZED", evidence: "every server",
		}}},
	})
}

func TestFindJava(t *testing.T) {
	const home = `C:\Program Files\Eclipse Adoptium\jdk-17`
	java := func(env ...string) func(*fakeWindows) {
		return func(w *fakeWindows) {
			w.keystores = []string{"JAVA_HOME", home + `\lib\security\jssecacerts`, home + `\lib\security\cacerts`}
			w.put(home + `\bin\java.exe`)
			w.put(home+`\release`, `IMPLEMENTOR="x"`, `JAVA_VERSION="17.0.9"`)
			for i := 0; i < len(env); i += 2 {
				w.env[env[i]] = env[i+1]
			}
		}
	}
	prove(t, "java", []windowsRow{
		{"none", func(*fakeWindows) {}, []seen{}},
		{"as its store says", java(), []seen{{name: "java 17", store: "java", roots: "jssecacerts"}}},
		{"a keystore that is elsewhere", func(w *fakeWindows) { java()(w); w.keystores = []string{`D:\cacerts`} }, []seen{}},
		{"another keystore", java("JAVA_TOOL_OPTIONS", `-Xmx1g -Djavax.net.ssl.trustStore=C:\x.jks`), []seen{{
			name: "java 17", store: "java", state: devcert.Unknown, override: "JAVA_TOOL_OPTIONS",
			evidence: "sets javax.net.ssl.trustStore", remedy: "unset JAVA_TOOL_OPTIONS",
		}}},
		{"Windows' stores", java("JAVA_TOOL_OPTIONS", "-Djavax.net.ssl.trustStoreType=Windows-ROOT"), []seen{{
			name: "java 17", store: "windows-root", roots: "JAVA_TOOL_OPTIONS",
		}}},
		{"Java 8, a runtime inside", func(w *fakeWindows) {
			w.keystores = []string{`C:\jdk8\jre\lib\security\cacerts`}
			w.put(`C:\jdk8\bin\java.exe`)
			w.put(`C:\jdk8\release`, `JAVA_VERSION="1.8.0_452"`)
		}, []seen{{name: "java 8", store: "java", roots: `C:\jdk8\jre\lib\security\cacerts`}}},
		{"a runtime without a release", func(w *fakeWindows) {
			w.keystores = []string{`C:\jre\lib\security\cacerts`}
			w.put(`C:\jre\bin\java.exe`)
		}, []seen{{name: "java", store: "java"}}},
	})
}

func TestFindPython(t *testing.T) {
	const folder = `C:\Users\anna\AppData\Local\Programs\Python\Python312\`
	python := func(more ...string) func(*fakeWindows) {
		return func(w *fakeWindows) {
			w.texts[`HKCU\SOFTWARE\Python\PythonCore\3.12\InstallPath\`] = folder
			w.put(folder + "python.exe")
			for _, name := range more {
				w.put(folder+`Lib\site-packages\`+name, "no root")
			}
		}
	}
	windows := seen{name: "python", store: "windows-root"}
	requests := seen{
		name: "python requests", state: devcert.Missing, evidence: "does not hold the root",
		remedy: `python.exe" -m pip install pip-system-certs`, roots: `certifi\cacert.pem`,
	}
	prove(t, "python", []windowsRow{
		{"urllib", python(), []seen{windows}},
		{"the variables of OpenSSL only add", func(w *fakeWindows) { python()(w); w.env["SSL_CERT_FILE"] = `C:\x` }, []seen{windows}},
		{"an alias that opens the Microsoft Store", func(w *fakeWindows) {
			w.env["PATH"] = `C:\Users\anna\AppData\Local\Microsoft\WindowsApps`
			w.files[`c:\users\anna\appdata\local\microsoft\windowsapps\python.exe`] = ""
		}, []seen{}},
		{"requests", python(`certifi\cacert.pem`, `requests\__init__.py`), []seen{windows, requests}},
		{"certifi for somebody else", python(`certifi\cacert.pem`), []seen{windows}},
		{"requests with Windows' stores", python(`certifi\cacert.pem`, `requests\__init__.py`, `pip_system_certs\__init__.py`),
			[]seen{windows, {name: "python requests", store: "windows-root"}}},
		{"requests led away", func(w *fakeWindows) {
			python(`certifi\cacert.pem`, `requests\__init__.py`)(w)
			w.env["CURL_CA_BUNDLE"], w.env["REQUESTS_CA_BUNDLE"] = `C:\curl.pem`, `C:\mine.pem`
			w.put(`C:\curl.pem`, asPEM(material.Root))
		}, []seen{windows, {
			name: "python requests", state: devcert.Missing, override: "REQUESTS_CA_BUNDLE", evidence: "no such file",
			remedy: "unset REQUESTS_CA_BUNDLE", roots: `C:\mine.pem`,
		}}},
	})
}

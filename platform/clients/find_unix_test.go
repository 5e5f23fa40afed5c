//go:build unix

package clients

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/devcert/chain"
	"devcert/scripts/fuzzlimit"
)

// machine is a made-up machine: a home, a folder of programs, the root in a file
// and another one in another.
type machine struct {
	t                        *testing.T
	home, bin, state, hashed string
	root, other              string
	material                 devcert.Material
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	a := newHall(t)
	m := &machine{t: t, home: t.TempDir(), bin: t.TempDir(), state: "/state", hashed: t.TempDir(), root: a.root}
	m.material = a.material()
	m.other = m.put(filepath.Join(m.home, "other.pem"), string(chain.EncodeCertificates(a.trusted.Intermediate.Cert)))
	return m
}

func (a *hall) material() devcert.Material {
	h := a.trusted
	return devcert.Material{Root: h.Root, Intermediate: h.Intermediate.Cert, Leaf: h.Leaf.Cert, LeafKey: h.Leaf.Key}
}

func (m *machine) put(path, text string) string {
	m.t.Helper()
	require.NoError(m.t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(m.t, os.WriteFile(path, []byte(text), 0o644))
	return path
}

func (m *machine) program(names ...string) {
	m.t.Helper()
	for _, name := range names {
		require.NoError(m.t, os.Chmod(m.put(filepath.Join(m.bin, name), "#!/bin/sh\n"), 0o755))
	}
}

func (m *machine) find(env ...string) map[string]devcert.Client {
	m.t.Helper()
	c := New(Options{Env: append(env, "PATH=relative:"+m.bin), Home: m.home, StateDir: m.state})
	c.places = places{hashed: m.hashed, javas: []string{filepath.Join(m.home, "jvm", "*")}, dotnets: filepath.Join(m.home, "system"), machine: filepath.Join(m.home, "system")}
	found := map[string]devcert.Client{}
	for _, client := range c.Find(m.t.Context(), m.material) {
		require.NotContains(m.t, found, client.Name)
		require.True(m.t, filepath.IsAbs(client.Path))
		found[client.Name] = client
	}
	return found
}

func TestUnixNothing(t *testing.T) {
	m := newMachine(t)
	m.put(filepath.Join(m.bin, "curl"), "not executable")
	require.NoError(t, os.Mkdir(filepath.Join(m.bin, "wget"), 0o755))
	require.Empty(t, m.find())
}

func TestUnixOverrides(t *testing.T) {
	const trusted, missing, unknown = devcert.Trusted, devcert.Missing, devcert.Unknown
	for _, row := range []struct {
		name     string
		client   string
		env      []string // ROOT, OTHER and HOME stand for paths
		files    map[string]string
		state    devcert.PlaceState
		override string
	}{
		{name: "nothing", client: "curl"},
		{"another bundle", "curl", []string{"CURL_CA_BUNDLE=OTHER"}, nil, missing, "CURL_CA_BUNDLE"},
		{"the root", "curl", []string{"CURL_CA_BUNDLE=ROOT"}, nil, trusted, "CURL_CA_BUNDLE"},
		{"curl's own variable goes first", "curl", []string{"SSL_CERT_FILE=ROOT", "CURL_CA_BUNDLE=OTHER"}, nil, missing, "CURL_CA_BUNDLE"},
		{"no such file", "curl", []string{"SSL_CERT_FILE=/nonexistent"}, nil, missing, "SSL_CERT_FILE"},
		{"an empty variable", "curl", []string{"SSL_CERT_FILE="}, nil, "", ""},
		{"folders alone", "curl", []string{"SSL_CERT_DIR=HOME"}, nil, "", ""},
		{"curl's versions differ", "curl", []string{"SSL_CERT_FILE=OTHER", "SSL_CERT_DIR=HOME"}, nil, unknown, "SSL_CERT_FILE"},
		{"curl's settings", "curl", nil, map[string]string{".curlrc": "cacert = OTHER"}, missing, "HOME/.curlrc"},
		{"settings before variables", "curl", []string{"CURL_CA_BUNDLE=OTHER"}, map[string]string{".curlrc": "--cacert ROOT"}, trusted, "HOME/.curlrc"},
		{"settings elsewhere", "curl", []string{"XDG_CONFIG_HOME=HOME/c"}, map[string]string{"c/curlrc": "insecure"}, trusted, "HOME/c/curlrc"},
		{"other settings", "curl", nil, map[string]string{".curlrc": "silent"}, "", ""},

		{name: "wget knows no variable", client: "wget", env: []string{"SSL_CERT_FILE=OTHER"}},
		{"wget's settings", "wget", nil, map[string]string{".wgetrc": "CA-Certificate=ROOT"}, trusted, "HOME/.wgetrc"},
		{"beside the system's", "wget", nil, map[string]string{".wgetrc": "ca_certificate = OTHER"}, "", ""},
		{"wget accepts all", "wget", []string{"WGETRC=HOME/w"}, map[string]string{"w": "check_certificate = off"}, trusted, "HOME/w"},
		{"all users' settings", "wget", nil, map[string]string{"system/etc/wgetrc": "check_certificate = No"}, trusted, "HOME/system/etc/wgetrc"},
		{
			"the user's before all users'", "wget", nil,
			map[string]string{"system/etc/wgetrc": "check_certificate = off", ".wgetrc": "check-certificate = on"}, "", "",
		},
		{
			"all users' settings elsewhere", "wget", []string{"SYSTEM_WGETRC=HOME/w"},
			map[string]string{"system/etc/wgetrc": "check_certificate = off", "w": "ca_certificate=ROOT"}, trusted, "HOME/w",
		},
		{"wget's file in the home", "wget", nil, map[string]string{".wgetrc": "ca_certificate=~/d/root.pem", "d/root.pem": "PEM"}, trusted, "HOME/.wgetrc"},
		{"wget's folder", "wget", nil, map[string]string{".wgetrc": "ca_directory=~/d", "d/root.pem": "PEM"}, trusted, "HOME/.wgetrc"},
		{"wget's folder without the root", "wget", nil, map[string]string{".wgetrc": "ca_directory=HOME/d", "d/x": ""}, missing, "HOME/.wgetrc"},
		{"wget's folder is none", "wget", nil, map[string]string{".wgetrc": "ca_directory=/nonexistent"}, missing, "HOME/.wgetrc"},
		{"wget's folder is empty", "wget", nil, map[string]string{".wgetrc": "ca_directory="}, missing, "HOME/.wgetrc"},
		{
			"beside wget's folder", "wget", nil,
			map[string]string{"system/etc/wgetrc": "ca_directory=/nonexistent", ".wgetrc": "ca_certificate=ROOT"}, trusted, "HOME/.wgetrc",
		},
		{name: "wget's comment", client: "wget", files: map[string]string{".wgetrc": "# check_certificate = off"}},

		{name: "git knows no variable of OpenSSL", client: "git", env: []string{"SSL_CERT_FILE=OTHER"}},
		{"git's variable", "git", []string{"GIT_SSL_CAINFO=OTHER"}, nil, missing, "GIT_SSL_CAINFO"},
		{"git accepts all", "git", []string{"GIT_SSL_NO_VERIFY=0"}, nil, trusted, "GIT_SSL_NO_VERIFY"},
		{"git's settings", "git", nil, map[string]string{".gitconfig": "[http]\n\tsslCAInfo = ~/other.pem\n"}, missing, "http.sslCAInfo"},
		{"git told to accept all", "git", nil, map[string]string{".gitconfig": "[http]\nsslVerify = off"}, trusted, "http.sslVerify=false"},
		{"git verifies", "git", nil, map[string]string{".gitconfig": "[http]\nsslVerify"}, "", ""},
		{
			"git includes", "git", nil,
			map[string]string{".gitconfig": "[include]\npath = ~/x/inc", "x/inc": "[include]\npath=more", "x/more": "[http]\nsslverify=0"},
			trusted, "http.sslVerify=false",
		},
		{"git includes itself", "git", nil, map[string]string{".gitconfig": "[include]\npath=.gitconfig"}, unknown, ""},
		{"git cannot read it", "git", nil, map[string]string{".gitconfig": "[http\n"}, unknown, ""},
		{"for one host", "git", nil, map[string]string{".gitconfig": "[http \"https://x.example\"]\nsslVerify=false"}, "", ""},
		{"git's settings in variables", "git", []string{"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=http.sslVerify", "GIT_CONFIG_VALUE_0=false"}, nil, trusted, "http.sslVerify=false"},
		{
			"git's settings elsewhere", "git", []string{"GIT_CONFIG_GLOBAL=HOME/g"},
			map[string]string{".gitconfig": "[http]\nsslverify=0", "g": ""}, "", "",
		},

		{"node's own list", "node", nil, nil, missing, ""},
		{"node's own list has others", "node", []string{"NODE_EXTRA_CA_CERTS=OTHER"}, nil, missing, ""},
		{"node has the root", "node", []string{"NODE_EXTRA_CA_CERTS=ROOT"}, nil, trusted, "NODE_EXTRA_CA_CERTS"},
		{"a new node", "node", []string{"NODE_USE_SYSTEM_CA=1"}, nil, unknown, ""},
		{"a new node has the root anyway", "node", []string{"NODE_USE_SYSTEM_CA=1", "NODE_EXTRA_CA_CERTS=ROOT"}, nil, trusted, "NODE_EXTRA_CA_CERTS"},
		{"node as the system", "node", []string{"NODE_OPTIONS=--x --use-system-ca"}, nil, "", ""},
		{"node as OpenSSL", "node", []string{"NODE_OPTIONS=--use-openssl-ca", "SSL_CERT_FILE=OTHER"}, nil, missing, "SSL_CERT_FILE"},
		{"node accepts all", "node", []string{"NODE_TLS_REJECT_UNAUTHORIZED=0"}, nil, trusted, "NODE_TLS_REJECT_UNAUTHORIZED"},

		{"go reads all of the folder", "go", []string{"SSL_CERT_FILE=OTHER"}, nil, "", ""},
		{"go led away from both", "go", []string{"SSL_CERT_FILE=OTHER", "SSL_CERT_DIR=HOME"}, nil, missing, "SSL_CERT_FILE"},
		{"python", "python", []string{"SSL_CERT_FILE=OTHER"}, nil, missing, "SSL_CERT_FILE"},
		{"gnutls knows no variable", "gnutls-cli", []string{"SSL_CERT_FILE=OTHER", "SSL_CERT_DIR=HOME"}, nil, "", ""},
	} {
		t.Run(row.client+": "+row.name, func(t *testing.T) {
			m := newMachine(t)
			m.program("curl", "wget", "git", "node", "go", "python3", "gnutls-cli")
			fill := m.filler()
			for name, text := range row.files {
				m.put(filepath.Join(m.home, name), fill(text))
			}
			var env []string
			for _, pair := range row.env {
				env = append(env, fill(pair))
			}
			got := m.find(env...)[row.client]
			require.NotEmpty(t, got.Path)
			require.NotEmpty(t, got.Roots)
			require.Equal(t, row.state, got.State, got.Evidence)
			require.Equal(t, fill(row.override), got.Override)
			if row.state == missing {
				require.NotEmpty(t, got.Remedy)
			}
		})
	}
}

func TestUnixRequests(t *testing.T) {
	m := newMachine(t)
	m.program("python3")
	require.NotContains(t, m.find(), "python requests")
	modules := filepath.Join(filepath.Dir(m.bin), "lib", "python3.11", "site-packages")
	t.Cleanup(func() { _ = os.RemoveAll(filepath.Join(filepath.Dir(m.bin), "lib")) })
	m.put(filepath.Join(modules, "requests", "__init__.py"), "")
	require.Equal(t, "system", m.find()["python requests"].Store, "a distribution's certifi has no list")
	root, err := os.ReadFile(m.root)
	require.NoError(t, err)
	list := m.put(filepath.Join(modules, "certifi", "cacert.pem"), "x")
	got := m.find()["python requests"]
	require.Equal(t, devcert.Missing, got.State)
	require.Contains(t, got.Evidence, list)
	require.Equal(t, byVariable, got.Remedy)
	m.put(list, string(root))
	require.Equal(t, devcert.Trusted, m.find()["python requests"].State)
	got = m.find("CURL_CA_BUNDLE=" + m.other)["python requests"]
	require.Equal(t, devcert.Missing, got.State)
	require.Equal(t, "CURL_CA_BUNDLE", got.Override)
	require.Equal(t, devcert.Trusted, m.find("CURL_CA_BUNDLE="+m.other, "REQUESTS_CA_BUNDLE="+m.root)["python requests"].State)
}

func TestUnixRequestsBehindAShim(t *testing.T) {
	m := newMachine(t)
	m.bin = filepath.Join(m.home, ".pyenv", "shims")
	m.program("python3")
	m.put(filepath.Join(m.home, ".pyenv", "version"), "3.12.1\n3.11.7\n")
	for _, version := range []string{"3.12.1", "3.9.0"} {
		m.put(filepath.Join(m.home, ".pyenv", "versions", version, "lib", "python3.x", "site-packages", "requests", "__init__.py"), "")
	}
	m.put(filepath.Join(m.home, ".pyenv", "versions", "3.9.0", "lib", "python3.x", "site-packages", "certifi", "cacert.pem"), "")
	require.Equal(t, "system", m.find()["python requests"].Store)
	require.Equal(t, devcert.Missing, m.find("PYENV_VERSION=3.9.0")["python requests"].State)
	require.NotContains(t, m.find("PYENV_VERSION=3.8.1"), "python requests")
}

func TestUnixJava(t *testing.T) {
	m := newMachine(t)
	install := func(name, release string, files ...string) string {
		home := filepath.Join(m.home, "jvm", name)
		require.NoError(t, os.Chmod(m.put(filepath.Join(home, "bin", "java"), ""), 0o755))
		m.put(filepath.Join(home, "release"), release)
		for _, file := range files {
			m.put(filepath.Join(home, file), "")
		}
		return home
	}
	shared := m.put(filepath.Join(m.home, "shared"), "")
	seventeen := install("seventeen", "IMPLEMENTOR=\"x\"\nJAVA_VERSION=\"17.0.15\"\n", "lib/security/java.policy")
	require.NoError(t, os.Symlink(shared, filepath.Join(seventeen, "lib", "security", "cacerts")))
	require.NoError(t, os.Symlink(seventeen, filepath.Join(m.home, "jvm", "link")))
	install("eight", `JAVA_VERSION="1.8.0_452"`, "jre/lib/security/cacerts")
	own := install("twentyfive", `JAVA_VERSION="25"`, "lib/security/cacerts", "lib/security/jssecacerts")
	install("none", `JAVA_VERSION="11"`)
	install("nameless", "", "lib/security/cacerts")
	found := m.find("JAVA_HOME=" + own)
	require.Len(t, found, 4)
	require.Equal(t, shared, found["java 17"].Place)
	require.Equal(t, "java", found["java 17"].Store)
	require.Empty(t, found["java 17"].State)
	require.Contains(t, found["java 8"].Place, "jre/lib/security/cacerts")
	require.Equal(t, filepath.Join(own, "lib/security/jssecacerts"), found["java 25"].Place)
	require.Contains(t, found, "java")
	led := m.find("JAVA_TOOL_OPTIONS=-Xmx1g -Djavax.net.ssl.trustStore=/x")["java 8"]
	require.Equal(t, devcert.Unknown, led.State)
	require.Equal(t, "JAVA_TOOL_OPTIONS", led.Override)
}

func FuzzParseWgetrc(f *testing.F) {
	f.Add("ca_certificate = /x\n# y\nCheck-Certificate=off")
	fuzzlimit.Fuzz(f, func(t *testing.T, text string) {
		const ours = "\ncheck_certificate = off\n"
		if got := parseWgetrc(text + ours)["checkcertificate"]; got != "off" {
			t.Fatalf("the last one was read as %q", got)
		}
	})
}

func FuzzJavaName(f *testing.F) {
	f.Add("JAVA_VERSION=\"17.0.15\"\n")
	fuzzlimit.Fuzz(f, func(t *testing.T, text string) {
		home := t.TempDir()
		if os.WriteFile(filepath.Join(home, "release"), []byte(text), 0o600) != nil {
			t.Skip()
		}
		if name := javaName(home); name != "java" && len(name) > len("java ")+20 {
			t.Fatalf("%q", name)
		}
	})
}

func (m *machine) filler() func(string) string {
	return strings.NewReplacer("PEM", string(chain.EncodeCertificates(m.material.Root)), "ROOT", m.root, "OTHER", m.other, "HOME/", m.home+"/", "=HOME", "="+m.home).Replace
}

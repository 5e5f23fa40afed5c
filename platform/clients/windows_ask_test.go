package clients

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
)

// questionFor is one that nobody answers.
func questionFor(t *testing.T, direct bool, env ...string) *question {
	return &question{
		client: devcert.Client{Path: `C:\x.exe`}, name: "localhost", port: 4711, path: "/page", direct: direct, dir: t.TempDir(),
		user: &searcher{env: env, home: t.TempDir()},
	}
}

// No client is told to accept more than it would by itself, and all know the page.
func TestWindowsAsks(t *testing.T) {
	for _, k := range windowsKinds() {
		t.Run(k.name, func(t *testing.T) {
			require.Equal(t, k.ask == nil, k.unasked != "", "asked, or a reason why not")
			if k.ask == nil {
				require.Nil(t, k.version, "it is not run at all")
				return
			}
			require.Equal(t, k.mute, k.version == nil, "browsers, and they alone, open a window when asked for a version")
			for _, direct := range []bool{true, false} {
				q := questionFor(t, direct, `SystemRoot=C:\Windows`)
				how, err := k.ask(q)
				require.NoError(t, err)
				said := strings.Join(append(how.args, how.env...), "\n")
				require.Contains(t, said, q.url())
				for _, never := range []string{
					"insecure", "-k\n", "ignore-certificate", "SkipCertificateCheck", "ValidationCallback", "sslVerify", "test-type", "revoke",
				} {
					require.NotContains(t, said+"\n", never)
				}
			}
		})
	}
}

func TestAskPowerShell(t *testing.T) {
	inside, err := powershell("powershell", windowsModules).ask(questionFor(t, true, `SystemRoot=C:\Windows`))
	require.NoError(t, err)
	require.Equal(t, []string{"-NoLogo", "-NoProfile", "-NonInteractive", "-Command", webRequest}, inside.args)
	require.NotContains(t, webRequest, `"`, "it would be quoted twice")
	require.Contains(t, inside.env, "DEVCERT_PAGE=https://localhost:4711/page")
	require.Contains(t, inside.env, "DEVCERT_PROXY=")
	require.Contains(t, inside.env, `PSModulePath=C:\Windows\System32\WindowsPowerShell\v1.0\Modules`)
	outside, err := powershell("pwsh", "").ask(questionFor(t, false))
	require.NoError(t, err)
	require.Contains(t, outside.env, "DEVCERT_PROXY=http://127.0.0.1:4711")
	require.NotContains(t, strings.Join(outside.env, "\n"), "PSModulePath")
}

func TestAskGitWithItsSettings(t *testing.T) {
	roaming, home := t.TempDir(), t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(roaming, "Git"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(roaming, "Git", "config"), []byte("[a]b=c\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(home, ".gitconfig"), []byte("[d]e=f\n"), 0o600))
	q := questionFor(t, true, "APPDATA="+roaming, "HOME="+home)
	_, err := windowsGit().ask(q)
	require.NoError(t, err)
	for name, text := range map[string]string{"AppData/Roaming/Git/config": "[a]b=c\n", ".gitconfig": "[d]e=f\n"} {
		if !isAbsolute(home) {
			require.NoFileExists(t, filepath.Join(q.dir, name))
			continue
		}
		data, err := os.ReadFile(filepath.Join(q.dir, filepath.FromSlash(name)))
		require.NoError(t, err)
		require.Equal(t, text, string(data))
	}
}

// The folder of the user's settings is this system's: elsewhere none is absolute on
// Windows, and there is nothing to copy.
func TestAskCurlWithItsSettings(t *testing.T) {
	roaming := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(roaming, "_curlrc"), []byte("ssl-revoke-best-effort\n"), 0o600))
	q := questionFor(t, true, "APPDATA="+roaming)
	how, err := windowsCurl().ask(q)
	require.NoError(t, err)
	require.Contains(t, how.env, "CURL_HOME="+q.dir)
	for _, name := range []string{".curlrc", "_curlrc"} {
		if !isAbsolute(roaming) {
			require.NoFileExists(t, filepath.Join(q.dir, name))
			continue
		}
		data, err := os.ReadFile(filepath.Join(q.dir, name))
		require.NoError(t, err)
		require.Equal(t, "ssl-revoke-best-effort\n", string(data))
	}
}

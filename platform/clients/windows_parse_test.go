package clients

import (
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"devcert/scripts/fuzzlimit"
)

// settingsOf reads a file of git's, each setting as key=value, or key alone.
func settingsOf(text string) (all []string, err error) {
	err = parseGitConfig(text, func(key, value string, bare bool) error {
		if bare {
			all = append(all, key)
		} else {
			all = append(all, key+"="+value)
		}
		return nil
	}, "file")
	return all, err
}

// What git config --list says of the same text.
func TestParseGitConfig(t *testing.T) {
	for _, row := range []struct {
		name, text string
		want       []string
	}{
		{"nothing", "", nil},
		{"before the first section", "\nA = b\n[c]\nd=e", []string{"a=b", "c.d=e"}},
		{"comments", "# one\n; two\n[a] # three\n;b = c", nil},
		{"a setting", "[http]\n\tsslBackend = openssl\n", []string{"http.sslbackend=openssl"}},
		{"carriage returns and a byte order mark", "\uFEFF[http]\r\nsslVerify = false\r\n", []string{"http.sslverify=false"}},
		{"without a value", "[http]\nsslVerify\n[core]\nx =\n", []string{"http.sslverify", "core.x="}},
		{"on the section's line", "[http] a=1\n", []string{"http.a=1"}},
		{"no blanks, and many", "[http]a=1\n  b \t=\t 2  3 \t\n", []string{"http.a=1", "http.b=2  3"}},
		{"a section in quotes", `[http "https://X.test/"]` + "\na = b", []string{"http.https://X.test/.a=b"}},
		{"a section with a quote in it", `[a "x\"]y"]` + "\nb=c", []string{`a.x"]y.b=c`}},
		{"a section with a dot", "[HTTP.Sub]\nA=B", []string{"http.sub.a=B"}},
		{"a comment behind a value", "[a]\nb = c ; d\ne = f#g", []string{"a.b=c", "a.e=f"}},
		{"a value in quotes", `[a]` + "\n" + `b = " c ; # " d "` + "\n", nil},
		{"quotes around blanks", `[a]` + "\n" + `b = " c ; # " d`, []string{"a.b= c ; #  d"}},
		{"escapes", `[a]` + "\n" + `b = C:\\x \"y\" \tz\n`, []string{"a.b=C:\\x \"y\" \tz\n"}},
		{"over two lines", "[a]\nb = c\\\n d\ne=f", []string{"a.b=c d", "a.e=f"}},
		{"over two lines of Windows", "[a]\nb = c\\\r\n  d\r\n", []string{"a.b=c  d"}},
		{"a blank that is quoted stays at the end", `[a]` + "\n" + `b = c" "`, []string{"a.b=c "}},
	} {
		t.Run(row.name, func(t *testing.T) {
			all, err := settingsOf(row.text)
			if row.name == "a value in quotes" { // the last one is not closed
				require.ErrorContains(t, err, "file:")
				return
			}
			require.NoError(t, err)
			require.Equal(t, row.want, all)
		})
	}
}

func TestParseGitConfigRefuses(t *testing.T) {
	for _, row := range []struct{ name, text, where string }{
		{"a section that does not end", "[http", "file:"},
		{"a section of odd signs", "[ht?tp]\na=b", "file:1"},
		{"a section whose quote does not end", "[http \"x\na=b", "file:"},
		{"a section with words behind its quotes", `[http "x" y]`, "file:1"},
		{"a key of odd signs", "[a]\nb_c = d", "file:2"},
		{"a key that begins with a number", "[a]\n1b = d", "file:2"},
		{"an unknown escape", "[a]\nb = C:\\Users", "file:2"},
		{"words behind a key", "[a]\nb c", "file:2"},
	} {
		t.Run(row.name, func(t *testing.T) {
			all, err := settingsOf(row.text)
			require.ErrorContains(t, err, row.where)
			require.Empty(t, all)
		})
	}
	stop := errors.New("enough")
	require.ErrorIs(t, parseGitConfig("[a]\nb=c\nd=e", func(string, string, bool) error { return stop }, ""), stop)
}

// Git itself says what a text means, whatever stands in it.
func TestParseGitConfigAsGit(t *testing.T) {
	git, err := exec.LookPath("git")
	if err != nil {
		t.Skip("no git is installed")
	}
	parts := []string{
		"[", "]", "http", "a", "B", "=", " ", "\t", "\n", "\r\n", "\"", "\\", "#", ";", "t", "x y", ".", "-", "1", "_",
		"[a]\n", "[a \"b\"]\n", "k = v\n", "\\\n", "\\\"", "\\\\",
	}
	random := rand.New(rand.NewPCG(1, 2))
	file := filepath.Join(t.TempDir(), "config")
	understood := 0
	for range 400 {
		text := ""
		if random.IntN(3) > 0 {
			text = "[a]\n"
		}
		for range 1 + random.IntN(12) {
			text += parts[random.IntN(len(parts))]
		}
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		out, refused := exec.Command(git, "config", "--file", file, "--list", "-z").Output()
		var want []string
		for one := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
			if one != "" {
				want = append(want, strings.Replace(one, "\n", "=", 1))
			}
		}
		all, err := settingsOf(text)
		require.Equal(t, refused == nil, err == nil, "%q: git says %v, %v", text, refused, err)
		if err == nil {
			require.Equal(t, want, all, "%q", text)
			understood += len(want)
		}
	}
	require.Greater(t, understood, 10, "the texts were too odd to prove anything")
}

func FuzzParseGitConfig(f *testing.F) {
	for _, text := range []string{
		"[http]\n\tsslBackend = openssl\n", `[http "https://x"]` + "\na = \"b\\\" c\" # d", "[a.b]\r\nc\\\n = d\\\n e",
		"[include]\npath = ~/x", "[a]\nb = c\\", "[",
	} {
		f.Add(text)
	}
	fuzzlimit.Fuzz(f, func(t *testing.T, text string) {
		all, err := settingsOf(text)
		if err != nil {
			return
		}
		// Git takes more settings behind what it has understood, unless the text ended
		// within a line that goes on.
		more, err := settingsOf(text + "\n[more]\nlast = \"x\"\n")
		require.NoError(t, err)
		if !strings.HasSuffix(text, "\\") {
			require.Equal(t, append(all, "more.last=x"), more)
		}
	})
}

func TestParseCurlrc(t *testing.T) {
	for _, row := range []struct {
		name, text string
		want       curlrc
	}{
		{"nothing", "", curlrc{}},
		{"comments", "# insecure\n/ insecure\n* insecure\n  # insecure", curlrc{}},
		{"with dashes", "--insecure\r\n", curlrc{insecure: true}},
		{"in short", "-k", curlrc{insecure: true}},
		{"taken back", "insecure\nno-insecure", curlrc{}},
		{"not that option", "insecurely\nproxy-insecure", curlrc{}},
		{"revocation", " ssl-no-revoke\n\tssl-revoke-best-effort", curlrc{noRevoke: true, bestEffort: true}},
		{"a file behind a blank", "cacert C:\\x.pem more", curlrc{cacert: `C:\x.pem`}},
		{"a file behind a sign", "cacert=C:\\x.pem", curlrc{cacert: `C:\x.pem`}},
		{"a file behind a colon", "cacert : C:\\x.pem", curlrc{cacert: `C:\x.pem`}},
		{"a file in quotes", `cacert = "C:\\my \"own\".pem" # mine`, curlrc{cacert: `C:\my "own".pem`}},
		{"quotes that do not end", `cacert = "C:\\x`, curlrc{cacert: `C:\x`}},
		{"dashes take no sign", `--cacert=x.pem`, curlrc{}},
		{"dashes and a blank", `--cacert "x\tz"`, curlrc{cacert: "x\tz"}},
		{"the last one counts", "cacert a\ncacert b", curlrc{cacert: "b"}},
		{"a byte order mark", "\uFEFFinsecure", curlrc{insecure: true}},
	} {
		t.Run(row.name, func(t *testing.T) { require.Equal(t, row.want, parseCurlrc(row.text)) })
	}
}

func FuzzParseCurlrc(f *testing.F) {
	for _, text := range []string{"insecure", `cacert = "a\\b"`, "--cacert x\r\n-k", "no-ssl-no-revoke:\n\\", `cacert "`} {
		f.Add(text)
	}
	fuzzlimit.Fuzz(f, func(t *testing.T, text string) {
		rc := parseCurlrc(text)
		require.Empty(t, rc.path)
		if utf8.ValidString(text) {
			require.LessOrEqual(t, len(rc.cacert), len(text))
		}
		// A line of comment changes nothing; one more option counts.
		require.Equal(t, rc, parseCurlrc(text+"\n# insecure\n"))
		rc.cacert = "last"
		require.Equal(t, rc, parseCurlrc(text+"\ncacert=last"))
	})
}

func TestPaths(t *testing.T) {
	require.Equal(t, `C:\a\b\c`, join(`C:\a\`, `\b/c`))
	require.Equal(t, `\\server\share\x`, join(`\\server\share\`, "x"))
	require.Equal(t, `\\server\share`, join(`//server/share`))
	require.Equal(t, `C:\a`, folderOf(`C:\a\b`))
	require.Empty(t, folderOf("b"))
	require.Equal(t, "b", baseOf(`C:\a\b`))
	for path, is := range map[string]bool{
		`C:\a`: true, `c:/a`: true, `\\s\x`: true, `C:a`: false, `\a`: false, `a`: false, "": false, `1:\a`: false, `C:`: false,
	} {
		require.Equal(t, is, isAbsolute(path), path)
	}
}

func TestAtLeast(t *testing.T) {
	for _, row := range []struct {
		version      string
		newer, known bool
	}{
		{"22.19", true, true}, {"v22.20.1", true, true}, {"23.0.0", true, true}, {"22.18.9", false, true}, {"8.99", false, true},
		{"", false, false}, {"22", false, false}, {"new", false, false},
	} {
		newer, known := atLeast(row.version, 22, 19)
		require.Equal(t, []bool{row.newer, row.known}, []bool{newer, known}, row.version)
	}
}

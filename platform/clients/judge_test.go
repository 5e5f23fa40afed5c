package clients

import (
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/platform/run"
	"devcert/scripts/fuzzlimit"
)

func endingOf(status int) run.Ending { return run.Ending{Status: status} }

func TestLine(t *testing.T) {
	for _, row := range []struct{ name, stderr, stdout, want string }{
		{"the first with a letter", "---\n\n12%\nreason\nmore\n", "page", "reason"},
		{"OpenSSL's", "depth=1 CN = x\nverify error:num=20:unable to get local issuer certificate\n", "", "verify error:num=20:unable to get local issuer certificate"},
		{"output where nothing was complained of", "\n  \n", "page\n", "page"},
		{"nothing", "", "", ""},
		{"nothing that does something to a terminal", "\x1b]0;x\x07a\tb\u202e\xff\r\n", "", "]0;x a b"},
		{"cut", strings.Repeat("é", 500), "", strings.Repeat("é", maxLine-1) + "…"},
	} {
		t.Run(row.name, func(t *testing.T) {
			require.Equal(t, row.want, line(run.Ending{Stderr: []byte(row.stderr), Stdout: []byte(row.stdout)}))
		})
	}
}

func TestLastLine(t *testing.T) {
	end := run.Ending{Stderr: []byte("Picked up JAVA_TOOL_OPTIONS: -Dx\nreason\n\n")}
	require.Equal(t, "reason", lastLine(end))
	require.Empty(t, lastLine(run.Ending{}))
}

func TestVersionIn(t *testing.T) {
	for want, said := range map[string]run.Ending{
		"7.88.1":  {Stdout: []byte("curl 7.88.1 (x86_64-pc-linux-gnu) libcurl/7.88.1")},
		"25":      {Stderr: []byte(`openjdk version "25" 2025-09-16`)},
		"1.8.0":   {Stderr: []byte("Picked up JAVA_TOOL_OPTIONS: -Dx=/tmp/1234\nopenjdk version \"1.8.0_452\"")},
		"17.0.15": {Stderr: []byte(`openjdk version "17.0.15" 2025-04-15`)},
		"1.26.8":  {Stdout: []byte("go version go1.26.8 linux/amd64")},
		"20.20.2": {Stdout: []byte("v20.20.2\n")},
		"":        {Stdout: []byte("none")},
	} {
		require.Equal(t, want, versionIn(said))
	}
}

func TestKindOf(t *testing.T) {
	c := &Clients{kinds: []kind{{name: "python"}, {name: "python requests"}, {name: "firefox"}, {name: "java"}}}
	for name, want := range map[string]string{
		"python": "python", "python (/opt/python3)": "python", "python requests": "python requests",
		"python requests (/x)": "python requests", "firefox: work": "firefox", "java 17": "java",
		"javascript": "", "pythons": "", "": "",
	} {
		k, ok := c.kindOf(devcert.Client{Name: name})
		require.Equal(t, want, k.name, name)
		require.Equal(t, want != "", ok, name)
	}
}

func TestDistinct(t *testing.T) {
	all := distinct([]devcert.Client{{Name: "java 17", Path: "/a"}, {Name: "java 17", Path: "/b"}, {Name: "curl", Path: "/c"}})
	require.Equal(t, "java 17", all[0].Name)
	require.Equal(t, "java 17 (/b)", all[1].Name)
	require.Equal(t, "curl", all[2].Name)
}

func TestMerge(t *testing.T) {
	env := []string{"A=1", "B=2"}
	require.Equal(t, []string{"B=2", "A=3", "C="}, merge(env, []string{"A=3", "C="}))
	require.Equal(t, []string{"A=1", "B=2"}, env, "it was changed")
}

func FuzzPlain(f *testing.F) {
	f.Add([]byte("\x1b[31mred\r\n"))
	fuzzlimit.Fuzz(f, func(t *testing.T, data []byte) {
		got := line(run.Ending{Stderr: data})
		if len([]rune(got)) > maxLine {
			t.Fatalf("%d runes", len([]rune(got)))
		}
		for _, r := range got {
			if !unicode.IsPrint(r) {
				t.Fatalf("%q has %q", got, r)
			}
		}
	})
}

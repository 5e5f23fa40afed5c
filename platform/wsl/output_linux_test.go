package wsl

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/scripts/fuzzlimit"
)

const (
	empty   = "MAA="     // an empty one
	another = "MAMCAQE=" // one with a number
)

func TestParseLook(t *testing.T) {
	list := func(lines ...string) string {
		return "devcert look 1\r\n" + strings.Join(lines, "\r\n") + "\r\n"
	}
	for _, row := range []struct {
		name, out string
		want      int // certificates
		refused   string
	}{
		{"two", list(`CurrentUser\Root `+empty, `LocalMachine\Disallowed `+another, "end 2"), 2, ""},
		{"line feeds alone", "devcert look 1\nCurrentUser\\Root " + empty + "\nend 1\n", 1, ""},
		{"none", list("end 0"), 0, ""},
		{"nothing at all", "", 0, "has no end"},
		{"an empty line", "\r\n", 0, "something else"},
		{"the first line alone", "devcert look 1\r\n", 0, "something else"},
		{"the last line alone", "end 0\r\n", 0, "something else"},
		{"cut off in a line", list(`CurrentUser\Root ` + empty)[:30], 0, "has no end"},
		{"cut off behind a line", list(`CurrentUser\Root ` + empty), 0, "something else"},
		{"a line is lost", list(`CurrentUser\Root `+empty, "end 2"), 0, "something else"},
		{"a line too many", list(`CurrentUser\Root `+empty, "end 0"), 0, "something else"},
		{"a number that is written otherwise", list("end 00"), 0, "something else"},
		{"something behind", list("end 0", "end 0"), 0, "something else"},
		{"another version", strings.Replace(list("end 0"), "look 1", "look 2", 1), 0, "something else"},
		{"another store", list(`CurrentUser\My `+empty, "end 1"), 0, "not asked about"},
		{"another case", list(`currentuser\root `+empty, "end 1"), 0, "not asked about"},
		{"no certificate", list(`CurrentUser\Root `, "end 1"), 0, "no certificate"},
		{"not base64", list(`CurrentUser\Root !`, "end 1"), 0, "no certificate"},
		{"base64 of something else", list(`CurrentUser\Root aGFsbG8=`, "end 1"), 0, "no certificate"},
		{"base64 with stray bits", list(`CurrentUser\Root MAB=`, "end 1"), 0, "no certificate"},
		{"two in a line", list(`CurrentUser\Root `+empty+" "+empty, "end 1"), 0, "no certificate"},
		{"a bare carriage return", "devcert look 1\r\nCurrentUser\\Root MA\rA=\r\nend 1\r\n", 0, "other things"},
		{"UTF-16", "d\x00\r\x00\n\x00", 0, "other things"},
		{"translated words", "devcert look 1\r\nFehler: nicht zulässig\r\nend 1\r\n", 0, "other things"},
		{"it failed", "devcert look 1\r\nfailed 80070005\r\n", 0, "denies access"},
		{"it failed at once", "failed 80131509\r\n", 0, "0x80131509"},
		{"failed, with no number", "failed 8013150\r\n", 0, "something else"},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := parseLook([]byte(row.out))
			if row.refused != "" {
				require.ErrorContains(t, err, row.refused)
				require.Empty(t, got)
				return
			}
			require.NoError(t, err)
			require.Len(t, got, row.want)
		})
	}
}

func TestParseChange(t *testing.T) {
	for _, row := range []struct{ name, out, refused string }{
		{"done", "done\r\n", ""},
		{"done, with a line feed", "done\n", ""},
		{"no end", "done", "has no end"},
		{"twice", "done\r\ndone\r\n", "did not say"},
		{"in other words", "fertig\r\n", "did not say"},
		{"nothing", "", "has no end"},
		{"the person said no", "failed 800704C7\r\n", "said no"},
		{"lower case", "failed 800704c7\r\n", "said no"},
		{"not allowed", "failed 80070005\r\n", "denies access"},
		{"something else", "failed 80092004\r\n", "0x80092004"},
	} {
		t.Run(row.name, func(t *testing.T) {
			err := parseChange([]byte(row.out))
			if row.refused == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, row.refused)
		})
	}
}

// What is read is what was written, and nothing is read in two ways.
func FuzzParseLook(f *testing.F) {
	f.Add([]byte("devcert look 1\r\nCurrentUser\\Root MAA=\r\nLocalMachine\\Disallowed MAMCAQE=\r\nend 2\r\n"))
	f.Add([]byte("devcert look 1\nend 0\n"))
	f.Add([]byte("devcert look 1\r\nfailed 80070005\r\n"))
	f.Add([]byte("d\x00e\x00v\x00"))
	fuzzlimit.Fuzz(f, func(t *testing.T, out []byte) {
		entries, err := parseLook(out)
		if err != nil {
			if entries != nil {
				t.Fatal("an error beside certificates")
			}
			return
		}
		var again bytes.Buffer
		fmt.Fprintln(&again, lookFirst)
		for _, e := range entries {
			fmt.Fprintln(&again, e.in, base64.StdEncoding.EncodeToString(e.der))
		}
		fmt.Fprintln(&again, lookLast+fmt.Sprint(len(entries)))
		if want := strings.ReplaceAll(string(out), "\r\n", "\n"); again.String() != want {
			t.Fatalf("%q was read as %q", out, again.String())
		}
	})
}

func FuzzParseChange(f *testing.F) {
	f.Add([]byte("done\r\n"))
	f.Add([]byte("failed 800704C7\r\n"))
	fuzzlimit.Fuzz(f, func(t *testing.T, out []byte) {
		if parseChange(out) == nil && strings.TrimRight(string(out), "\r\n") != "done" {
			t.Fatalf("%q means done", out)
		}
	})
}

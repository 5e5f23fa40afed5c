package iis

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/scripts/fuzzlimit"
)

const fields = "#Software: Microsoft Internet Information Services 10.0\n#Version: 1.0\n#Date: 2026-11-20 10:00:00\n" +
	"#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status time-taken\n"

func logLine(clock, status string) string {
	return "2026-11-20 " + clock + " ::1 GET /secret - 44300 - ::1 curl/8 - " + status + " 3\n"
}

func on(clock string) time.Time {
	t, err := time.Parse(time.DateTime, "2026-11-20 "+clock)
	if err != nil {
		panic(err)
	}
	return t
}

func TestParseLog(t *testing.T) {
	for _, row := range []struct {
		name, log string
		want      []devcert.IISRefusal
	}{
		{"nothing was refused", fields + logLine("10:00:01", "200 0 0") + logLine("10:00:02", "403 14 0") + logLine("10:00:02", "500 0 0"), nil},
		{"each status", fields + logLine("10:00:01", "403 7 64") + logLine("10:00:02", "403 13 2148081683") + logLine("10:00:03", "403 16 2148204809") +
			logLine("10:00:04", "403 17 2148204801") + logLine("10:00:05", "500 0 64") + logLine("10:00:06", "500 0 995"), []devcert.IISRefusal{
			{Status: "500", Win32: 995, Times: 1, Last: on("10:00:06")}, {Status: "500", Win32: 64, Times: 1, Last: on("10:00:05")},
			{Status: "403.17", Win32: 0x800b0101, Times: 1, Last: on("10:00:04")}, {Status: "403.16", Win32: 0x800b0109, Times: 1, Last: on("10:00:03")},
			{Status: "403.13", Win32: 0x80092013, Times: 1, Last: on("10:00:02")}, {Status: "403.7", Win32: 64, Times: 1, Last: on("10:00:01")},
		}},
		{"counted", fields + logLine("10:00:01", "403 7 0") + strings.ReplaceAll(logLine("10:00:09", "403 7 0"), "\n", "\r\n") + logLine("10:00:02", "403 7 0"),
			[]devcert.IISRefusal{{Status: "403.7", Times: 3, Last: on("10:00:09")}}},
		{"other columns, then others again", "#Fields: sc-status sc-substatus sc-win32-status\n403 16 2148204809\n#Fields: sc-win32-status sc-substatus sc-status\n2148204809 16 403\n",
			[]devcert.IISRefusal{{Status: "403.16", Win32: 0x800b0109, Times: 2}}},
		{"lines that were cut", fields + "403 16 2148204809\n" + logLine("10:00:01", "403 16 2148204809")[:60] + "\n", nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := ParseLog(strings.NewReader(row.log))
			require.NoError(t, err)
			assert.Equal(t, row.want, got)
		})
	}
}

func TestBadLog(t *testing.T) {
	for _, row := range []struct{ name, log, want string }{
		{"empty", "", "it is not a W3SVC log"},
		{"another text", "hello\n403 16 2148204809\n", "it is not a W3SVC log"},
		{"columns are missing", "#Fields: date time sc-status\n", "sc-substatus"},
		{"one line", fields + strings.Repeat("x", maxLogLine+1), "a line is longer"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := ParseLog(strings.NewReader(row.log))
			require.ErrorContains(t, err, row.want)
		})
	}
}

func trace(status, data string) string {
	return `<?xml version="1.0" encoding="UTF-8"?>
<?xml-stylesheet type='text/xsl' href='freb.xsl'?>
<failedRequest url="https://localhost:443/secret" siteId="1" appPoolId="DefaultAppPool" verb="GET" failureReason="STATUS_CODE" statusCode="` + status + `" triggerStatusCode="403.16" timeTaken="0" xmlns:freb="http://schemas.microsoft.com/win/2006/06/iis/freb">
<Event xmlns="http://schemas.microsoft.com/win/2004/08/events/event"><System><TimeCreated SystemTime="2026-11-20T10:00:00.000Z"/></System>
<EventData><Data Name="ContextId">{1}</Data><Data Name="ErrorCode">` + data + `</Data></EventData></Event>
</failedRequest>`
}

func TestParseTrace(t *testing.T) {
	for _, row := range []struct {
		name, status, data string
		want               []devcert.IISRefusal
	}{
		{"403.16", "403.16", "A certificate chain processed, but terminated in a root certificate which is not trusted by the trust provider.&#13;&#10; (0x800b0109)",
			[]devcert.IISRefusal{{Status: "403.16", Win32: 0x800b0109, Times: 1, Last: on("10:00:00")}}},
		{"a number", "403.16", "2148204809", []devcert.IISRefusal{{Status: "403.16", Win32: 0x800b0109, Times: 1, Last: on("10:00:00")}}},
		{"a late question", "500", "The I/O operation has been aborted (0x800703e3)", []devcert.IISRefusal{{Status: "500", Win32: 995, Times: 1, Last: on("10:00:00")}}},
		{"another failure", "500", "0", nil},
		{"not found", "404", "The system cannot find the file specified. (0x80070002)", nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := ParseTrace([]byte(trace(row.status, row.data)))
			require.NoError(t, err)
			assert.Equal(t, row.want, got)
		})
	}
	for name, bad := range map[string]string{
		"another document": host(""), "cut": trace("403.16", "")[:300], "huge": trace("403.7", strings.Repeat(" ", maxConfig)),
	} {
		_, err := ParseTrace([]byte(bad))
		assert.Error(t, err, name)
	}
}

// Of a log that is too long the beginning is read, which has the columns, and the end.
func TestReadLog(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	long := fields + logLine("10:00:01", "403 7 0") + strings.Repeat(logLine("10:00:02", "200 0 0"), maxTail/60) + logLine("10:00:03", "403 7 0")
	require.Greater(t, len(long), maxTail+8<<10)
	path := write("u_ex.log", long)
	got, err := readLog(path)
	require.NoError(t, err)
	assert.Equal(t, []devcert.IISRefusal{{File: path, Status: "403.7", Times: 2, Last: on("10:00:03")}}, got)

	path = write("fr000001.xml", "\xef\xbb\xbf"+trace("403.16", "0x800b0109"))
	got, err = readLog(path)
	require.NoError(t, err)
	assert.Equal(t, path, got[0].File)
	assert.Equal(t, "403.16", got[0].Status)

	for _, bad := range []string{dir, filepath.Join(dir, "none"), write("a.txt", "text"), write("b.xml", "<a>")} {
		_, err := readLog(bad)
		assert.Error(t, err, bad)
	}
}

func FuzzParseLog(f *testing.F) {
	f.Add([]byte(fields + logLine("10:00:01", "403 16 2148204809")))
	f.Add([]byte("#Fields: sc-status sc-substatus sc-win32-status\n403 7 0\n"))
	fuzzlimit.Fuzz(f, func(t *testing.T, data []byte) {
		all, err := ParseLog(strings.NewReader(string(data)))
		for _, r := range all {
			if err != nil || r.Times < 1 || r.Status == "" {
				t.Fatal(r, err)
			}
		}
	})
}

func FuzzParseTrace(f *testing.F) {
	f.Add([]byte(trace("403.16", "(0x800b0109)")))
	f.Add([]byte(trace("500", "995")))
	fuzzlimit.Fuzz(f, func(t *testing.T, data []byte) {
		all, err := ParseTrace(data)
		if err != nil && (all != nil || strings.ContainsAny(err.Error(), "\n\x1b")) || len(all) > 1 {
			t.Fatal(all, err)
		}
	})
}

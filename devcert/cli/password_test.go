package cli

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
)

func TestPasswordsInFiles(t *testing.T) {
	for _, row := range []struct {
		name, text string
		want       string // the password, or what is wrong
		wrong      bool
	}{
		{"a line", "sesame\n", "sesame", false},
		{"without its end", "sesame", "sesame", false},
		{"of Windows", "sesame\r\n", "sesame", false},
		{"blanks are part of it", " open sesame \n", " open sesame ", false},
		{"beyond ASCII", "p\u00e4ss", "p\u00e4ss", false},
		{"nothing", "", "does not hold one line with a password", true},
		{"an empty line", "\n", "does not hold one line with a password", true},
		{"two lines", "open\nsesame\n", "does not hold one line with a password", true},
		{"long", string(make([]byte, maxPassword+1)), "does not hold one line with a password", true},
		{"a byte order mark", "\ufeffsesame\n", "begins with a byte order mark, which would be part of the password", true},
		{"a NUL", "ses\x00ame\n", "is not text in UTF-8", true},
		{"UTF-16", "\xff\xfes\x00e\x00", "is not text in UTF-8", true},
		{"UTF-16 without a mark", "s\x00e\x00", "is not text in UTF-8", true},
		{"Latin-1", "p\xe4ss", "is not text in UTF-8", true},
	} {
		t.Run(row.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "secret")
			require.NoError(t, os.WriteFile(path, []byte(row.text), 0o600))
			password, err := passwordIn(path)
			if !row.wrong {
				require.NoError(t, err)
				require.Equal(t, row.want, password)
				return
			}
			var wrong *devcert.UsageError
			require.ErrorAs(t, err, &wrong)
			require.Equal(t, path+" "+row.want, wrong.Problem)
		})
	}
}

func TestPasswordsThatAFileCannotHave(t *testing.T) {
	for password, want := range map[string]string{
		"sesame": "", "": "", "p\u00e4ss": "", "\xe4": "is not UTF-8", "a\x00b": "has a NUL", "\U0001f511": "beyond U+FFFF",
	} {
		got, err := fit(password, nil)
		if want == "" {
			require.NoError(t, err)
			require.Equal(t, password, got)
			continue
		}
		require.ErrorContains(t, err, want)
		require.Equal(t, exitUsage, exitCode(err))
	}
}

// What came out of a file does not steer the terminal on which it is told.
func TestErrorsDoNotSteer(t *testing.T) {
	require.Equal(t, []string{`a\x1b[31mb \u009b c`, "d"}, linesOf("a\x1b[31mb \u009b  c\n\nd"))
	require.Equal(t, `"a\nb"`, shown("a\nb"))
	require.Equal(t, "jos\u00e9 smith", shown("jos\u00e9 smith"))
	_, err := os.Open("no\nsuch file")
	require.Regexp(t, `^open "no\\nsuch file": [^\n]+$`, notRead("no\nsuch file", err))
}

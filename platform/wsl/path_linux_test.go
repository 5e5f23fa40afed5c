package wsl

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestComputePath(t *testing.T) {
	for _, row := range []struct{ name, path, mounts, distribution, want string }{
		{"at home", "/home/anna/root.pem", "/mnt", "Ubuntu", `\\wsl.localhost\Ubuntu\home\anna\root.pem`},
		{"a name with a dot", "/home/anna/root.pem", "/mnt", "Ubuntu-24.04", `\\wsl.localhost\Ubuntu-24.04\home\anna\root.pem`},
		{"on a drive", "/mnt/c/Users/anna/root.pem", "/mnt", "Ubuntu", `C:\Users\anna\root.pem`},
		{"on a drive elsewhere", "/windows/d/root.pem", "/windows", "Ubuntu", `D:\root.pem`},
		{"on a drive at the top", "/c/root.pem", "/", "Ubuntu", `C:\root.pem`},
		{"on a drive, whatever the name is", "/mnt/c/root.pem", "/mnt", "", `C:\root.pem`},
		{"beside the drives", "/mnt/wsl/root.pem", "/mnt", "Ubuntu", `\\wsl.localhost\Ubuntu\mnt\wsl\root.pem`},
		{"nobody knows the name", "/home/anna/root.pem", "/mnt", "", ""},
		{"a name that is a path", "/home/anna/root.pem", "/mnt", "a/b", ""},
		{"a letter that Windows does not have", "/home/a:b/root.pem", "/mnt", "Ubuntu", ""},
		{"a backslash", `/home/a\b/root.pem`, "/mnt", "Ubuntu", ""},
		{"a line feed", "/home/a\nb/root.pem", "/mnt", "Ubuntu", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			require.Equal(t, row.want, computePath(row.path, row.mounts, row.distribution))
		})
	}
}

func TestIsWindowsPath(t *testing.T) {
	for path, want := range map[string]bool{
		`\\wsl.localhost\Ubuntu\home\root.pem`: true,
		`\\wsl$\Ubuntu\home\root.pem`:          true,
		`C:\Users\anna\root.pem`:               true,
		`C:`:                                   false,
		`C:root.pem`:                           false,
		`/home/anna`:                           false,
		`\home`:                                false,
		"":                                     false,
		"C:\\a\nb":                             false,
		"C:\\a\"b":                             false,
		"C:\\a\x00b":                           false,
		"C:\\\xff":                             false,
	} {
		require.Equal(t, want, isWindowsPath(path), "%q", path)
	}
}

// Nothing in a path is ever understood by the shell that it is typed into.
func TestQuote(t *testing.T) {
	for path, want := range map[string]string{
		`\\wsl.localhost\Ubuntu-24.04\home\anna\root.pem`: `"\\wsl.localhost\Ubuntu-24.04\home\anna\root.pem"`,
		`C:\Users\Anna Bö\root.pem`:                       `"C:\Users\Anna Bö\root.pem"`,
		`\\wsl$\Ubuntu\root.pem`:                          `'\\wsl$\Ubuntu\root.pem'`,
		`C:\$(calc)\root.pem`:                             `'C:\$(calc)\root.pem'`,
		"C:\\a`b\\root.pem":                               "'C:\\a`b\\root.pem'",
		`C:\it's\root.pem`:                                `'C:\it''s\root.pem'`,
		"C:\\it’s\\root.pem":                              "'C:\\it’’s\\root.pem'",
		`C:\%PATH%\root.pem`:                              `'C:\%PATH%\root.pem'`,
	} {
		require.Equal(t, want, quote(path))
	}
}

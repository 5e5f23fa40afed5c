package firefox

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/scripts/fuzzlimit"
)

func TestEnterpriseRoots(t *testing.T) {
	const off, on = `user_pref("security.enterprise_roots.enabled", false);`, `user_pref("security.enterprise_roots.enabled", true);`
	tests := []struct {
		name        string
		prefs, user string // "-" for no such file
		on          bool
		evidence    string // the end of it, "" for none
	}{
		{"a new profile", "-", "-", true, ""},
		{"nothing about it", "user_pref(\"a\", false);\n", "", true, ""},
		{"off", "// Mozilla User Preferences\n\n" + off + "\n", "-", false, "prefs.js:3: security.enterprise_roots.enabled = false"},
		{"on", on, "-", true, "prefs.js:1: security.enterprise_roots.enabled = true"},
		{"user.js wins", on, "\n" + off, false, "user.js:2: security.enterprise_roots.enabled = false"},
		{"user.js wins the other way", off, on, true, "user.js:1: security.enterprise_roots.enabled = true"},
		{"the last one wins", off + on, "-", true, "prefs.js:1: security.enterprise_roots.enabled = true"},
		{"CRLF and byte order mark", "-", "\uFEFF// x\r\n" + off + "\r\n", false, "user.js:2: security.enterprise_roots.enabled = false"},
		{"commented out", "//" + off + "\n#" + off + "\n/* " + off + "\n*/", "-", true, ""},
		{"in another's value", `user_pref("a", "user_pref(\"security.enterprise_roots.enabled\", false);");`, "-", true, ""},
		{"another pref that ends so", `user_pref("x.security.enterprise_roots.enabled", false);`, "-", true, ""},
		{"blanks and quotes", "user_pref ( 'security.enterprise_roots.enabled' ,\n false ) ;", "-", false, "prefs.js:1: security.enterprise_roots.enabled = false"},
		{"escapes", `user_pref("security\x2eenterprise_roots.enabl\u0065d", false);`, "-", false, "prefs.js:1: security.enterprise_roots.enabled = false"},
		{"a string is no boolean", `user_pref("security.enterprise_roots.enabled", "false");`, "-", true, ""},
		{"a number is no boolean", `user_pref("security.enterprise_roots.enabled", 0);`, "-", true, ""},
		{"after a broken line", "user_pref(\"a\", \nuser_pref(\"b\" 1);\n" + off, "-", false, "prefs.js:3: security.enterprise_roots.enabled = false"},
		{"cut short", `user_pref("security.enterprise_roots.enabled", fal`, "-", true, ""},
		{"ends in an escape", `user_pref("security\`, "-", true, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			profile := t.TempDir()
			for name, text := range map[string]string{"prefs.js": test.prefs, "user.js": test.user} {
				if text != "-" {
					write(t, text, profile, name)
				}
			}
			on, evidence, err := EnterpriseRoots(profile)
			require.NoError(t, err)
			require.Equal(t, test.on, on)
			if test.evidence == "" {
				require.Empty(t, evidence)
				return
			}
			require.Equal(t, filepath.Join(profile, test.evidence), evidence)
		})
	}
}

func TestEnterpriseRootsThatCannotBeRead(t *testing.T) {
	profile := t.TempDir()
	mkdir(t, profile, "prefs.js")
	write(t, `user_pref("security.enterprise_roots.enabled", false);`, profile, "user.js")
	on, evidence, err := EnterpriseRoots(profile)
	require.ErrorContains(t, err, filepath.Join(profile, "prefs.js"))
	require.False(t, on, "user.js still has the last word")
	require.NotEmpty(t, evidence)
}

func FuzzLastBool(f *testing.F) {
	for _, seed := range []string{
		"user_pref(\"a\", false);\n", `user_pref("a\`, "/*", "//", "#", `'"`, "pref('a',true)", "\uFEFFuser_pref(\"a\" , true ) ;",
	} {
		f.Add([]byte(seed))
	}
	fuzzlimit.Fuzz(f, func(t *testing.T, data []byte) {
		const ours = "\nuser_pref(\"devcert\", false);"
		_, line, found := lastBool(data, "devcert")
		if lines := strings.Count(string(data), "\n") + 1; found && (line < 1 || line > lines) {
			t.Fatalf("line %d of %d", line, lines)
		}
		// In front of everything it is seen, whatever comes then, unless that
		// says something else of it.
		value, line, seen := lastBool(append([]byte(ours), data...), "devcert")
		if !found && (!seen || value || line != 2) {
			t.Fatalf("false in line 2 was read as %t in line %d, %t", value, line, seen)
		}
	})
}

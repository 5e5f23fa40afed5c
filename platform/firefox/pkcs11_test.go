package firefox

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/scripts/fuzzlimit"
)

const internalModule = "library=\nname=NSS Internal PKCS #11 Module\nparameters=configdir='sql:/home/anna/x' flags=optimizeSpace\n" +
	"NSS=Flags=internal,critical trustOrder=75\n"

const ourModule = "library=" + testModule + "\nname=devcert system trust\nNSS=trustOrder=100    \n"

func TestWithoutModule(t *testing.T) {
	const card = "library=/opt/card.so\nname=Card\n"
	tests := []struct {
		name, text, want string
		found            bool
	}{
		{"last", internalModule + "\n" + ourModule + "\n", internalModule + "\n", true},
		{"between", internalModule + "\n" + ourModule + "\n" + card + "\n", internalModule + "\n" + card + "\n", true},
		{"not there", internalModule + "\n" + card, internalModule + "\n" + card, false},
		{"the same library by another name", strings.Replace(ourModule, "devcert system trust", "mine", 1),
			strings.Replace(ourModule, "devcert system trust", "mine", 1), false},
		{"twice", ourModule + "\n\n" + ourModule, "", true},
		{"CRLF", strings.ReplaceAll(card+"\n"+ourModule, "\n", "\r\n"), strings.ReplaceAll(card+"\n", "\n", "\r\n"), true},
		{"empty", "", "", false},
		{"no end of line", card + "\n" + strings.TrimRight(ourModule, "\n"), card + "\n", true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, found := withoutModule([]byte(test.text), moduleName)
			require.Equal(t, test.want, string(got))
			require.Equal(t, test.found, found)
		})
	}
}

func FuzzParseModules(f *testing.F) {
	for _, seed := range []string{internalModule + "\n" + ourModule, "\n\n", "name=devcert system trust", "\r\n=\r\n"} {
		f.Add([]byte(seed))
	}
	fuzzlimit.Fuzz(f, func(t *testing.T, data []byte) {
		end := 0
		for _, m := range parseModules(data) {
			if m.start < end || m.end <= m.start || m.end > len(data) {
				t.Fatalf("lines %d to %d after %d of %d", m.start, m.end, end, len(data))
			}
			end = m.end
		}
		without, found := withoutModule(data, moduleName)
		if found != (len(without) < len(data)) {
			t.Fatalf("%q became %q", data, without)
		}
		for _, m := range parseModules(without) {
			if m.name == moduleName {
				t.Fatalf("still in %q", without)
			}
		}
	})
}

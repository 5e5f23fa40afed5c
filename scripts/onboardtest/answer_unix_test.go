//go:build unix

package onboardtest

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

type object = map[string]any

var (
	stores = []object{
		{"name": "system", "kind": "trust", "path": "/bundle", "wanted": true, "state": "trusted"},
		{"name": "system", "kind": "trust", "path": "/anchor", "wanted": true, "state": "trusted"},
		{"name": "java", "kind": "trust", "path": "/cacerts", "wanted": true, "state": "missing"},
		{"name": "chromium", "kind": "trust", "path": "/nssdb", "wanted": true, "state": "trusted"},
		{"name": "firefox", "kind": "trust", "path": "/profile", "wanted": false, "state": "trusted"},
		{"name": "dotnet", "kind": "personal", "path": "/my", "wanted": true, "state": "trusted"},
	}
	made    = object{"what": "hierarchy", "where": "root, leaf", "changed": true, "elapsedMs": 1.5, "error": nil}
	kept    = object{"what": "ports", "where": "44300-44399", "changed": false, "elapsedMs": 0, "error": nil}
	lost    = object{"kind": "trust-missing", "severity": "error", "where": "x", "message": "the system store lacks the root", "remedy": "devcert repair", "repairable": true}
	variant = object{"kind": "env-override", "severity": "warning", "where": "y", "message": "NODE_EXTRA_CA_CERTS is set", "remedy": "unset it", "repairable": false}
)

// TestAnswers has what the script makes of each code of devcert's. DEVCERT stands
// for the path of the program.
func TestAnswers(t *testing.T) {
	for _, row := range []struct {
		name string
		doc  object
		args []string
		want string
	}{
		{
			"set up",
			object{"exit": 0, "stores": stores, "steps": []object{made, kept}},
			nil,
			"devcert: set up; https://localhost is trusted by: system, chromium\n  hierarchy: root, leaf\n",
		},
		{
			"unchanged, with steps that changed nothing",
			object{"exit": 0, "stores": stores, "steps": []object{kept}},
			nil,
			"devcert: unchanged; https://localhost is trusted by: system, chromium\n",
		},
		{"unchanged without stores", object{"exit": 0}, nil, "devcert: unchanged\n"},
		{
			"a warning",
			object{"exit": 0, "findings": []object{variant}},
			nil,
			"devcert: unchanged\nto know:\n  env-override: NODE_EXTRA_CA_CERTS is set\n    to cure it:  unset it\n",
		},
		{
			"a file that was found, and asks for more",
			object{"exit": 0, "config": object{"path": "/r/devcert.json", "found": true, "held": []string{"permit com"}, "command": "devcert setup --config /r/devcert.json"}},
			nil,
			"devcert: unchanged\n/r/devcert.json asks for more, which counts only with:\n  DEVCERT setup --config /r/devcert.json\n",
		},
		{
			"failed",
			object{"exit": 1, "error": "write /a: no space", "remedy": "make room"},
			nil,
			"devcert: failed: write /a: no space\nmake room\n",
		},
		{
			"refused",
			object{"exit": 2, "error": "bad port \"x\"", "remedy": "for instance 44300\nor none"},
			nil,
			"devcert: refused, and nothing was changed: bad port \"x\"\nfor instance 44300\nor none\n",
		},
		{
			"attention",
			object{"exit": 3, "findings": []object{lost}},
			nil,
			"devcert: not all is right\nwrong:\n  trust-missing: the system store lacks the root\n    to cure it:  DEVCERT repair\nto see all of it:  DEVCERT status\n",
		},
		{
			"a dry run",
			object{"exit": 3, "findings": []object{lost}, "steps": []object{kept}},
			[]string{"--dry-run"},
			"devcert: would change:\n  ports: 44300-44399\n",
		},
		{
			"a person is needed",
			object{"exit": 5, "error": "this needs a yes", "remedy": "to say it:  devcert setup --non-interactive --json --permit a.test --yes", "findings": []object{lost}},
			nil,
			"devcert: needs a person: this needs a yes\nto say it:  DEVCERT setup --permit a.test --yes\n" +
				"type it at a terminal where somebody can answer, then run this again\n",
		},
		{
			"done in part",
			object{"exit": 6, "error": "firefox: locked", "steps": []object{made}, "findings": []object{lost}},
			nil,
			"devcert: done in part: firefox: locked\n  hierarchy: root, leaf\nwrong:\n  trust-missing: the system store lacks the root\n" +
				"    to cure it:  DEVCERT repair\nto try that part again:  DEVCERT repair\n",
		},
		{
			"what JSON escapes, and what would steer a terminal",
			object{"exit": 1, "error": "\"a\\b\" <c> & \x1b[2Jd\té \\u003c"},
			nil,
			"devcert: failed: \"a\\b\" <c> & \\u001b[2Jd\\té \\u003c\n",
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			p := newPlace(t)
			devcert := p.program("bin/devcert", p.answer(row.doc))
			for _, shell := range shells(t) {
				p.shell = shell
				r := p.with("DEVCERT=bin/devcert").onboard(row.args...)
				require.Equal(t, row.doc["exit"], r.code, "%s: %s", shell, r)
				require.Empty(t, r.stderr, "%s", shell)
				quoted := "'" + strings.ReplaceAll(devcert, "'", `'\''`) + "'"
				require.Equal(t, strings.ReplaceAll(row.want, "DEVCERT", quoted), r.stdout, "%s", shell)
			}
		})
	}
}

// TestTheAdministratorsLine is exit 4: the line of devcert's as it is, and one for
// somebody else who acts for this user.
func TestTheAdministratorsLine(t *testing.T) {
	p := newPlace(t)
	id := strings.Fields(p.run("sh", "-c", `echo "$(id -un) $(id -u)"`).stdout)
	p.program("devcert", p.answer(object{
		"exit": 4, "error": "rights", "remedy": "sudo '/a b/devcert' setup --non-interactive --json --yes", "steps": []object{made},
	}))
	r := p.with("DEVCERT=./devcert").onboard()
	require.Equal(t, 4, r.code, "%s", r)
	require.Equal(t, `devcert: what is left needs administrator rights
  hierarchy: root, leaf
run, if you may use sudo:
  sudo '/a b/devcert' setup --yes
or have an administrator run, for you:
  sudo env SUDO_USER=`+id[0]+` SUDO_UID=`+id[1]+` '/a b/devcert' setup --yes
then run this again: it says unchanged when nothing is left
`, r.stdout)
}

// TestArgumentsArePassedOn has them reach devcert as they are.
func TestArgumentsArePassedOn(t *testing.T) {
	p := newPlace(t)
	p.program("devcert", p.answer(object{"exit": 0}))
	r := p.with("DEVCERT=devcert").onboard("--config", "a file.json", "--name", "*", "--name=$(id)", "")
	require.Zero(t, r.code, "%s", r)
	noted, err := os.ReadFile(p.noted())
	require.NoError(t, err)
	require.Equal(t, "setup\n--non-interactive\n--json\n--config\na file.json\n--name\n*\n--name=$(id)\n\n", string(noted))
}

// TestNoAnswer is a devcert that does not do as devcert does: one line, exit 1.
func TestNoAnswer(t *testing.T) {
	for _, row := range []struct{ name, text string }{
		{"prints nothing", "#!/bin/sh\n"},
		{"fails and prints nothing", "#!/bin/sh\nexit 4\n"},
		{"prints something else", "#!/bin/sh\necho '{ no JSON'\nexit 0\n"},
		{"prints another document", "#!/bin/sh\nprintf '{\\n  \"schema\": 2,\\n  \"exit\": 0\\n}\\n'\n"},
		{"prints half of a document", "#!/bin/sh\nprintf '{\\n  \"schema\": 1,\\n  \"exit\": 0,\\n'\n"},
		{"ends otherwise than it says", "#!/bin/sh\nprintf '{\\n  \"schema\": 1,\\n  \"exit\": 0\\n}\\n'\nexit 3\n"},
		{"complains", "#!/bin/sh\necho 'no such library' >&2\necho 'and more' >&2\nexit 127\n"},
		{"is killed", "#!/bin/sh\nkill -9 $$\n"},
		{"has an interpreter that is missing", "#!/nowhere/sh\n"},
		{"is for another machine", "\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00"},
	} {
		t.Run(row.name, func(t *testing.T) {
			p := newPlace(t)
			p.program("devcert", row.text)
			for _, shell := range shells(t) {
				p.shell = shell
				r := p.with("DEVCERT=devcert").onboard()
				require.Equal(t, 1, r.code, "%s: %s", shell, r)
				require.Empty(t, r.stdout, "%s", shell)
				require.Regexp(t, `\Aonboard: [^\n]+\n\z`, r.stderr, "%s", shell)
			}
			left, err := os.ReadDir(strings.TrimPrefix(p.env[len(p.env)-1], "TMPDIR="))
			require.NoError(t, err)
			require.Empty(t, left)
		})
	}
}

// TestNothingIsAsked is a devcert that would read an answer: there is none, however
// the script was started.
func TestNothingIsAsked(t *testing.T) {
	p := newPlace(t)
	p.program("devcert", "#!/bin/sh\nif read -r answer; then exit 9; fi\n"+strings.TrimPrefix(p.answer(object{"exit": 0}), "#!/bin/sh\n"))
	q := p.with("DEVCERT=devcert")
	for _, line := range []string{
		`exec sh "$0" <&-`,
		`echo yes | sh "$0"`,
		`sh <"$0"`,      // as in curl … | sh
		`cat "$0" | sh`, // the script itself is what there is to read
	} {
		r := q.run("sh", "-c", line, script(t))
		require.Zero(t, r.code, "%s: %s", line, r)
		require.Equal(t, "devcert: unchanged\n", r.stdout, line)
		require.Empty(t, r.stderr, line)
	}
}

// TestHelp runs nothing, wherever it is asked for.
func TestHelp(t *testing.T) {
	p := newPlace(t)
	p.program("devcert", "#!/bin/sh\nexit 9\n")
	for _, args := range [][]string{{"--help"}, {"-h"}, {"--name", "a.test", "--help"}, {"--which", "--help"}} {
		r := p.with("DEVCERT=devcert").onboard(args...)
		require.Zero(t, r.code, "%s", r)
		require.Contains(t, r.stdout, "usage: onboard.sh", "%v", args)
	}
}

//go:build unix

package cli_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"devcert/devcert/cli"
)

// typedLines are completed by every shell: line is what stands there when tab was
// pressed at the end of typed.
var typedLines = []struct{ name, typed, line string }{
	{"a command", "devcert stat", "devcert status"},
	{"a command below one", "devcert ports unb", "devcert ports unbind"},
	{"a command behind help", "devcert help por", "devcert help ports"},
	{"a flag", "devcert setup --perm", "devcert setup --permit"},
	{"a flag behind a name", "devcert issue x --sel", "devcert issue x --self-signed"},
	{"an issued name", "devcert revoke bo", "devcert revoke bob"},
	{"an issued name with an at sign", "devcert revoke al", "devcert revoke alice@example.org"},
	{"the part behind the at sign", "devcert revoke alice@ex", "devcert revoke alice@example.org"},
	{"an issued name behind a flag", "devcert revoke --dry-run bo", "devcert revoke --dry-run bob"},
	{"an issued name as a value", "devcert ports bind 8443 --cert=al", "devcert ports bind 8443 --cert=alice@example.org"},
	{"an issued name in another folder", "devcert --home $OTHER revoke ca", "devcert --home $OTHER revoke carol"},
	{"in another folder below HOME", "devcert revoke --home ~/other ca", "devcert revoke --home ~/other carol"},
	{"a value", "devcert setup --key e", "devcert setup --key ecdsa"},
	{"a value behind =", "devcert setup --key=e", "devcert setup --key=ecdsa"},
	{"a flaw", "devcert issue x --flaw wrong-u", "devcert issue x --flaw wrong-use"},
	{"a symptom", "devcert doctor --symptom err-conn", "devcert doctor --symptom err-connection-reset"},
	{"a kind", "devcert explain intermediate-in", "devcert explain intermediate-in-root"},
	{"a further kind", "devcert repair --only trust-missing,key-m", "devcert repair --only trust-missing,key-missing"},
	{"a shell", "devcert completion f", "devcert completion fish"},
	{"a file", "devcert export root --out on", "devcert export root --out one.pem"},
	{"a file behind =", "devcert export root --out=on", "devcert export root --out=one.pem"},
	{"a file or a name", "devcert check-client on", "devcert check-client one.pem"},
	{"a folder, and no file", "devcert issue x --out fo", "devcert issue x --out folder/"},
	{"a folder behind =", "devcert issue x --out=fo", "devcert issue x --out=folder/"},
	{"behind a name of other letters", "devcert issue Jürgen --sel", "devcert issue Jürgen --self-signed"},
	{"a name that devcert never gave", "devcert revoke ev", "devcert revoke ev"},
	{"a second name, where one is taken", "devcert revoke bob al", "devcert revoke bob al"},
	{"nothing that is typed is run", "devcert issue $(touch HIT) --sel", "devcert issue $(touch HIT) --self-signed"},
	{"nothing that is quoted either", `devcert issue "$(touch HIT)" --sel`, `devcert issue "$(touch HIT)" --self-signed`},
}

// shellMachine is a machine for a shell: an empty HOME, and a folder where it runs.
type shellMachine struct {
	dir string
	env []string
}

func newShellMachine(t *testing.T, shell string) *shellMachine {
	t.Helper()
	if _, err := exec.LookPath(shell); err != nil {
		t.Skip(shell + " is not installed")
	}
	program, err := exec.LookPath("devcert") // this test binary, see TestMain
	require.NoError(t, err)
	locale := "C.UTF-8"
	if runtime.GOOS == "darwin" { // whose C is ASCII
		locale = "en_US.UTF-8"
	}
	home := t.TempDir()
	m := &shellMachine{dir: filepath.Join(home, "here")}
	for path, names := range map[string][]string{
		"state": {"alice@example.org", "bob", "evil$(touch HIT)", "evil;touch HIT"}, "other": {"carol"},
	} {
		for _, name := range names {
			dir := filepath.Join(home, path, "issued", name)
			require.NoError(t, os.MkdirAll(dir, 0o700))
			require.NoError(t, os.WriteFile(filepath.Join(dir, name+".pem"), nil, 0o600))
		}
	}
	require.NoError(t, os.MkdirAll(filepath.Join(m.dir, "folder"), 0o700))
	for _, name := range []string{"one.pem", "form.txt"} {
		require.NoError(t, os.WriteFile(filepath.Join(m.dir, name), nil, 0o600))
	}
	m.env = []string{
		"HOME=" + home, "DEVCERT_HOME=" + filepath.Join(home, "state"), "OTHER=" + filepath.Join(home, "other"),
		"PATH=" + filepath.Dir(program) + ":/usr/local/bin:/usr/bin:/bin", "TERM=dumb", "LC_ALL=" + locale, "MACHINE=" + home,
		"XDG_CONFIG_HOME=" + filepath.Join(home, "config"), "XDG_DATA_HOME=" + filepath.Join(home, "data"),
	}
	return m
}

// run starts a shell in a session of its own, so that it takes no terminal from
// whoever runs the test, and returns what it prints.
func (m *shellMachine) run(t *testing.T, input, shell string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, shell, args...)
	cmd.Dir, cmd.Env, cmd.Stdin = m.dir, m.env, strings.NewReader(input)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	require.NoError(t, cmd.Run(), "%s\n%s", out.String(), said.String())
	return out.String()
}

// check demands what stands in typedLines of the lines that a shell has made.
func (m *shellMachine) check(t *testing.T, got []string) {
	t.Helper()
	require.Len(t, got, len(typedLines), "%q", got)
	for i, row := range typedLines {
		assert.Equal(t, row.line, strings.TrimRight(got[i], " "), row.name)
	}
	_, err := os.Stat(filepath.Join(m.dir, "HIT"))
	assert.ErrorIs(t, err, os.ErrNotExist, "something that was typed or read was run")
}

func everyTyped() (all []string) {
	for _, row := range typedLines {
		all = append(all, row.typed)
	}
	return all
}

// bash reads what is typed from a pipe as it does from a terminal.
func TestBashCompletes(t *testing.T) {
	for name, before := range map[string]string{
		"as it comes":     "",
		"fewer breaks":    `COMP_WORDBREAKS=$' \t\n"\'><;|&('; set -u`,
		"another's taste": "LC_ALL=C; shopt -s nullglob dotglob extglob nocasematch",
	} {
		t.Run(name, func(t *testing.T) {
			m := newShellMachine(t, "bash")
			if version := m.run(t, "", "bash", "-c", "echo ${BASH_VERSINFO[0]}"); version < "4" {
				t.Skip("this bash, as macOS has it, cannot choose between words and files: " + version)
			}
			var input strings.Builder
			input.WriteString("PS1= PS2=; source <(devcert completion bash); bind 'set bell-style none'; " + before + "\n" +
				`bind -x '"\C-xq": printf "\n<<%s>>\n" "$READLINE_LINE"; READLINE_LINE='` + "\n")
			for _, typed := range everyTyped() {
				input.WriteString(typed + "\t\x18q")
			}
			input.WriteString("\n")
			var got []string
			for _, part := range strings.Split(m.run(t, input.String(), "bash", "--norc", "--noprofile", "-i"), "\n<<")[1:] {
				line, _, _ := strings.Cut(part, ">>\n")
				got = append(got, line)
			}
			m.check(t, got)
		})
	}
}

func TestZshCompletes(t *testing.T) {
	driver, err := filepath.Abs(filepath.Join("testdata", "completion", "drive.zsh"))
	require.NoError(t, err)
	for name, start := range map[string]string{
		"sourced":       "autoload -Uz compinit; compinit -u -D; source <(devcert completion zsh)",
		"in its folder": "fpath=(~/functions $fpath); autoload -Uz compinit; compinit -u -D",
	} {
		t.Run(name, func(t *testing.T) {
			m := newShellMachine(t, "zsh")
			functions := filepath.Join(filepath.Dir(m.dir), "functions")
			require.NoError(t, os.MkdirAll(functions, 0o755))
			require.NoError(t, os.WriteFile(filepath.Join(functions, "_devcert"), cli.CompletionScripts()["_devcert"], 0o644))
			out := m.run(t, "", "zsh", append([]string{"-f", driver, start}, everyTyped()...)...)
			m.check(t, strings.Split(strings.TrimSuffix(out, "\n"), "\n"))
		})
	}
}

// fish tells what it would offer, each behind a tab with what it is.
func TestFishCompletes(t *testing.T) {
	m := newShellMachine(t, "fish")
	const script = `devcert completion fish | source
for typed in $argv
    complete -C "$typed"
    echo "<<>>"
end`
	out := m.run(t, "", "fish", append([]string{"--no-config", "-c", script, "--"}, everyTyped()...)...)
	parts := strings.Split(out, "<<>>\n")
	require.Len(t, parts, len(typedLines)+1)
	var got []string
	for i, row := range typedLines {
		// What it offers takes the place of the last word.
		at := strings.LastIndex(row.typed, " ") + 1
		line := row.typed
		for offered := range strings.Lines(parts[i]) {
			value, _, _ := strings.Cut(strings.TrimRight(offered, "\n"), "\t")
			if line = row.typed[:at] + value; line == row.line {
				break
			}
		}
		got = append(got, line)
	}
	m.check(t, got)
	assert.Contains(t, parts[0], "status\tsay what is right and wrong now")
}

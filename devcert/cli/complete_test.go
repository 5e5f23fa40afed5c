package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/urfave/cli/v2"

	"devcert/devcert"
	"devcert/devcert/chain"
	"devcert/devcert/disk"
	"devcert/devcert/symptom"
	"devcert/scripts/fuzzlimit"
)

// issuedIn makes a state folder in which names were issued, as far as looking at
// the names tells.
func issuedIn(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		path := disk.Folder{Path: dir}.IssuedPath(name, ".pem")
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, nil, 0o600))
	}
	return dir
}

type namedStore struct {
	devcert.Store
	name string
}

func (s namedStore) Name() string { return s.name }

func completing(env map[string]string) *program {
	return &program{env: env, now: time.Now, newHost: func(o devcert.HostOptions) (*devcert.Host, error) {
		return &devcert.Host{StateDir: o.StateDir, Stores: []devcert.Store{namedStore{name: "system"}, namedStore{name: "java"}}}, nil
	}}
}

func TestComplete(t *testing.T) {
	state, other := issuedIn(t, "alice@example.org", "bob", ".hidden", "-flag", "a b", "x;y"), issuedIn(t, "carol")
	require.NoError(t, os.MkdirAll(filepath.Join(state, disk.GroupsDir, "partners"), 0o700))
	require.NoError(t, os.MkdirAll(filepath.Join(state, "issued", "empty"), 0o700))
	issued := "alice@example.org bob"
	tests := []struct {
		name  string
		words []string
		want  string // some of them, in this order; all where they end with a dot
	}{
		{"commands", []string{""}, "setup status doctor"},
		{"commands below one", []string{"ports", ""}, "list bind unbind."},
		{"commands behind help", []string{"help", "group", ""}, "list create disable enable."},
		{"no command of that name", []string{"nonsense", ""}, "--json"},
		{"names that were issued", []string{"revoke", ""}, issued + "."},
		{"one name is enough", []string{"revoke", "bob", "x"}, "."},
		{"behind it only flags", []string{"revoke", "bob", ""}, "--dry-run --yes"},
		{"of another folder", []string{"revoke", "--home", other, ""}, "carol."},
		{"of another folder, before", []string{"--home=" + other, "revoke", ""}, "carol."},
		{"of another folder, behind the home", []string{"--home", "~/" + filepath.Base(other), "revoke", ""}, "carol."},
		{"of another folder, by a variable", []string{"--home", "$O", "revoke", ""}, "carol."},
		{"flags", []string{"revoke", "-"}, "--dry-run --yes --json --quiet --verbose --home --timeout --non-interactive --no-color --help."},
		{"flags that are not given yet", []string{"version", "--json", "-q", "--no-color", "-"}, "--verbose --home --timeout --non-interactive --help."},
		{"flags that repeat", []string{"setup", "--name", "x", "-"}, "--name --remove-name"},
		{"flags behind names", []string{"issue", "x", "--cl"}, "--client --server"},
		{"none behind --", []string{"revoke", "--", "-"}, issued + "."},
		{"keys", []string{"setup", "--key", ""}, "rsa ecdsa."},
		{"keys behind =", []string{"setup", "--key=e"}, "--key=rsa --key=ecdsa."},
		{"scopes", []string{"setup", "--scope", ""}, "machine user."},
		{"stores", []string{"setup", "--stores", ""}, "all none system java."},
		{"further stores", []string{"setup", "--stores", "java,"}, "java,all java,none java,system."},
		{"kinds", []string{"repair", "--only", ""}, "binding-foreign binding-missing"},
		{"further kinds", []string{"repair", "--only=trust-denied,tr"}, "--only=trust-denied,trust-missing"},
		{"forms of PFX", []string{"issue", "--pfx", ""}, "modern legacy none."},
		{"forms of logs", []string{"serve", "--log", ""}, "text json off."},
		{"modes", []string{"serve", "--client-cert", ""}, "none request require."},
		{"flaws", []string{"issue", "--flaw", ""}, "expired not-yet-valid"},
		{"shells of env", []string{"env", "--shell", ""}, "bash zsh fish powershell cmd docker github."},
		{"shells of completion", []string{"completion", ""}, "bash zsh fish powershell."},
		{"servers", []string{"check-client", "x", "--server", ""}, "aspnetcore iis nginx openssl serve."},
		{"symptoms", []string{"doctor", "--symptom", ""}, "cert-e-untrustedroot err-cert-authority-invalid"},
		{"explained", []string{"explain", ""}, "trust-missing err-connection-reset"},
		{"exports", []string{"export", ""}, "root root-der chain pfx"},
		{"certificates of ports", []string{"ports", "bind", "8443", "--cert", ""}, issued + " localhost."},
		{"files and certificates", []string{"check-client", ""}, "files " + issued + "."},
		{"groups", []string{"group", "disable", ""}, "partners."},
		{"groups to issue for", []string{"issue", "x", "--group="}, "--group=partners."},
		{"no group to make", []string{"group", "create", "p"}, "."},
		{"files", []string{"export", "root", "--out", ""}, "files."},
		{"folders", []string{"setup", "--home", ""}, "folders."},
		{"folders before a command", []string{"--home", ""}, "folders."},
		{"yes or no", []string{"ports", "bind", "--client-certs="}, "--client-certs=true --client-certs=false."},
		{"a value of any kind", []string{"setup", "--permit", ""}, "."},
		{"no flag of that name", []string{"setup", "--nonsense="}, "."},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a := completing(map[string]string{"DEVCERT_HOME": state, "HOME": filepath.Dir(other), "O": other}).complete(test.words)
			got := []string{}
			if kind := a.whichPaths(); kind != noPaths {
				got = append(got, string(kind))
			}
			for _, o := range a.options {
				got = append(got, o.value)
			}
			want, all := strings.CutSuffix(test.want, ".")
			if all {
				assert.Equal(t, strings.Fields(want), got)
				return
			}
			assert.Subset(t, got, strings.Fields(want))
		})
	}
}

// What is offered is taken, so that no list stays behind what a command takes.
func TestCompletedValuesAreTaken(t *testing.T) {
	p := completing(nil)
	of := func(words ...string) []string {
		var all []string
		for _, o := range p.complete(append(words, "")).options {
			all = append(all, o.value)
		}
		require.NotEmpty(t, all)
		return all
	}
	for _, value := range of("issue", "--key") {
		_, err := chain.ParseKeyType(value)
		assert.NoError(t, err)
	}
	for _, value := range of("issue", "--pfx") {
		_, err := pfxStyle(value)
		assert.NoError(t, err)
	}
	for _, value := range of("doctor", "--symptom") {
		_, ok := symptom.Recognise(value)
		assert.True(t, ok, value)
	}
	for _, value := range of("export") {
		_, err := devcert.ExportNamed(value)
		assert.NoError(t, err)
	}
	for _, value := range of("setup", "--scope") {
		_, err := devcert.DefaultConfig().With(devcert.Request{Scope: value}, nil)
		assert.NoError(t, err)
	}
	for _, value := range of("setup", "--stores") {
		_, err := devcert.DefaultConfig().With(devcert.Request{Stores: []string{value}}, []string{"system", "java"})
		assert.NoError(t, err)
	}
}

// A word that help shows for a value means the same everywhere, or says where: one
// of a flag or command that is gone is completed for nobody.
func TestCompletedWordsAreInTheTree(t *testing.T) {
	there := map[string]bool{}
	var walk func(path string, commands []*cli.Command)
	walk = func(path string, commands []*cli.Command) {
		for _, c := range commands {
			name := strings.TrimSpace(path + " " + c.Name)
			args := strings.TrimSuffix(c.ArgsUsage, "…")
			there[args], there[name+" "+args] = true, true
			for _, f := range c.Flags {
				word, _ := usageOf(f)
				there[word], there["--"+f.Names()[0]+" "+word] = true, true
			}
			walk(name, c.Subcommands)
		}
	}
	walk("", (&program{}).commands())
	for key := range wordValues() {
		assert.True(t, there[key], "nothing in the tree takes %q", key)
	}
}

func TestBashLine(t *testing.T) {
	tests := []struct {
		name, line, end string // end is the word as bash sees it
		want            string
	}{
		{"a word", "devcert sta", "sta", "words status"},
		{"two blanks, a tab", "devcert  \tsta", "sta", "words status"},
		{"the program's own name", "devc", "devc", ""},
		{"nothing", "", "", ""},
		{"behind =", "devcert setup --key=e", "e", "words ecdsa"},
		{"behind =, nothing yet", "devcert setup --key=", "", "words rsa ecdsa"},
		{"= is no break", "devcert setup --key=e", "--key=e", "words --key=ecdsa"},
		{"in a quote", `devcert setup --key="e`, "e", "words ecdsa"},
		{"behind a quote", `devcert setup --"key"=e`, "e", "words ecdsa"},
		{"a quote within", `devcert re'voke' bo`, "bo", "words bob"},
		{"an escape", `devcert setup --k\ey e`, "e", "words ecdsa"},
		{"a name behind @", "devcert revoke alice@", "@", "words @example.org"},
		{"what has to be quoted", "devcert revoke al", "al", "words alice@example.org"},
		{"a redirection", "devcert env > f", "f", "files"},
		{"a redirection without blanks", "devcert env >f", "f", "files"},
		{"behind a redirection", "devcert 2>x sta", "sta", "words status"},
		{"another command", "devcert env | de", "de", ""},
		{"a command in another", "devcert issue $(x (y) z) --cli", "--cli", "words --client"},
		{"within another", "echo $(devcert sta", "sta", ""},
		{"what only the shell can tell", "devcert `x` sta", "sta", ""},
		{"a quote around it", "devcert issue '$(x)' --cli", "--cli", "words --client"},
		{"an end that is none", "devcert setup --ke", "no", "words --key --keep-root-key"},
	}
	state := issuedIn(t, "alice@example.org", "bob")
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var out strings.Builder
			p := completing(map[string]string{"DEVCERT_HOME": state})
			p.out = &output{Writer: &out}
			p.answerTo("bash", []string{test.line, test.end})
			assert.ElementsMatch(t, strings.Fields(test.want), strings.Fields(out.String()))
		})
	}
}

// Each shell gets what its script reads, and nothing where something is wrong.
func TestAnswer(t *testing.T) {
	missing := func(devcert.HostOptions) (*devcert.Host, error) { return nil, os.ErrNotExist }
	tests := []struct {
		name, shell string
		args        []string
		newHost     NewHost
		want        string
	}{
		{"zsh chooses itself", "zsh", []string{"setup", "--scope", "u"}, nil, "words\nmachine\t\nuser\t\n"},
		{"fish too", "fish", []string{"export", "truststore", "--force", "--out", ""}, nil, "files\n"},
		{"what an option is", "fish", []string{"ports", "u"}, nil, "words\n" +
			"list\tlist the ports and what each is bound to\nbind\tbind ports to the leaf, and keep them bound\n" +
			"unbind\tunbind ports, and keep them unbound\n"},
		{"PowerShell, with a dot before each", "powershell", []string{".setup", ".--scope", ".u"}, nil, "words\nuser\t\n"},
		{"PowerShell, nothing yet", "powershell", []string{".setup", ".--scope", "."}, nil, "words\nmachine\t\nuser\t\n"},
		{"bash without its word", "bash", []string{"devcert sta"}, nil, ""},
		{"no words", "zsh", nil, nil, ""},
		{"no shell of that name", "tcsh", []string{"sta"}, nil, ""},
		{"no state folder", "zsh", []string{"revoke", ""}, missing, "words\n"},
		{"no such folder", "zsh", []string{"group", "enable", "--home", "/nowhere/at/all", ""}, nil, "words\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var out strings.Builder
			p := completing(nil)
			p.out = &output{Writer: &out}
			if test.newHost != nil {
				p.newHost = test.newHost
			}
			p.answerTo(test.shell, test.args)
			got := out.String()
			if strings.HasPrefix(got, "words\n--") { // where nothing else fits, flags do
				got = "words\n"
			}
			assert.Equal(t, test.want, got)
		})
	}
}

func TestQuoted(t *testing.T) {
	tests := []struct {
		word  string
		quote rune
		want  string
	}{
		{"*.app.test", 0, `\*.app.test`},
		{"$(rm x)", 0, `\$\(rm\ x\)`},
		{"~a", 0, `\~a`},
		{"ü", 0, "ü"},
		{"it's", '"', "it's"},
		{"it's", '\'', ""},
		{"$x", '"', ""},
		{"$x", '\'', "$x"},
		{"a\nb", 0, ""},
	}
	for _, test := range tests {
		got, ok := quoted(test.word, test.quote)
		if !ok {
			got = ""
		}
		assert.Equal(t, test.want, got)
	}
}

func FuzzBashLine(f *testing.F) {
	f.Add("devcert revoke al", "al")
	f.Add(`devcert "a\"b" 'c' 2>x \`, "")
	p := completing(nil)
	fuzzlimit.Fuzz(f, func(t *testing.T, line, end string) {
		var out strings.Builder
		p.out = &output{Writer: &out}
		p.answerTo("bash", []string{line, end})
		if out.Len() > 0 && !strings.HasPrefix(out.String(), "words\n") && !strings.HasPrefix(out.String(), "files\n") && !strings.HasPrefix(out.String(), "folders\n") {
			t.Fatalf("%q", out.String())
		}
	})
}

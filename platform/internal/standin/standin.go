package standin

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Settings are what a test wants of the machine.
type Settings struct {
	// Root says that whoever runs the tool is root.
	Root bool
	// Answer is the person's to macOS' question: "yes", "no", "nobody" where there
	// is no screen to ask at, "never" where nothing comes.
	Answer string
	// Rule is that of changing trust settings: "ask", "allow", "allow-root".
	Rule string
	// Broken names commands that fail without doing anything.
	Broken []string
}

// Machine is a stand-in and the folders it acts on.
type Machine struct {
	t    testing.TB
	Root string // to be put before every path
	Home string // of the user
}

// Run runs the tests of a package, unless this process is the stand-in: the same
// program by the tool's name.
func Run(m *testing.M) int {
	if filepath.Base(os.Args[0]) == "security" {
		syscall.Exit(beTool()) // the race detector makes os.Exit wait for a second
	}
	return m.Run()
}

// New makes a machine with its two keychains, empty, on which everything is allowed.
func New(t testing.TB) *Machine {
	root := t.TempDir()
	m := &Machine{t: t, Root: root, Home: filepath.Join(root, "Users", "anna")}
	require.NoError(t, os.MkdirAll(m.path("usr/bin"), 0o755))
	self, err := os.Executable()
	require.NoError(t, err)
	require.NoError(t, os.Symlink(self, m.path("usr/bin/security")))
	for _, keychain := range []string{m.System(), m.Login(), m.path("System/Library/Keychains/SystemRootCertificates.keychain")} {
		require.NoError(t, os.MkdirAll(filepath.Dir(keychain), 0o755))
		require.NoError(t, os.WriteFile(keychain, nil, 0o600))
	}
	m.Set(Settings{Answer: "yes", Rule: "ask"})
	return m
}

func (m *Machine) path(name string) string { return filepath.Join(m.Root, filepath.FromSlash(name)) }

// System is the path of the administrators' keychain.
func (m *Machine) System() string { return m.path("Library/Keychains/System.keychain") }

// Login is the path of the user's.
func (m *Machine) Login() string {
	return filepath.Join(m.Home, "Library", "Keychains", "login.keychain-db")
}

// Set changes the settings.
func (m *Machine) Set(s Settings) {
	data, err := json.Marshal(s)
	require.NoError(m.t, err)
	require.NoError(m.t, replace(m.path("usr/bin/settings.json"), data))
}

// replace writes a file as a whole: several tools run at the same time, and one
// must not read what another has half written.
func replace(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

// Asked is how often a person was asked since the last time.
func (m *Machine) Asked() int { return len(m.take("usr/bin/asked")) }

// Calls are the commands since the last time, without those that only look.
func (m *Machine) Calls() (changes []string) {
	for _, call := range m.take("usr/bin/calls") {
		switch name, _, _ := strings.Cut(call, " "); name {
		case "find-certificate", "find-identity", "verify-cert", "trust-settings-export", "authorizationdb":
		default:
			changes = append(changes, name)
		}
	}
	return changes
}

// Arguments are the whole of all calls since the last time.
func (m *Machine) Arguments() []string { return m.take("usr/bin/calls") }

func (m *Machine) take(name string) []string {
	data, err := os.ReadFile(m.path(name))
	if os.IsNotExist(err) {
		return nil
	}
	require.NoError(m.t, err)
	require.NoError(m.t, os.Remove(m.path(name)))
	return strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
}

// Run runs the stand-in as a person would, and wants it to succeed.
func (m *Machine) Run(args ...string) {
	tool, err := open(m.path("usr/bin/security"), m.Home)
	require.NoError(m.t, err)
	tool.Answer, tool.Rule, tool.Root, tool.Broken = "yes", "ask", true, nil
	var said strings.Builder
	require.Zero(m.t, tool.run(args, &said, &said), "security %v: %s", args, said.String())
}

// beTool is the program.
func beTool() int {
	tool, err := open(os.Args[0], os.Getenv("HOME"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 99
	}
	note(tool.beside("calls"), strings.Join(os.Args[1:], " "))
	return tool.run(os.Args[1:], os.Stdout, os.Stderr)
}

func note(path, line string) {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	defer f.Close()
	fmt.Fprintln(f, line)
}

// tool is one run of it.
type tool struct {
	Settings
	folder, root, home string
	out, err           io.Writer
}

func open(path, home string) (*tool, error) {
	folder := filepath.Dir(path)
	t := &tool{folder: folder, root: filepath.Dir(filepath.Dir(folder)), home: home}
	data, err := os.ReadFile(t.beside("settings.json"))
	if err != nil {
		return nil, err
	}
	return t, json.Unmarshal(data, &t.Settings)
}

func (t *tool) beside(name string) string { return filepath.Join(t.folder, name) }

// usage is the status with which the tool says that it does not understand.
const usage = 2

func (t *tool) run(args []string, out, err io.Writer) int {
	t.out, t.err = out, err
	if len(args) == 0 {
		return usage
	}
	for _, broken := range t.Broken {
		if broken == args[0] {
			return t.complain("SecKeychainSearchCopyNext", "Ein interner Fehler ist aufgetreten.", 1)
		}
	}
	commands := map[string]func([]string) int{
		"find-certificate": t.findCertificate, "find-identity": t.findIdentity,
		"trust-settings-export": t.export, "verify-cert": t.verify, "authorizationdb": t.authorization,
		"add-trusted-cert": t.addTrusted, "remove-trusted-cert": t.removeTrusted,
		"add-certificates": t.addCertificates, "import": t.importItems,
		"delete-certificate": t.deleteCertificate, "delete-identity": t.deleteIdentity,
	}
	do, known := commands[args[0]]
	if !known {
		return usage
	}
	return do(args[1:])
}

func (t *tool) complain(function, words string, status int) int {
	fmt.Fprintf(t.err, "%s: %s\n", function, words)
	return status
}

// allowed asks for the right to change trust settings.
func (t *tool) allowed(function string, admin bool) (status int) {
	if t.Rule == "allow" || t.Rule == "allow-root" && t.Root && admin {
		return 0
	}
	note(t.beside("asked"), function)
	switch t.Answer {
	case "yes":
		return 0
	case "no":
		return t.complain(function, "Die Autorisierung wurde vom Benutzer abgebrochen.", 1)
	case "nobody":
		return t.complain(function, "Die Autorisierung wurde verweigert, da niemand gefragt werden konnte.", 1)
	}
	time.Sleep(time.Minute)
	return 1
}

// options are what a command was given, in getopt's manner: letters with a colon
// take a value, and the first word that is no option ends them.
type options struct {
	flags  map[byte][]string
	others []string
}

func parse(args []string, letters string) (options, bool) {
	o := options{flags: map[byte][]string{}}
	for len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' {
		word := args[0][1:]
		args = args[1:]
		for len(word) > 0 {
			letter := word[0]
			at := strings.IndexByte(letters, letter)
			word = word[1:]
			if at < 0 || letter == ':' {
				return o, false
			}
			value := ""
			if strings.HasPrefix(letters[at+1:], ":") {
				if word == "" && len(args) == 0 {
					return o, false
				}
				if value, word = word, ""; value == "" {
					value, args = args[0], args[1:]
				}
			}
			o.flags[letter] = append(o.flags[letter], value)
		}
	}
	o.others = args
	return o, true
}

func (o options) has(letter byte) bool { return len(o.flags[letter]) > 0 }

func (o options) value(letter byte) string {
	if !o.has(letter) {
		return ""
	}
	return o.flags[letter][len(o.flags[letter])-1]
}

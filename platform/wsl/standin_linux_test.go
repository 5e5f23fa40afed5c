package wsl

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/stretchr/testify/require"

	"devcert/devcert/chain"
)

// TestMain is also what stands in for programs of Windows' and WSL's, told so by
// the name it is called by: nothing else of this process reaches it. It ends by
// syscall.Exit, because os.Exit sleeps a second where races are looked for.
func TestMain(m *testing.M) {
	switch filepath.Base(os.Args[0]) {
	case "powershell.exe":
		syscall.Exit(bePowerShell(os.Args[0], os.Args[1:]))
	case "wslpath":
		syscall.Exit(beWSLPath(os.Args[1:]))
	}
	os.Exit(m.Run())
}

// windows is the machine that the stand-in acts on: what is in its stores, and
// how whoever sits there, and whoever administers it, would have it.
type windows struct {
	Stores map[place][][]byte
	Dialog string // "yes", "no" or "" for nobody
	Policy bool   // users may not change their roots
	Mode   string // how powershell.exe misbehaves; "" when it does not
	Socket string // the only WSL_INTEROP that leads to Windows; "" for any
}

const worldFile = "windows.json"

// The scripts that the stand-in knows, by the SHA-256 of what they are: whoever
// changes one must look whether it does the same for it.
var knownScripts = map[string]string{
	"204420c95b159289eb71e8b12f26f323c46d4ca815e74c1682ef320821b602ba": "look",
	"0ac94c44bb27285cc4e57cedcb5f0849a3e42008306fde795722d4a30a4d9465": "add",
	"afe55ca3409b552be340cdd5415adfe79f437e7f5cb6222ae5607d80d189c35e": "remove",
}

// bePowerShell is as strict as the real one, and stricter: it starts in a folder
// of Windows', sees no variable but those that WSL needs, and runs nothing that it
// does not know.
func bePowerShell(self string, args []string) int {
	root := filepath.Dir(self)
	for ; root != "/"; root = filepath.Dir(root) {
		if _, err := os.Stat(filepath.Join(root, worldFile)); err == nil {
			break
		}
	}
	script, why := understand(self, args)
	if why != "" {
		return refuse(why)
	}
	file := filepath.Join(root, worldFile)
	data, err := os.ReadFile(file)
	var w windows
	if err != nil || json.Unmarshal(data, &w) != nil {
		return refuse("there is no Windows")
	}
	note(root, script)
	if socket := os.Getenv(interopVariable); w.Socket != "" && socket != w.Socket {
		return 1 // as WSL's program does, without a word
	}
	code := w.run(script)
	if data, err = json.Marshal(w); err == nil {
		err = os.WriteFile(file, data, 0o600)
	}
	if err != nil {
		return refuse(err.Error())
	}
	return code
}

func refuse(why string) int {
	fmt.Fprintln(os.Stderr, "the stand-in refuses: "+why)
	return 99
}

// note remembers what was asked for.
func note(root, script string) {
	log, err := os.OpenFile(filepath.Join(root, "asked"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err == nil {
		fmt.Fprintln(log, script)
		log.Close()
	}
}

func understand(self string, args []string) (script, why string) {
	if here, _ := os.Getwd(); here != filepath.Dir(self) {
		return "", "it was started in " + here
	}
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		if !slices.Contains([]string{"PATH", "LANG", "LC_ALL", "PWD", interopVariable, nameVariable}, name) {
			return "", "it was given " + name
		}
	}
	last := len(args) - 1
	if last < 0 || !slices.Equal(args[:last], []string{
		"-NoLogo", "-NoProfile", "-NonInteractive", "-InputFormat", "None", "-OutputFormat", "Text", "-EncodedCommand",
	}) {
		return "", "its arguments are others"
	}
	wide, err := base64.StdEncoding.Strict().DecodeString(args[last])
	if err != nil || len(wide)%2 != 0 {
		return "", "the script is not encoded"
	}
	units := make([]uint16, len(wide)/2)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(wide[2*i:])
	}
	sum := sha256.Sum256([]byte(string(utf16.Decode(units))))
	if script = knownScripts[hex.EncodeToString(sum[:])]; script == "" {
		return "", "it does not know the script " + hex.EncodeToString(sum[:])
	}
	return script, ""
}

func (w *windows) run(script string) int {
	var out bytes.Buffer
	code := 0
	switch script {
	case "look":
		w.look(&out)
	default:
		if number := w.change(script); number != 0 {
			code = 1
			fmt.Fprintf(&out, "failed %08X\n", number)
		} else {
			fmt.Fprintln(&out, "done")
		}
	}
	return w.misbehave(out.String(), code)
}

// misbehave writes what a script wrote, as Windows ends its lines, or not.
func (w *windows) misbehave(text string, code int) int {
	crlf := strings.ReplaceAll(text, "\n", "\r\n")
	switch w.Mode {
	case "hangs":
		time.Sleep(time.Minute)
	case "line feeds":
		fmt.Print(text)
	case "garbage":
		fmt.Print("Die Benennung \"X509Store\" wurde nicht gefunden.\r\n")
	case "a word before":
		fmt.Print("WARNING: something\r\n" + crlf)
	case "a word behind":
		fmt.Print(crlf + "something\r\n")
	case "cut":
		fmt.Print(crlf[:len(crlf)/2])
	case "a line lost":
		at := strings.Index(crlf, "\n") + 1
		fmt.Print(crlf[:at] + crlf[at+strings.Index(crlf[at:], "\n")+1:])
	case "UTF-16":
		for _, unit := range utf16.Encode([]rune(crlf)) {
			os.Stdout.Write(binary.LittleEndian.AppendUint16(nil, unit))
		}
	case "nothing":
	case "not allowed":
		fmt.Print("failed 80131509\r\n")
		return 1
	case "ends badly":
		fmt.Print(crlf)
		return 3
	case "too much":
		fmt.Print(strings.Repeat("x", 5<<20))
	default:
		fmt.Print(crlf)
	}
	return code
}

// seen is what a program sees of a store: in the user's also the machine's.
func (w *windows) seen(in place) [][]byte {
	if _, name, _ := strings.Cut(string(in), `\`); strings.HasPrefix(string(in), "CurrentUser") {
		return append(slices.Clone(w.Stores[in]), w.Stores[place(`LocalMachine\`+name)]...)
	}
	return w.Stores[in]
}

func (w *windows) look(out io.Writer) {
	count := 0
	fmt.Fprintln(out, "devcert look 1")
	for _, in := range []place{userRoot, userBanned, machineRoot, machineBanned} {
		for _, der := range w.seen(in) {
			fmt.Fprintf(out, "%s %s\n", in, base64.StdEncoding.EncodeToString(der))
			count++
		}
	}
	fmt.Fprintf(out, "end %d\n", count)
}

// change is what Windows' API does, and the number of why it does not.
func (w *windows) change(script string) uint32 {
	text, _ := io.ReadAll(os.Stdin)
	der, err := base64.StdEncoding.Strict().DecodeString(strings.TrimSpace(string(text)))
	if err != nil {
		return 0x80131537 // FormatException
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return 0x80092009 // CRYPT_E_NO_MATCH: no certificate
	}
	same := func(other []byte) bool { return bytes.Equal(other, cert.Raw) }
	if script == "add" {
		w.Stores[userBanned] = slices.DeleteFunc(w.Stores[userBanned], same)
	}
	there := slices.ContainsFunc(w.Stores[userRoot], same)
	if there == (script == "add") {
		if script == "remove" && slices.ContainsFunc(w.Stores[machineRoot], same) {
			return accessDenied // what is found by way of the user's is the machine's
		}
		return 0
	}
	switch {
	case w.Policy:
		return accessDenied
	case w.Dialog == "":
		time.Sleep(time.Minute)
	case w.Dialog != "yes":
		return cancelled
	}
	if w.Stores[userRoot] = slices.DeleteFunc(w.Stores[userRoot], same); script == "add" {
		w.Stores[userRoot] = append(w.Stores[userRoot], cert.Raw)
	}
	return 0
}

// beWSLPath answers for files that are there, as old ones did, and only where it
// knows what the distribution is called.
func beWSLPath(args []string) int {
	if len(args) != 2 || args[0] != "-w" || os.Getenv(nameVariable) == "" {
		return 1
	}
	if _, err := os.Stat(args[1]); err != nil {
		return 1
	}
	fmt.Println(`\\wsl.localhost\` + os.Getenv(nameVariable) + `\asked` + strings.ReplaceAll(args[1], "/", `\`))
	return 0
}

// world is a Linux under Windows in a folder.
type world struct {
	t     *testing.T
	root  string
	store *Store
	said  []string
}

// newWorld has all that belongs to it but the tools that a test installs, and a
// person who says yes.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, root: t.TempDir()}
	w.write("/proc/sys/kernel/osrelease", "5.15.167.4-microsoft-standard-WSL2\n")
	w.write("/proc/sys/fs/binfmt_misc/WSLInterop", "enabled\n")
	w.install("/mnt/c/" + powershell)
	w.become(windows{Dialog: "yes"})
	w.store = &Store{
		Env:         []string{interopVariable + "=/run/WSL/8_interop", nameVariable + "=Ubuntu", "HOME=/home/anna", "WSLENV=HOME"},
		StateDir:    "/home/anna/.local/share/devcert",
		Interactive: true, root: w.root, Say: func(line string) { w.said = append(w.said, line) },
		shorterLook: 30 * time.Second, hastier: 30 * time.Second, // a busy machine is slow to start anything
	}
	return w
}

func (w *world) path(name string) string { return filepath.Join(w.root, name) }

func (w *world) write(name, text string) {
	w.t.Helper()
	require.NoError(w.t, os.MkdirAll(filepath.Dir(w.path(name)), 0o755))
	require.NoError(w.t, os.WriteFile(w.path(name), []byte(text), 0o644))
}

// install puts this very program where a tool is looked for.
func (w *world) install(name string) {
	w.t.Helper()
	self, err := os.Executable()
	require.NoError(w.t, err)
	require.NoError(w.t, os.MkdirAll(filepath.Dir(w.path(name)), 0o755))
	require.NoError(w.t, os.Symlink(self, w.path(name)))
}

// become makes Windows what it is to be.
func (w *world) become(now windows) {
	w.t.Helper()
	if now.Stores == nil {
		now.Stores = map[place][][]byte{}
	}
	now.Stores[machineRoot] = append(now.Stores[machineRoot], strangers(w.t)...)
	data, err := json.Marshal(now)
	require.NoError(w.t, err)
	w.write(worldFile, string(data))
}

func (w *world) windows() windows {
	w.t.Helper()
	data, err := os.ReadFile(w.path(worldFile))
	require.NoError(w.t, err)
	var now windows
	require.NoError(w.t, json.Unmarshal(data, &now))
	return now
}

// asked are the scripts that Windows was asked to run.
func (w *world) asked() []string {
	data, _ := os.ReadFile(w.path("asked"))
	return strings.Fields(string(data))
}

// strangers are what is in every Windows: roots of others, and what Go does not
// take for a certificate.
func strangers(t *testing.T) [][]byte {
	t.Helper()
	return [][]byte{newRoot(t, "somebody@else").Root.Raw, {0x30, 0x03, 0x02, 0x01, 0x80}}
}

func newRoot(t *testing.T, owner string) *chain.Hierarchy {
	t.Helper()
	h, err := chain.New(chain.Options{Owner: owner, Key: chain.ECDSA, Now: time.Now()})
	require.NoError(t, err)
	return h
}

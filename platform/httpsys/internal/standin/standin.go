package standin

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// netsh is one start.
type netsh struct {
	Settings
	Table
	page
	before  Table // as it was at the start
	touched []int
	starts  int // before this one that had something to bind
}

// Main is the program. Its result is the exit status: for a script it is
// always 0, as for the real one.
func Main(args []string, stdout io.Writer) int {
	self, err := os.Executable()
	if err == nil {
		var status int
		if status, err = Run(filepath.Dir(self), args, stdout); err == nil {
			return status
		}
	}
	fmt.Fprintln(os.Stderr, "stand-in for netsh:", err)
	return 99
}

// Run is one start of the stand-in whose files lie in folder.
func Run(folder string, args []string, stdout io.Writer) (status int, err error) {
	n := &netsh{}
	if err := Read(folder, SettingsFile, &n.Settings); err != nil {
		return 0, err
	}
	n.Reservations = System()
	if err := Read(folder, TableFile, &n.Table); err != nil {
		return 0, err
	}
	lines, err := commands(args)
	if err != nil {
		return 0, err
	}
	if n.starts, err = binding(folder); err != nil {
		return 0, err
	}
	n.newPage()
	n.before = n.copy()
	for _, line := range lines {
		status = n.command(line)
	}
	if len(args) > 1 && args[0] == "-f" {
		status = 0 // a script goes on after a failure, and its end is a success
	}
	if n.Mode == "pretend" {
		n.touched = nil
	} else if err := Write(folder, TableFile, n.Table); err != nil {
		return 0, err
	}
	slices.Sort(n.touched)
	start := Start{Args: args, Lines: lines, Touched: slices.Compact(n.touched)}
	if err := appendLog(folder, start); err != nil {
		return 0, err
	}
	return n.end(stdout, status)
}

// Transcript is what the stand-in with these settings prints for the commands
// on this table, which it does not change.
func Transcript(s Settings, t Table, lines ...string) []byte {
	n := &netsh{Settings: s, Table: t.copy(), before: t}
	n.newPage()
	for _, line := range lines {
		n.command(line)
	}
	return []byte(n.out.String())
}

func (n *netsh) newPage() {
	n.page = page{words: languages[n.Language], version: n.Version, newline: "\r\n"}
	if n.Newline != "" {
		n.newline = n.Newline
	}
	if n.BOM {
		n.out.WriteString("\xef\xbb\xbf")
	}
}

// commands are the lines to run: of the script, or the arguments as one.
func commands(args []string) ([]string, error) {
	if len(args) != 2 || args[0] != "-f" {
		return []string{strings.Join(args, " ")}, nil
	}
	script, err := os.ReadFile(args[1])
	if err != nil {
		return nil, err
	}
	var lines []string
	for line := range strings.Lines(string(script)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			lines = append(lines, line)
		}
	}
	return lines, nil
}

// binding counts the earlier starts that had something to bind.
func binding(folder string) (int, error) {
	starts, err := ReadLog(folder)
	count := 0
	for _, s := range starts {
		if slices.ContainsFunc(s.Lines, func(line string) bool { return strings.HasPrefix(line, "http add sslcert") }) {
			count++
		}
	}
	return count, err
}

// end prints the page, or what a broken netsh would.
func (n *netsh) end(stdout io.Writer, status int) (int, error) {
	text := n.out.String()
	switch n.Mode {
	case "hang":
		time.Sleep(time.Hour)
	case "garbage":
		text = strings.Repeat("\x00\xff(null) : 0.0.0.0 {4dc3e181} D:( \r\n", 20)
	case "silence":
		text = ""
	case "cut":
		text = text[:len(text)*2/3]
	case "crash":
		text, status = text[:len(text)/2], 3
	}
	_, err := io.WriteString(stdout, text)
	return status, err
}

// command does one line and returns the status it would have alone.
func (n *netsh) command(line string) int {
	words := fields(line)
	if len(words) > 1 && (words[0] == "int" || words[0] == "interface") {
		words[0] = "int"
	}
	name := strings.Join(words[:min(3, len(words))], " ")
	params, ok := parameters(words[min(3, len(words)):])
	verb := map[string]func(map[string]string) int{
		"http show sslcert": n.showBindings, "http show urlacl": n.showReservations,
		"http add sslcert": n.addBinding, "http delete sslcert": n.deleteBinding,
		"http add urlacl": n.addReservation, "http delete urlacl": n.deleteReservation,
	}[name]
	switch {
	case name == "int ipv4 show" && len(words) == 5 && words[3] == "excludedportrange" && words[4] == "protocol=tcp":
		n.ranges(n.Excluded)
		return 0
	case verb == nil:
		n.line(n.say("The following command was not found") + ": " + line + ".")
		return 1
	case !ok || !known(name, params):
		// The real one explains itself, does nothing and reports success.
		n.line(n.say("Usage") + ": " + strings.TrimPrefix(name, "http ") + " …")
		return 0
	}
	if n.Mode == "pretend" && words[1] == "show" {
		said := n.Table
		defer func() { n.Table = said }()
		n.Table = n.before
	}
	return verb(params)
}

func (t Table) copy() Table {
	return Table{slices.Clone(t.Bindings), slices.Clone(t.Reservations)}
}

// fields splits a line at blanks outside of quotes, which it takes off.
func fields(line string) []string {
	quoted := false
	words := strings.FieldsFunc(line, func(r rune) bool {
		if r == '"' {
			quoted = !quoted
		}
		return r == ' ' && !quoted
	})
	for i := range words {
		words[i] = strings.ReplaceAll(words[i], `"`, "")
	}
	return words
}

func parameters(words []string) (map[string]string, bool) {
	params := map[string]string{}
	for _, word := range words {
		name, value, ok := strings.Cut(word, "=")
		if !ok || value == "" {
			return nil, false
		}
		params[strings.ToLower(name)] = value
	}
	return params, true
}

var accepted = map[string][]string{
	"http show sslcert": {"ipport", "hostnameport", "ccs"},
	"http show urlacl":  {"url"},
	"http add sslcert": {"ipport", "hostnameport", "ccs", "scopedccs", "certhash", "appid", "certstorename",
		"verifyclientcertrevocation", "verifyrevocationwithcachedclientcertonly", "usagecheck", "revocationfreshnesstime",
		"urlretrievaltimeout", "sslctlidentifier", "sslctlstorename", "dsmapperusage", "clientcertnegotiation"},
	"http delete sslcert": {"ipport", "hostnameport", "ccs", "scopedccs"},
	"http add urlacl":     {"url", "user", "sddl", "listen", "delegate"},
	"http delete urlacl":  {"url"},
}

func known(command string, params map[string]string) bool {
	for name := range params {
		if !slices.Contains(accepted[command], name) {
			return false
		}
	}
	return true
}

// portOf is the port in a place or URL, 0 when there is none.
func portOf(text string) int {
	text = strings.TrimRight(text, "/")
	port, _ := strconv.Atoi(text[strings.LastIndex(text, ":")+1:])
	return port
}

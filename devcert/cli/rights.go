package cli

import (
	"cmp"
	"path/filepath"
	"slices"
	"strings"

	"devcert/devcert"
)

// withRights is the command line that finishes what lacked rights: the same
// again when nothing was done, else a repair of what is left.
func (s *session) withRights(r *devcert.Report) string {
	args := slices.Clone(s.args)
	if s.command == "setup" || s.command == "repair" {
		if kinds := trustKinds(r); len(r.Steps) > 0 && len(kinds) > 0 {
			args = []string{"repair", "--only", strings.Join(kinds, ",")}
		}
	}
	if !slices.Contains(args, "--yes") && !slices.Contains(args, "-y") && args[0] != "repair" {
		args = append(args, "--yes")
	}
	host := s.engine.Host
	if host.Elsewhere && !slices.ContainsFunc(args, namesHome) {
		args = append(args, "--home", cmp.Or(host.Link, host.StateDir))
	}
	return s.lineWithRights(args)
}

// lineWithRights is a command line with administrator rights.
func (s *session) lineWithRights(args []string) string {
	host := s.engine.Host
	self, build := host.Self, ""
	if host.Transient {
		self = filepath.FromSlash("dist/devcert" + filepath.Ext(host.Self))
		build = "go build -o " + self + " . && "
	}
	return build + host.AsAdmin + s.quoteAll(append([]string{self}, args...))
}

func namesHome(arg string) bool { return arg == "--home" || strings.HasPrefix(arg, "--home=") }

func trustKinds(r *devcert.Report) []string {
	var kinds []string
	for _, f := range r.Findings {
		if strings.HasPrefix(f.Kind, "trust-") && !slices.Contains(kinds, f.Kind) {
			kinds = append(kinds, f.Kind)
		}
	}
	return kinds
}

func (s *session) quoteAll(words []string) string {
	quote := s.engine.Host.Quote
	if quote == nil {
		quote = posixQuote
	}
	var quoted []string
	for _, w := range words {
		quoted = append(quoted, quote(w))
	}
	return strings.Join(quoted, " ")
}

// posixQuote makes one word of a shell's command line.
func posixQuote(word string) string {
	plain := func(r rune) bool {
		return r < 0x80 && (r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./,:=@+", r))
	}
	if word != "" && strings.IndexFunc(word, func(r rune) bool { return !plain(r) }) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

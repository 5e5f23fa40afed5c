package cli_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"devcert/devcert/cli"
	"devcert/devcert/explain"
)

// documents are what people read and copy commands from.
func documents(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{}
	for _, pattern := range []string{
		"README.md", ".github/*.md", ".github/ISSUE_TEMPLATE/*.yml", ".github/workflows/*.yml",
	} {
		paths, err := filepath.Glob(filepath.Join("..", "..", filepath.FromSlash(pattern)))
		require.NoError(t, err)
		require.NotEmpty(t, paths, pattern)
		for _, path := range paths {
			data, err := os.ReadFile(path)
			require.NoError(t, err)
			texts[path] = strings.ReplaceAll(string(data), "\r\n", "\n")
		}
	}
	return texts
}

// TestDocumentsNameWhatExists has each command line of the documents read by
// devcert itself: its command and its flags are there.
func TestDocumentsNameWhatExists(t *testing.T) {
	read := 0
	for path, text := range documents(t) {
		for _, c := range codeIn(strings.ReplaceAll(text, "\\\n", " ")) {
			for _, words := range c.commands() {
				read++
				assert.Empty(t, unreadable(words), "%s:%d: devcert %s", path, c.line, strings.Join(words, " "))
			}
		}
	}
	assert.Greater(t, read, 30, "command lines found")
}

// TestReadmeNamesAll has the README's tables name every command with its flags.
func TestReadmeNamesAll(t *testing.T) {
	_, tables, found := strings.Cut(documents(t)[filepath.Join("..", "..", "README.md")], "\n## Commands\n")
	require.True(t, found)
	tables, _, _ = strings.Cut(tables, "\n## ")
	var missing []string
	want := func(what, written string) {
		if !regexp.MustCompile("[` ]" + regexp.QuoteMeta(written) + "[` =,]").MatchString(tables) {
			missing = append(missing, what)
		}
	}
	flags := 0
	for _, command := range commandsOf(t) {
		called := strings.Join(command, " ")
		want(called, command[len(command)-1])
		for _, flag := range rowsOf(helpOf(t, command...), "flags:") {
			flags++
			want(called+" "+flag, flag)
		}
	}
	assert.Empty(t, missing)
	assert.Greater(t, flags, 50)
}

// commandsOf are the words of every command below these words.
func commandsOf(t *testing.T, above ...string) (all [][]string) {
	for _, name := range rowsOf(helpOf(t, above...), "commands:") {
		words := append(slices.Clone(above), name)
		all = append(append(all, words), commandsOf(t, words...)...)
	}
	return all
}

func helpOf(t *testing.T, words ...string) string {
	t.Helper()
	var out, said bytes.Buffer
	args := append(append([]string{"devcert"}, words...), "--help")
	require.Zero(t, cli.MainAt(args, cli.Streams{In: strings.NewReader(""), Out: &out, Err: &said}, nil, nil, time.Now), said.String())
	return out.String()
}

// rowsOf are the first words of the rows below a heading of what --help prints.
func rowsOf(text, heading string) (names []string) {
	_, rows, _ := strings.Cut(text, "\n"+heading+"\n")
	rows, _, _ = strings.Cut(rows, "\n\n")
	for _, row := range regexp.MustCompile(`(?m)^  ([a-z-]+)`).FindAllStringSubmatch(rows, -1) {
		names = append(names, row[1])
	}
	return names
}

// TestDocumentsFitATerminal keeps what is shown as code within 80 columns.
func TestDocumentsFitATerminal(t *testing.T) {
	for path, text := range documents(t) {
		if filepath.Ext(path) != ".md" {
			continue
		}
		for _, c := range codeIn(text) {
			if c.block {
				assert.LessOrEqual(t, utf8.RuneCountInString(c.text), 80, "%s:%d: %s", path, c.line, c.text)
			}
		}
	}
}

func TestCommandsInDocuments(t *testing.T) {
	for _, row := range []struct {
		name, text string
		want       []string
	}{
		{"a block", "so:\n\n    devcert setup --yes   # once\n", []string{"setup --yes"}},
		{"an item is none", "- a\n    devcert setup\n", nil},
		{"a screen's prompts alone", "```\n$ devcert status\ndevcert root a@b\n```\n", []string{"status"}},
		{"a fence without prompts", "```sh\ndevcert status\n```\n", []string{"status"}},
		{"in the text", "run `devcert doctor --browsers`, then `devcert`", []string{"doctor --browsers"}},
		{"a command by itself", "with `setup --permit DOMAIN`, not `curl --insecure`", []string{"setup --permit DOMAIN"}},
		{"under sudo, by a path", "    sudo dist/devcert repair\n", []string{"repair"}},
		{"inside another", "    eval \"$(devcert env --shell zsh)\" && devcert.exe status | more\n", []string{"env --shell zsh", "status"}},
		{"quoted", "    devcert issue 'a b' \"c\"\n", []string{"issue 'a b' c"}},
		{"not where it is built", "    go build -o dist/devcert . && sudo dist/devcert repair\n", []string{"repair"}},
		{"from the source", "    go run . setup\n", []string{"setup"}},
		{"not what only ends like it", "    cd ~/.local/share/devcert && ls\n    rm -r /var/lib/devcert\n", nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			var got []string
			for _, c := range codeIn(row.text) {
				for _, words := range c.commands() {
					for i, word := range words {
						if strings.Contains(word, " ") {
							words[i] = "'" + word + "'"
						}
					}
					got = append(got, strings.Join(words, " "))
				}
			}
			assert.Equal(t, row.want, got)
		})
	}
}

// unreadable says why devcert does not take a command line; "" when it does. What
// names stand on it is not looked at, but of explain and repair.
func unreadable(words []string) string {
	if at := slices.Index(words, "--only"); at >= 0 && at+1 < len(words) {
		for _, kind := range strings.Split(words[at+1], ",") {
			if kind != strings.ToUpper(kind) && !slices.Contains(explain.Kinds(), kind) {
				return "there is no kind " + kind
			}
		}
	}
	if words[0] != "explain" || len(words) < 2 || words[1] == strings.ToUpper(words[1]) {
		words = append(slices.Clone(words), "--help")
	}
	var out, said bytes.Buffer
	args := append([]string{"devcert"}, words...)
	if code := cli.MainAt(args, cli.Streams{In: strings.NewReader(""), Out: &out, Err: &said}, nil, nil, time.Now); code != 0 {
		return fmt.Sprintf("exit %d: %s", code, said.String())
	}
	return ""
}

// code is a line of a block, or a word of the text, that is set as code.
type code struct {
	line  int
	text  string
	block bool
	shown bool // what a program printed
}

var (
	inline  = regexp.MustCompile("`([^`]+)`")
	calling = regexp.MustCompile(`(?:^|[\s("'/])(?:devcert(?:\.exe)?|go run \.) +([a-z-].*)`)
	alone   = regexp.MustCompile(`^([a-z-]+) (?:.* )?--[a-z]`)
)

// codeIn finds what is set as code: fenced and indented blocks, and words of the
// text. Of a block with prompts the other lines are what was printed.
func codeIn(text string) (all []code) {
	lines := strings.Split(text, "\n")
	fence, prompts, blank := -1, false, true
	for i, line := range lines {
		switch {
		case strings.HasPrefix(line, "```"):
			if fence >= 0 {
				fence = -1
				break
			}
			fence = i
			end := slices.IndexFunc(lines[i+1:], func(l string) bool { return strings.HasPrefix(l, "```") })
			prompts = slices.ContainsFunc(lines[i+1:i+1+max(end, 0)], isPrompt)
		case fence >= 0:
			all = append(all, code{i + 1, line, true, prompts && !isPrompt(line)})
		case strings.HasPrefix(line, "    ") && blank:
			all = append(all, code{i + 1, line, true, false})
			continue // blank stays: so is the next line
		default:
			for _, found := range inline.FindAllStringSubmatch(line, -1) {
				all = append(all, code{i + 1, found[1], false, false})
			}
		}
		blank = strings.TrimSpace(line) == ""
	}
	return all
}

func isPrompt(line string) bool { return strings.HasPrefix(line, "$ ") }

// commands are the words behind each devcert that is called in it.
func (c code) commands() (all [][]string) {
	if c.shown {
		return nil
	}
	rest := c.text
	if found := alone.FindStringSubmatch(rest); !c.block && found != nil && unreadable([]string{found[1]}) == "" {
		rest = "devcert " + rest
	}
	for {
		at := calling.FindStringSubmatchIndex(rest)
		if at == nil {
			return all
		}
		rest = rest[at[2]:]
		words := wordsOf(rest)
		if len(words) > 0 {
			all = append(all, words)
		}
	}
}

// wordsOf splits as a shell does, and ends where the command does.
func wordsOf(text string) (words []string) {
	word, quote, in := "", rune(0), false
	end := func() {
		if in {
			words = append(words, word)
		}
		word, in = "", false
	}
	for i, r := range text {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word += string(r)
		case r == '\'' || r == '"':
			quote, in = r, true
		case r == ' ':
			end()
		case strings.ContainsRune("|<>;&)`", r), r == '#' && (i == 0 || text[i-1] == ' '):
			end()
			return words
		default:
			word, in = word+string(r), true
		}
	}
	end()
	return words
}

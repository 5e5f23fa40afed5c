// Package crowd is what many people, scripts and editors do with one state folder
// at the same time: command lines at random, and what each may answer. Tests run
// them in processes and in one process; the package starts nothing itself.
package crowd

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"devcert/devcert/cli/schema/schematest"
)

// lines are the commands, each as often as it stands here. N is a small number at
// random. uninstall is rare: little else would find something to do.
var lines = strings.Split(strings.TrimSpace(`
setup --stores none
setup --stores none --json
setup --stores none --name appN.test --json
setup --stores none --remove-name appN.test
setup --stores none --permit appN.example.org --name appN.example.org --yes
renew --force
renew --force --json
renew --root --yes
repair
repair --json
issue apiN.test --json
issue apiN.test --key ecdsa --force
ports unbind 4430N
ports bind 4430N
status
status --json
status --json
status --json
list --json
export root
export chain
export bundle
env --shell bash
setup --stores none --dry-run --name other.test
uninstall --yes
`), "\n")

// Line is a command at random, without the program's name.
func Line(r *rand.Rand) []string {
	line := lines[r.IntN(len(lines))]
	if strings.HasPrefix(line, "uninstall") && r.IntN(4) > 0 {
		line = lines[0]
	}
	return strings.Fields(strings.ReplaceAll(line, "N", fmt.Sprint(r.IntN(8))))
}

// Setup is the command that puts everything right, whatever came before.
func Setup() []string { return strings.Fields(lines[0]) }

// overtaken is what a command says to which another came first.
var overtaken = map[int][]string{
	1: {"there is no hierarchy to export", "there is no root to point programs at", "another devcert has made a new root meanwhile"},
	2: {"nothing has been set up", "was issued already", "nothing was issued as", "is not one of the added names"},
}

// torn are findings that nobody may see while all devcerts end in peace.
var torn = []string{"state-corrupt", "state-foreign", "pair-mismatch", "file-exposed"}

// Judge says what is wrong with an answer. 3 is a truth about the moment.
func Judge(line []string, code int, stdout, stderr string) error {
	switch {
	case code == 0, code == 3:
	case slices.ContainsFunc(overtaken[code], func(text string) bool { return strings.Contains(stderr+stdout, text) }):
	default:
		return fmt.Errorf("exit code %d", code)
	}
	if strings.Contains(stderr, "goroutine ") {
		return errors.New("a panic, or a race")
	}
	if !schematest.Asked(line) {
		return nil
	}
	if err := schematest.Judge([]byte(stdout), code); err != nil {
		return err
	}
	var doc struct {
		Findings []struct{ Kind, Message string }
	}
	if err := json.Unmarshal([]byte(stdout), &doc); err != nil {
		return err
	}
	for _, f := range doc.Findings {
		if slices.Contains(torn, f.Kind) {
			return fmt.Errorf("%s: %s", f.Kind, f.Message)
		}
	}
	return nil
}

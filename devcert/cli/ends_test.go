package cli_test

import (
	"errors"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"devcert/devcert/cli/schema/schematest"
)

// ends CODE [ARG…] runs devcert for a person, then for a script and, where there
// is a shell, without any standard input, and demands the exit code of both. A
// person is told on standard error what went wrong; a script has one document,
// whatever did.
func ends(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	if neg {
		ts.Fatalf("ends has no negation")
	}
	line := append([]string{"devcert"}, args[1:]...)
	if !schematest.Asked(line) {
		ended(ts, want, line)
		line = asked(line)
	}
	if _, err := exec.LookPath("sh"); err == nil {
		line = append([]string{"sh", "-c", `exec "$@" <&-`, "sh"}, line...)
	}
	ended(ts, want, line)
}

// asked is a line that asks for the document: before what is no flag.
func asked(line []string) []string {
	at := slices.Index(line, "--")
	if at < 0 {
		at = len(line)
	}
	return slices.Insert(slices.Clone(line), at, "--json")
}

var complaint = regexp.MustCompile(`(?m)^devcert: `)

func ended(ts *testscript.TestScript, want int, line []string) {
	got := 0
	if err := ts.Exec(line[0], line[1:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("%v exited %d and was to exit %d", line, got, want)
	}
	stdout, stderr := ts.ReadFile("stdout"), ts.ReadFile("stderr")
	if schematest.Asked(line) {
		ts.Check(schematest.Judge([]byte(stdout), got))
		return
	}
	failed := got != 0 && got != 3
	if complaint.MatchString(stderr) != failed || strings.Contains(stdout, "\n  \"command\": ") {
		ts.Fatalf("%v exited %d and said:\n%s%s", line, got, stdout, stderr)
	}
}

package cli_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"software.sslmate.com/src/go-pkcs12"

	"devcert/devcert/cli"
	"devcert/devcert/cli/schema/schematest"
)

// TestMain lets the scripts run devcert as a process of its own, on the machine
// of machine_test.go and at the time of DEVCERT_TEST_NOW.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"devcert": func() {
		now := time.Now
		if text := os.Getenv("DEVCERT_TEST_NOW"); text != "" {
			at, err := time.Parse(time.RFC3339, text)
			if err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(99)
			}
			now = func() time.Time { return at }
		}
		streams := cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, ANSI: true}
		if schematest.Asked(os.Args) {
			os.Exit(judged(streams, now))
		}
		os.Exit(cli.MainAt(os.Args, streams, os.Environ(), newMachine, now))
	}})
}

// judged runs devcert and judges the document that it prints: every script that
// asks for one has it judged, also what a shell starts or what goes on behind it.
func judged(streams cli.Streams, now func() time.Time) int {
	said := &heard{Writer: streams.Out}
	streams.Out = said
	code := cli.MainAt(os.Args, streams, os.Environ(), newMachine, now)
	exit := code
	if said.lost { // the code is about that then, and no document can tell it
		exit = said.exit()
	}
	if err := schematest.Judge(said.text.Bytes(), exit); err != nil {
		fmt.Fprintf(os.Stderr, "%v: %v\n", os.Args, err)
		return 98
	}
	return code
}

// heard remembers what was written, also where nobody reads it.
type heard struct {
	io.Writer
	text bytes.Buffer
	lost bool
}

func (h *heard) Write(data []byte) (int, error) {
	h.text.Write(data)
	n, err := h.Writer.Write(data)
	h.lost = h.lost || err != nil
	return n, err
}

// exit is what the document says.
func (h *heard) exit() int {
	var doc struct{ Exit int }
	_ = json.Unmarshal(h.text.Bytes(), &doc)
	return doc.Exit
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			for _, dir := range []string{"home", "machine/system", "machine/clients"} {
				if err := os.MkdirAll(filepath.Join(env.WorkDir, dir), 0o700); err != nil {
					return err
				}
			}
			env.Setenv("HOME", filepath.Join(env.WorkDir, "home"))
			env.Setenv("STATE", filepath.Join(env.WorkDir, "home", "devcert"))
			env.Setenv("MACHINE", filepath.Join(env.WorkDir, "machine"))
			env.Setenv("LC_ALL", "C")
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits":    exits,
			"ends":     ends,
			"count":    count,
			"opens":    opens,
			"million":  million,
			"mode":     mode,
			"snapshot": snapshot,
			"clients":  clientCerts,
		},
	})
}

// exits CODE PROGRAM [ARG…] runs a program and demands its exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want || neg {
		ts.Fatalf("%v exited %d and was to exit %d", args[1:], got, want)
	}
}

// count N PATTERN demands that so many files match.
func count(ts *testscript.TestScript, _ bool, args []string) {
	names, err := filepath.Glob(ts.MkAbs(args[1]))
	ts.Check(err)
	if want, err := strconv.Atoi(args[0]); err != nil || len(names) != want {
		ts.Fatalf("%s: %v", args[1], names)
	}
}

// opens FILE demands that the PFX opens with the password in the JSON document
// that was printed last.
func opens(ts *testscript.TestScript, _ bool, args []string) {
	var printed struct {
		Export struct{ Path, Password string }
	}
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &printed))
	data, err := os.ReadFile(printed.Export.Path)
	ts.Check(err)
	_, _, _, err = pkcs12.DecodeChain(data, printed.Export.Password)
	ts.Check(err)
	if want := ts.MkAbs(args[0]); filepath.Base(want) != filepath.Base(printed.Export.Path) {
		ts.Fatalf("%s was written, not %s", printed.Export.Path, want)
	}
}

// million FILE writes a devcert.json of a million names.
func million(ts *testscript.TestScript, _ bool, args []string) {
	data := []byte(`{"schema": 1, "names": [""`)
	for i := range 1_000_000 {
		data = fmt.Appendf(data, `,"n%d.test"`, i)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), append(data, "]}"...), 0o600))
}

// mode BITS FILE… demands the permissions of files.
func mode(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args[1:] {
		info, err := os.Stat(ts.MkAbs(name))
		ts.Check(err)
		if got := fmt.Sprintf("%04o", info.Mode().Perm()); got != args[0] {
			ts.Fatalf("%s has mode %s", name, got)
		}
	}
}

// snapshot take DIR remembers a folder, names, times and bytes; snapshot same
// DIR demands that nothing in it has changed since, with ! that something has.
func snapshot(ts *testscript.TestScript, neg bool, args []string) {
	dir := ts.MkAbs(args[1])
	key := "SNAPSHOT_" + filepath.Base(dir)
	text := describe(ts, dir)
	if args[0] == "take" {
		ts.Setenv(key, text)
		return
	}
	if same := ts.Getenv(key) == text; same == neg {
		ts.Fatalf("%s: before:\n%s\nnow:\n%s", dir, ts.Getenv(key), text)
	}
}

func describe(ts *testscript.TestScript, dir string) string {
	text := ""
	ts.Check(filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		data := []byte(nil)
		if info.Mode().IsRegular() {
			if data, err = os.ReadFile(path); err != nil {
				return err
			}
		}
		text += fmt.Sprintf("%s %s %s %x\n", path, info.Mode(), info.ModTime().Format(time.RFC3339Nano), data)
		return nil
	}))
	return text
}

package service

import (
	"context"
	"encoding/xml"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/scripts/fuzzlimit"
)

// taskScheduler is a schtasks: it takes what Windows' takes in the way that it is
// called here, and ends with 1 where that fails. It shows a task as the console
// would, without what its character set has not.
type taskScheduler struct {
	t      *testing.T
	folder string
	tasks  map[string]*registered
	calls  []string
	fails  bool // what is started ends with 3
	remote bool // the user is not on the screen
	denied bool
}

type registered struct {
	text   string
	action action
	result string
}

type action struct {
	Command   string `xml:"Actions>Exec>Command"`
	Arguments string `xml:"Actions>Exec>Arguments"`
	Trigger   string `xml:"Triggers>LogonTrigger>UserId"`
	User      string `xml:"Principals>Principal>UserId"`
	Logon     string `xml:"Principals>Principal>LogonType"`
	Level     string `xml:"Principals>Principal>RunLevel"`
	Limit     string `xml:"Settings>ExecutionTimeLimit"`
}

const sid = "S-1-5-21-1-2-3-1001"

func (w *taskScheduler) run(_ context.Context, args ...string) ([]byte, error) {
	if len(args) < 3 || args[1] != "/TN" || strings.ContainsAny(args[2], `\/:*?"<>|`) {
		w.t.Fatalf("schtasks %q: not how it is called", args)
	}
	name := args[2]
	t := w.tasks[name]
	rest := strings.Join(args[3:], " ")
	if args[0] != "/Query" {
		w.calls = append(w.calls, args[0])
	}
	if args[0] == "/Create" && len(args) == 6 && args[3] == "/XML" && args[5] == "/F" {
		return nil, w.create(name, args[4])
	}
	if t == nil || w.denied {
		return nil, statusError(1)
	}
	switch args[0] + " " + rest {
	case "/Query /XML":
		return w.show(t), nil
	case "/Query /FO CSV /V /NH":
		return []byte(`"PC","\` + name + `","N/V","Wird ausgef` + "\x81" + `hrt","Nur interaktiv","30.11.1999 00:00:00","` + t.result + `","N/V"` + "\r\n"), nil
	case "/Run ":
		switch {
		case w.remote:
		case w.fails:
			t.result = "3"
		default:
			t.result = taskRuns
		}
		return nil, nil
	case "/End ":
		t.result = "267014" // SCHED_S_TASK_TERMINATED
		return nil, nil
	case "/Delete /F":
		delete(w.tasks, name)
		return nil, os.Remove(filepath.Join(w.folder, name))
	}
	w.t.Fatalf("schtasks %q: not known", args)
	return nil, nil
}

func (w *taskScheduler) create(name, file string) error {
	data, err := os.ReadFile(file)
	require.NoError(w.t, err)
	info, err := os.Stat(file)
	require.NoError(w.t, err)
	require.True(w.t, info.Mode().Perm()&0o077 == 0 || os.PathSeparator == '\\')
	text := fromUTF16(w.t, data)
	_, body, ok := strings.Cut(text, `encoding="UTF-16"?>`)
	r := &registered{text: body, result: taskNeverRan}
	err = xml.Unmarshal([]byte(body), &r.action)
	a := r.action
	if w.denied || !ok || err != nil || a.Command == "" || a.User != sid || a.Trigger != sid ||
		a.Logon != "InteractiveToken" || a.Level != "LeastPrivilege" || a.Limit != "PT0S" {
		return statusError(1)
	}
	w.tasks[name] = r
	write(w.t, filepath.Join(w.folder, name), "")
	return nil
}

func fromUTF16(t *testing.T, data []byte) string {
	require.Equal(t, []byte{0xff, 0xfe}, data[:2])
	var units []uint16
	for i := 2; i+1 < len(data); i += 2 {
		units = append(units, uint16(data[i])|uint16(data[i+1])<<8)
	}
	return string(utf16.Decode(units))
}

func (w *taskScheduler) show(t *registered) []byte {
	out := []byte("\r\n<?xml version=\"1.0\" encoding=\"UTF-16\"?>")
	for _, r := range t.text {
		switch {
		case r == 'ü':
			out = append(out, 0x81)
		case r > 0x7e:
			out = append(out, '?')
		default:
			out = append(out, byte(r))
		}
	}
	return append(out, "\r\n\r\n"...)
}

// newScheduler is a machine's Task Scheduler, and what keeps services with it.
func newScheduler(t *testing.T) (*taskScheduler, *scheduler) {
	w := &taskScheduler{t: t, folder: t.TempDir(), tasks: map[string]*registered{}}
	return w, &scheduler{folder: w.folder, sid: sid, tool: w.run, settle: time.Millisecond}
}

const taskName = "devcert-serve-" + sid

// plainly are the hard words without those that Windows cannot be told.
func plainly() (words []string) {
	for _, word := range hard {
		if strings.Count(word, "%") < 2 {
			words = append(words, word)
		}
	}
	return words
}

func TestScheduler(t *testing.T) {
	ctx := context.Background()
	w, m := newScheduler(t)
	require.Equal(t, devcert.ServiceAbsent, m.Look(ctx, "serve", "").Standing)
	s := served(t, plainly()...)
	require.NoError(t, m.Install(ctx, s))
	require.Equal(t, []string{"/Create", "/Run"}, w.calls)
	got := w.tasks[taskName].action
	require.Equal(t, s.Program, got.Command)
	require.Equal(t, s.Args, splitWindows(got.Arguments))
	seen := m.Look(ctx, "serve", "")
	require.Equal(t, devcert.ServiceStarts, seen.Standing)
	require.Equal(t, devcert.Runs, seen.Running)
	require.Equal(t, s.Program, seen.Service.Program)
	require.Equal(t, s.Args, seen.Service.Args)
	require.Empty(t, seen.Broken)

	w.calls = nil
	require.NoError(t, m.Install(ctx, s))
	require.Empty(t, w.calls, "what is served goes on")
	w.tasks[taskName].result = taskRunsOn
	require.NoError(t, m.Install(ctx, s))
	require.Empty(t, w.calls, "nor when a second start was ignored")
	s.Args = []string{"serve", "--log", "off"}
	require.NoError(t, m.Install(ctx, s))
	require.Equal(t, []string{"/End", "/Create", "/Run"}, w.calls)

	w.tasks[taskName].result = "1"
	seen = m.Look(ctx, "serve", "")
	require.Equal(t, devcert.RunsNot, seen.Running)
	require.Equal(t, "its last run ended with 1", seen.Evidence)
	w.tasks[taskName].text = strings.Replace(w.tasks[taskName].text, "<Enabled>true</Enabled>\r\n    <RunOnly", "<Enabled>false</Enabled>\r\n    <RunOnly", 1)
	require.Equal(t, devcert.ServiceDisabled, m.Look(ctx, "serve", "").Standing)
	w.calls = nil
	require.NoError(t, m.Install(ctx, s))
	require.Equal(t, []string{"/Create", "/Run"}, w.calls)
	require.Equal(t, devcert.ServiceStarts, m.Look(ctx, "serve", "").Standing)

	require.NoError(t, m.Remove(ctx, "serve", ""))
	require.Empty(t, w.tasks)
	require.NoError(t, m.Remove(ctx, "serve", ""))
	require.Equal(t, []string{"/Create", "/Run", "/End", "/Delete"}, w.calls)
}

func TestSchedulerLeavesOthers(t *testing.T) {
	for name, text := range map[string]string{
		"another's":        `<Task xmlns="x"><RegistrationInfo><Source>x</Source></RegistrationInfo></Task>`,
		"another's mark":   `<Task><RegistrationInfo><Source>devcert</Source><Documentation>mine</Documentation></RegistrationInfo></Task>`,
		"no documentation": `<Task/>`,
	} {
		t.Run(name, func(t *testing.T) {
			ctx := context.Background()
			w, m := newScheduler(t)
			w.tasks[taskName] = &registered{text: text, result: taskRuns}
			write(t, filepath.Join(w.folder, taskName), "")
			require.Equal(t, devcert.ServiceForeign, m.Look(ctx, "serve", "").Standing)
			var foreign *foreignError
			require.ErrorAs(t, m.Install(ctx, served(t)), &foreign)
			require.NoError(t, m.Remove(ctx, "serve", ""))
			require.Empty(t, w.calls)
		})
	}
}

func TestSchedulerFaults(t *testing.T) {
	for _, row := range []struct {
		name  string
		wreck func(*taskScheduler, *scheduler, *devcert.Service)
		says  string
	}{
		{"it does not stay up", func(w *taskScheduler, _ *scheduler, _ *devcert.Service) { w.fails = true }, "ended with 3"},
		{"nobody is on the screen", func(w *taskScheduler, _ *scheduler, _ *devcert.Service) { w.remote = true }, "until its user logs on"},
		{"Windows refuses", func(w *taskScheduler, _ *scheduler, _ *devcert.Service) { w.denied = true }, "exit status 1"},
		{"there is no user", func(_ *taskScheduler, m *scheduler, _ *devcert.Service) { m.missing = errors.New("no token") }, "no token"},
		{"a variable", func(_ *taskScheduler, _ *scheduler, s *devcert.Service) { s.Args = []string{"%USERNAME%"} }, "for a variable"},
		{"a parameter", func(_ *taskScheduler, _ *scheduler, s *devcert.Service) { s.Args = []string{"$(Arg0)"} }, "for a variable"},
	} {
		t.Run(row.name, func(t *testing.T) {
			w, m := newScheduler(t)
			s := served(t)
			row.wreck(w, m, &s)
			require.ErrorContains(t, m.Install(context.Background(), s), row.says)
		})
	}
}

// Not to be shown a task is not to know.
func TestSchedulerUnknown(t *testing.T) {
	ctx := context.Background()
	w, m := newScheduler(t)
	require.NoError(t, m.Install(ctx, served(t)))
	w.denied, w.calls = true, nil
	require.Equal(t, devcert.ServiceUnknown, m.Look(ctx, "serve", "").Standing)
	require.Error(t, m.Remove(ctx, "serve", ""))
	require.Error(t, m.Install(ctx, served(t)))
	require.Empty(t, w.calls)
}

func TestQuoteWindows(t *testing.T) {
	require.Equal(t, hard, splitWindows(strings.Join(quotedAll(hard), " ")))
	for word, want := range map[string]string{`a`: `a`, ``: `""`, `a b\`: `"a b\\"`, `a\b`: `a\b`, `a\"b`: `"a\\\"b"`, `a b\c`: `"a b\c"`} {
		require.Equal(t, want, quoteWindows(word), word)
	}
}

func quotedAll(words []string) (quoted []string) {
	for _, word := range words {
		quoted = append(quoted, quoteWindows(word))
	}
	return quoted
}

// splitWindows takes a command line apart as CommandLineToArgvW says.
func splitWindows(line string) (words []string) {
	var word []rune
	inWord, quoted, slashes := false, false, 0
	flush := func(n int) { word = append(word, []rune(strings.Repeat(`\`, n))...) }
	for _, r := range line {
		switch {
		case r == '\\':
			slashes++
			inWord = true
			continue
		case r == '"':
			flush(slashes / 2)
			if inWord = true; slashes%2 == 1 {
				word = append(word, r)
			} else {
				quoted = !quoted
			}
		case r == ' ' && !quoted:
			if flush(slashes); inWord {
				words = append(words, string(word))
			}
			word, inWord = nil, false
		default:
			flush(slashes)
			word, inWord = append(word, r), true
		}
		slashes = 0
	}
	if flush(slashes); inWord {
		words = append(words, string(word))
	}
	return words
}

func FuzzTask(f *testing.F) {
	data, err := writeTask(devcert.Service{Program: `C:\a`, Args: []string{"serve"}}, sid)
	require.NoError(f, err)
	f.Add(data, `C:\a b\devcert.exe`, "x y", `\"`)
	f.Add([]byte("<Task><RegistrationInfo><Source>devcert</Source></RegistrationInfo></Task>"), "", "", "")
	fuzzlimit.Fuzz(f, func(t *testing.T, data []byte, program, one, two string) {
		if read, err := readTask(data); err == nil {
			_, _ = read.service()
		}
		s := devcert.Service{Program: program, Args: []string{one, two}}
		written, err := writeTask(s, sid)
		if err != nil {
			return
		}
		read, err := readTask(written)
		require.NoError(t, err)
		got, err := read.service()
		require.NoError(t, err)
		require.Equal(t, s, got)
		require.Equal(t, s.Args, splitWindows(strings.Join(quotedAll(s.Args), " ")))
	})
}

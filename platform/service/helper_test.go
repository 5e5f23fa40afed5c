package service

import (
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
)

// TestMain lets this program be the one that a service starts.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "serve" {
		os.Exit(beServed(os.Args[2], os.Args[1:]))
	}
	os.Exit(m.Run())
}

// beServed writes down how it was called, and stays until it is told to end. A
// number instead of a file is the status to end with at once.
func beServed(out string, args []string) int {
	if status, err := strconv.Atoi(out); err == nil {
		return status
	}
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM)
	data, err := json.Marshal(called{os.Getpid(), args})
	if err == nil {
		err = os.WriteFile(out+".new", data, 0o600)
	}
	if err == nil {
		err = os.Rename(out+".new", out)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	<-end
	return 0
}

// called is how a service was started.
type called struct {
	PID  int
	Args []string
}

// statusError is a tool that ended with a status.
type statusError int

func (e statusError) Error() string { return "exit status " + strconv.Itoa(int(e)) }
func (e statusError) ExitCode() int { return int(e) }

// program makes one that can be started.
func program(t testing.TB) string {
	path := filepath.Join(t.TempDir(), "devcert")
	require.NoError(t, os.WriteFile(path, nil, 0o755))
	return path
}

// served is a service to install.
func served(t testing.TB, args ...string) devcert.Service {
	return devcert.Service{
		Name: "serve", About: "https on the bound ports", Program: program(t), Args: append([]string{"serve"}, args...),
	}
}

func write(t testing.TB, path, data string) {
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(data), 0o644))
}

// hard are words that some system's quoting has a meaning for.
var hard = []string{
	"", " ", "a b", "100%", "%h%%", "$HOME", "${HOME}", "$$", `a"b`, `a\`, `\\"`, "it's", ";", "\\;", "-", "@x", "ü ß 漢字", "&<>]]>", "#x", "a\u00a0b", "\U0001f512",
}

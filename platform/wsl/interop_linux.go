package wsl

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"devcert/platform/run"
)

// The variables of WSL's that its programs read: the way to Windows of this very
// session, and what Windows calls this distribution. sudo drops them; WSL then
// goes by the session of the process that started its program.
const (
	interopVariable = "WSL_INTEROP"
	nameVariable    = "WSL_DISTRO_NAME"
)

const (
	// lookLimit is what PowerShell may take to start and to list some hundred
	// certificates: a second mostly, several on a machine that has just started.
	lookLimit = 20 * time.Second
	// patience is how long a person may take for a dialog.
	patience = 3 * time.Minute
	// pathLimit is for wslpath, which asks nobody.
	pathLimit = 5 * time.Second
)

// powershell is where Windows has it since version 7, whatever its PATH says.
const powershell = "Windows/System32/WindowsPowerShell/v1.0/powershell.exe"

// program is the path of powershell.exe. Its rights are no sign of anything here:
// WSL shows a drive of Windows' as the user's own, and it is Windows that keeps
// that folder to itself. What is started acts for the user alone.
func (s *Store) program() (string, error) {
	c, err := readConf(s.root)
	if err != nil {
		return "", err
	}
	if !c.interop {
		return "", errors.New("starting Windows' programs is switched off in " + confFile)
	}
	path := filepath.Join(s.root, c.mounts, "c", powershell)
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() || info.Mode()&0o111 == 0 {
		return "", fmt.Errorf("%s is not a program", path)
	}
	return path, nil
}

// environ is what a program of WSL's gets to see: nothing of it reaches Windows.
func (s *Store) environ() []string {
	env := run.Environment()
	if socket := lookup(s.Env, interopVariable); filepath.IsAbs(socket) {
		env = append(env, interopVariable+"="+socket)
	}
	if name := lookup(s.Env, nameVariable); name != "" {
		env = append(env, nameVariable+"="+name)
	}
	return env
}

// start runs a script in Windows, in a folder that is one there too. What it wrote
// comes beside an error too: it may say why, and WSL ends with 1 for reasons of its
// own.
func (s *Store) start(ctx context.Context, script string, stdin []byte, limit time.Duration) ([]byte, error) {
	path, err := s.program()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return run.Command{
		Path: path, Args: arguments(script), Env: s.environ(), Dir: filepath.Dir(path), Stdin: bytes.NewReader(stdin),
	}.Run(ctx)
}

// list is what Windows trusts and what it is told to distrust.
func (s *Store) list(ctx context.Context) ([]entry, error) {
	out, err := s.start(ctx, lookScript, nil, s.lookLimit())
	if err != nil {
		var failed *failedError
		if _, said := parseLook(out); errors.As(said, &failed) {
			return nil, failed
		}
		return nil, err
	}
	return parseLook(out)
}

// change has one of the scripts do something about cert, for which Windows asks
// whoever sits there.
func (s *Store) change(ctx context.Context, script string, cert *x509.Certificate) error {
	stdin := base64.StdEncoding.EncodeToString(cert.Raw) + "\n"
	out, err := s.start(ctx, script, []byte(stdin), s.patience())
	if err == nil {
		return parseChange(out)
	}
	var failed *failedError
	if said := parseChange(out); errors.As(said, &failed) {
		return failed
	}
	return err
}

// windowsPath is how Windows writes the path of a file of ours; "" when that
// cannot be told.
func (s *Store) windowsPath(ctx context.Context, path string) string {
	if tool, err := (run.Finder{Root: s.root}).Find("wslpath"); err == nil {
		ctx, cancel := context.WithTimeout(ctx, pathLimit)
		defer cancel()
		out, err := run.Command{Path: tool, Args: []string{"-w", path}, Env: s.environ()}.Run(ctx)
		if told := strings.TrimRight(string(out), "\r\n"); err == nil && isWindowsPath(told) {
			return told
		}
	}
	c, err := readConf(s.root)
	if err != nil {
		return ""
	}
	return computePath(path, c.mounts, lookup(s.Env, nameVariable))
}

//go:build unix

package onboardtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// script is where onboard.sh is; tests run it from other folders.
func script(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs("../onboard.sh")
	require.NoError(t, err)
	return path
}

// shells are those that are here. macOS's /bin/sh is bash 3.2, Debian's is dash.
func shells(t *testing.T) [][]string {
	t.Helper()
	found := [][]string{{"/bin/sh"}}
	for _, words := range [][]string{{"dash"}, {"bash"}, {"bash", "--posix"}, {"busybox", "sh"}, {"mksh"}, {"zsh", "--emulate", "sh"}} {
		if path, err := exec.LookPath(words[0]); err == nil {
			found = append(found, append([]string{path}, words[1:]...))
		}
	}
	return found
}

// place is a user's world: a home, a working folder, and the variables of a fresh
// login. Both folders have a blank in their names.
type place struct {
	t         *testing.T
	shell     []string
	home, dir string
	env       []string
	nobody    bool // runs as another user than root
}

const toolPath = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"

func newPlace(t *testing.T) *place {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir()) // macOS's leads through a link
	require.NoError(t, err)
	p := &place{t: t, shell: []string{"/bin/sh"}, home: filepath.Join(dir, "a home"), dir: filepath.Join(dir, "a team's folder")}
	require.NoError(t, errors.Join(os.Mkdir(p.home, 0o755), os.Mkdir(p.dir, 0o755)))
	// Go would have a process of its own write there after it has ended.
	for _, config := range []string{".config", "Library/Application Support"} {
		p.program(filepath.Join(p.home, config, "go/telemetry/mode"), "off\n")
	}
	p.env = []string{"HOME=" + p.home, "PATH=" + toolPath, "LANG=C", "GOENV=off", "TMPDIR=" + t.TempDir()}
	return p
}

// with is the same place with other variables.
func (p *place) with(env ...string) *place {
	other := *p
	other.env = slices.Concat(p.env, env) // the last one counts
	return &other
}

const nobody = 65534

// unprivileged is the place of a user who is not root: root's downloads go to
// /usr/local/bin, which is not a test's to write to.
func (p *place) unprivileged() *place {
	p.t.Helper()
	if os.Geteuid() != 0 {
		return p
	}
	p.nobody = true
	base := filepath.Dir(p.home)
	require.NoError(p.t, os.Chmod(filepath.Dir(base), 0o755))
	for _, dir := range []string{base, p.home, p.dir} {
		require.NoError(p.t, errors.Join(os.Chmod(dir, 0o755), os.Chown(dir, nobody, nobody)))
	}
	return p
}

// result is how the script ended.
type result struct {
	code           int
	stdout, stderr string
}

func (r result) String() string {
	return fmt.Sprintf("exit code %d\n%s---\n%s", r.code, r.stdout, r.stderr)
}

// onboard runs the script with nothing to read.
func (p *place) onboard(args ...string) result {
	p.t.Helper()
	return p.run(slices.Concat(p.shell, []string{script(p.t)}, args)...)
}

func (p *place) run(words ...string) result {
	p.t.Helper()
	cmd := exec.CommandContext(p.t.Context(), words[0], words[1:]...)
	cmd.Dir, cmd.Env = p.dir, p.env
	if p.nobody {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		require.NoError(p.t, err)
	}
	return result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// program puts a stand-in for devcert at path, relative to the working folder.
// Like every program it is whole before it has its name.
func (p *place) program(path, text string) string {
	p.t.Helper()
	if !filepath.IsAbs(path) {
		path = filepath.Join(p.dir, path)
	}
	require.NoError(p.t, os.MkdirAll(filepath.Dir(path), 0o755))
	if p.nobody {
		require.NoError(p.t, os.Chown(filepath.Dir(path), nobody, nobody))
	}
	require.NoError(p.t, os.WriteFile(path, []byte(text), 0o755))
	return path
}

// answer is the text of a devcert that notes its arguments, one to a line, prints
// the document and ends with its code.
func (p *place) answer(doc map[string]any) string {
	p.t.Helper()
	data, err := json.MarshalIndent(whole(doc), "", "  ")
	require.NoError(p.t, err)
	file := filepath.Join(p.t.TempDir(), "document")
	require.NoError(p.t, os.WriteFile(file, append(data, '\n'), 0o644))
	return fmt.Sprintf("#!/bin/sh\nprintf '%%s\\n' \"$@\" >'%s'\ncat '%s'\nexit %v\n", p.noted(), file, doc["exit"])
}

func (p *place) noted() string { return filepath.Join(p.home, "arguments") }

// whole adds what every document has, in the order in which devcert prints it.
func whole(doc map[string]any) any {
	type document struct {
		Schema    int    `json:"schema"`
		Command   string `json:"command"`
		OK        bool   `json:"ok"`
		Exit      any    `json:"exit"`
		Error     any    `json:"error"`
		Remedy    any    `json:"remedy,omitempty"`
		Hierarchy any    `json:"hierarchy"`
		Stores    any    `json:"stores"`
		Bindings  any    `json:"bindings"`
		Findings  any    `json:"findings"`
		Steps     any    `json:"steps"`
		Config    any    `json:"config,omitempty"`
	}
	list := func(name string) any {
		if doc[name] == nil {
			return []any{}
		}
		return doc[name]
	}
	hierarchy := map[string]any{"id": "1f3a9c2e", "leaf": map[string]any{"names": []string{"localhost"}, "state": "trusted"}}
	bindings := []any{map[string]any{"port": 44300, "state": "bound", "name": nil}}
	return document{
		1, "setup", doc["exit"] == 0, doc["exit"], doc["error"], doc["remedy"],
		hierarchy, list("stores"), bindings, list("findings"), list("steps"), doc["config"],
	}
}

//go:build unix

package run

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	// Limit ends a command whose context has no deadline of its own.
	// update-ca-certificates with a Java hook takes seconds, on a slow machine
	// tens of them.
	Limit = 5 * time.Minute
	// MaxOutput is how much of each output stream is kept, in bytes.
	MaxOutput = 4 << 20
	// grace is how long the pipes of a killed command may stay open.
	grace = 2 * time.Second
)

// Command is a process to start.
type Command struct {
	Path  string    // absolute
	Args  []string  // without the program's name
	Env   []string  // all of the environment; nil means Environment()
	Dir   string    // working folder; "" means /
	Stdin io.Reader // nil means nothing to read
}

// Environment is what a system tool gets to see: where system tools are and
// that nothing is translated. DPKG_*, TMPDIR, LD_* and the rest stay behind.
func Environment() []string {
	return []string{"PATH=" + strings.Join(Folders, ":"), "LANG=C.UTF-8", "LC_ALL=C"}
}

// Run starts the command in a process group of its own, waits for it and
// returns its standard output. When the context ends, the whole group is killed.
// A failure is an *Error.
func (c Command) Run(ctx context.Context) ([]byte, error) {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, Limit)
		defer cancel()
	}
	cmd, err := c.prepare(ctx)
	if err != nil {
		return nil, err
	}
	stdout, both := &capped{limit: MaxOutput}, &tail{limit: tailSize}
	cmd.Stdin = c.Stdin
	cmd.Stdout, cmd.Stderr = io.MultiWriter(stdout, both), both
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = grace
	err = cmd.Run()
	if stopped := context.Cause(ctx); stopped != nil && err != nil {
		err = stopped
	}
	if err == nil && stdout.overflow {
		err = fmt.Errorf("more than %d bytes of output", MaxOutput)
	}
	if err != nil {
		return stdout.Bytes(), newError(cmd.Args, both.String(), err)
	}
	return stdout.Bytes(), nil
}

func (c Command) prepare(ctx context.Context) (*exec.Cmd, error) {
	if !filepath.IsAbs(c.Path) {
		return nil, newError(append([]string{c.Path}, c.Args...), "", errors.New("not an absolute path"))
	}
	cmd := exec.CommandContext(ctx, c.Path, c.Args...)
	cmd.Env = c.Env
	if cmd.Env == nil {
		cmd.Env = Environment()
	}
	cmd.Dir = c.Dir
	if cmd.Dir == "" {
		cmd.Dir = "/"
	}
	return cmd, nil
}

// capped keeps the first limit bytes and remembers that there were more.
type capped struct {
	bytes.Buffer
	limit    int
	overflow bool
}

func (c *capped) Write(p []byte) (int, error) {
	room := c.limit - c.Len()
	if len(p) > room {
		c.overflow = true
		c.Buffer.Write(p[:room])
		return len(p), nil
	}
	return c.Buffer.Write(p)
}

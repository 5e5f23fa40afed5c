//go:build unix || windows

package run

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
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
	Dir   string    // working folder; "" means one that only the system can change
	Stdin io.Reader // nil means nothing to read
}

// Run starts the command in a group of its own, waits for it and returns its
// standard output, also beside an error. What the command leaves behind, and can
// still write its output, is waited for as well. When the context ends, the whole
// group is killed before Run returns. A failure is an *Error; that of a command
// that ran to its end wraps an *exec.ExitError, which has its status.
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
	stdout, both, stderr := &capped{limit: MaxOutput}, &tail{limit: tailSize}, &tail{limit: tailSize}
	cmd.Stdin = c.Stdin
	cmd.WaitDelay = grace
	pipes, err := connect(cmd, io.MultiWriter(stdout, both), io.MultiWriter(stderr, both))
	if err != nil {
		return nil, newError(cmd.Args, "", "", err)
	}
	err = runGroup(cmd, func() { pipes.read(ctx) })
	pipes.close()
	if stopped := context.Cause(ctx); stopped != nil && err != nil {
		err = stopped
	}
	if err == nil && stdout.overflow {
		err = fmt.Errorf("more than %d bytes of output", MaxOutput)
	}
	if err != nil {
		return stdout.Bytes(), newError(cmd.Args, both.String(), stderr.String(), err)
	}
	return stdout.Bytes(), nil
}

func (c Command) prepare(ctx context.Context) (*exec.Cmd, error) {
	refused := startable(c.Path)
	if !filepath.IsAbs(c.Path) {
		refused = errors.New("not an absolute path")
	}
	if refused != nil {
		return nil, newError(append([]string{c.Path}, c.Args...), "", "", refused)
	}
	cmd := exec.CommandContext(ctx, c.Path, c.Args...)
	cmd.Env = c.Env
	if cmd.Env == nil {
		cmd.Env = Environment()
	}
	cmd.Dir = c.Dir
	if cmd.Dir == "" {
		cmd.Dir = systemFolder()
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

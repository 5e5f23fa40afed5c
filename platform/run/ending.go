//go:build unix || windows

package run

import (
	"context"
	"errors"
	"io"
	"os/exec"
)

// MaxSaid is how much of each output stream an Ending keeps, in bytes.
const MaxSaid = 64 << 10

// Ending is how a command came to its end.
type Ending struct {
	Status         int    // its exit code; -1 when a signal ended it
	Stdout, Stderr []byte // the beginning of what it wrote, at most MaxSaid each
}

// End runs the command as Run does, for somebody to whom its failure is an
// answer: an error says that it could not be started, or was ended by ctx, whose
// error it then wraps. What the command left running in its group is killed.
func (c Command) End(ctx context.Context) (Ending, error) {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, Limit)
		defer cancel()
	}
	cmd, err := c.prepare(ctx)
	if err != nil {
		return Ending{}, err
	}
	stdout, stderr := &capped{limit: MaxSaid}, &capped{limit: MaxSaid}
	// A bare *capped would be filled by bytes.Buffer's ReadFrom, past its limit.
	cmd.Stdin, cmd.Stdout, cmd.Stderr = c.Stdin, io.MultiWriter(stdout), io.MultiWriter(stderr)
	cmd.WaitDelay = grace
	err = runAlone(cmd)
	end := Ending{Stdout: stdout.Bytes(), Stderr: stderr.Bytes()}
	if stopped := context.Cause(ctx); stopped != nil && err != nil {
		return end, newError(cmd.Args, "", string(end.Stderr), stopped)
	}
	// Its pipes may still have been held open when it ended: that is its end all the same.
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) && !errors.Is(err, exec.ErrWaitDelay) {
		return end, newError(cmd.Args, "", "", err)
	}
	end.Status = cmd.ProcessState.ExitCode()
	return end, nil
}

//go:build unix || windows

package run

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"
)

// pipes carry what a command writes. They end when nobody can write into them any
// more, which may be later than the end of its process: Wine's host of a console
// has them too, and on a busy machine ends seconds after the program in it. The
// context alone says how long that may take. Package exec, which gives it a fixed
// time, made failures of commands that had succeeded.
type pipes struct {
	ours, theirs []*os.File
	copies       []func()
	gates        []*gate
}

// gate passes on what is written until it is shut.
type gate struct {
	mu   sync.Mutex
	to   io.Writer
	shut bool
}

func (g *gate) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut {
		return 0, io.ErrClosedPipe
	}
	return g.to.Write(p)
}

func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = true
}

// connect gives cmd pipes for its output. They are to be closed.
func connect(cmd *exec.Cmd, stdout, stderr io.Writer) (*pipes, error) {
	p := &pipes{}
	out, err1 := p.add(stdout)
	errs, err2 := p.add(stderr)
	if err := errors.Join(err1, err2); err != nil {
		p.close()
		return nil, err
	}
	cmd.Stdout, cmd.Stderr = out, errs
	return p, nil
}

func (p *pipes) add(to io.Writer) (*os.File, error) {
	ours, theirs, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	p.ours, p.theirs = append(p.ours, ours), append(p.theirs, theirs)
	// It ends with an error when the pipe is closed before its end: read's doing.
	g := &gate{to: to}
	p.gates = append(p.gates, g)
	p.copies = append(p.copies, func() { _, _ = io.Copy(g, ours) })
	return theirs, nil
}

// read copies all that is written after the command was started. Once the context
// has ended, and so the command and its group, others have a short time.
func (p *pipes) read(ctx context.Context) {
	closeAll(p.theirs)
	var copying sync.WaitGroup
	for _, run := range p.copies {
		copying.Go(run)
	}
	done := make(chan struct{})
	go func() { copying.Wait(); close(done) }()
	select {
	case <-done:
		return
	case <-ctx.Done():
	}
	select {
	case <-done:
	case <-time.After(grace):
		go closeAll(p.ours) // Windows may keep whoever closes a pipe that is being read
		p.ours = nil
	}
	for _, g := range p.gates {
		g.close() // nobody waits for a copy that does not end even so
	}
}

// close closes what is still open.
func (p *pipes) close() {
	closeAll(p.theirs)
	closeAll(p.ours)
}

func closeAll(files []*os.File) {
	for _, file := range files {
		_ = file.Close() // it holds nothing back, and may have been closed before
	}
}

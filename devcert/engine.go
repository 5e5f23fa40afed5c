package devcert

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"devcert/devcert/chain"
	"devcert/devcert/disk"
)

// Engine runs the commands on one host. Its fields are set by the caller and
// not changed while a command runs.
type Engine struct {
	Host    *Host
	Command string // what this run is called, for those who wait for it
	Now     func() time.Time
	Rand    io.Reader     // for certificates; nil for the system's
	Timeout time.Duration // for waiting on another writer
	// Step is told each step as it ends; nil when nobody listens.
	Step func(StepResult)
	// Say is told what a person should know while a command runs.
	Say func(line string)
	// Confirm asks a person; ErrDeclined means no, or that there is nobody to
	// ask. It is called before anything is changed.
	Confirm func(question string) error
	// Only restricts repair to these kinds of finding; empty means all.
	Only []string
	// Projects are those whose ports are looked at besides the wanted ones.
	Projects []Project
	// TakeOver replaces also what another application bound.
	TakeOver bool
	// DryRun stops after planning.
	DryRun bool
}

// Report is what a command saw and did.
type Report struct {
	Config   *Config // nil when setup never ran
	Seen     *Observation
	Findings []Finding // after all steps
	Planned  []Step    // with DryRun
	Steps    []StepResult
	Asked    []Asked  // by doctor
	Ended    []Ended  // what a change of the hierarchy put an end to
	Left     []string // paths in the state folder that uninstall left, because devcert did not make them

	// Held is what the devcert.json that setup found asks for and did not get.
	Held []string

	only []int // see OnlyPorts
}

// StepResult is a step that was tried. One without an error that changed nothing
// found nothing to change.
type StepResult struct {
	Step
	Changed bool
	Elapsed time.Duration
	Err     error
}

// Broken says whether a finding of severity error stands.
func (r *Report) Broken() bool {
	for _, f := range r.Findings {
		if f.Severity == Error {
			return true
		}
	}
	return false
}

// NewRoot says whether another root took the place of one that was there.
func (r *Report) NewRoot() bool {
	return slices.ContainsFunc(r.Steps, func(s StepResult) bool { return s.action == withdraw && s.Err == nil }) &&
		slices.ContainsFunc(r.Steps, func(s StepResult) bool { return s.action == create && s.Err == nil })
}

// PartialError says that something that was asked for did not take, while the
// rest did (exit 6).
type PartialError struct{ Err error }

func (e *PartialError) Error() string { return e.Err.Error() }
func (e *PartialError) Unwrap() error { return e.Err }

func (e *Engine) folder() disk.Folder {
	return disk.Folder{Path: e.Host.StateDir, Files: e.Host.Files, Keep: e.Host.Link != ""}
}

// Status reports what is right and wrong now. It changes nothing.
func (e *Engine) Status(ctx context.Context, probe bool) (*Report, error) {
	r, err := e.lookSettled(ctx, depth{probe: probe, clients: true}, nil)
	if err == nil {
		r.leave()
	}
	return r, err
}

// look observes and compares. change, when not nil, turns the configuration
// found (nil for none) into the wanted one.
func (e *Engine) look(ctx context.Context, deep depth, change func(*Config) (*Config, error)) (*Report, error) {
	o, err := e.observe(ctx, deep, nil)
	if err != nil {
		return nil, refuseNewer(err)
	}
	return e.judge(o, change)
}

// refuseNewer makes a UsageError of a file that only a newer devcert understands:
// no command can tell what it would lose.
func refuseNewer(err error) error {
	if !errors.Is(err, disk.ErrSchema) {
		return err
	}
	return &UsageError{Problem: err.Error(), Hint: "use the devcert that wrote it, or a newer one"}
}

// judge compares what was observed with what is wanted.
func (e *Engine) judge(o *Observation, change func(*Config) (*Config, error)) (*Report, error) {
	c, damage, err := configOf(o)
	if err != nil {
		return nil, refuseNewer(fmt.Errorf("reading %s in %s: %w", disk.ConfigFile, e.Host.StateDir, err))
	}
	if errors.Is(o.PortsErr, disk.ErrSchema) {
		return nil, refuseNewer(o.PortsErr)
	}
	o.Foreign = c != nil && foreign(c, o)
	if change != nil {
		if c, err = change(c); err != nil {
			return nil, err
		}
	}
	if c != nil && !o.Foreign {
		c.Machine = o.Owner.Machine
	}
	if c != nil {
		c.takeOver, c.guest = e.TakeOver, o.guest()
	}
	return &Report{Config: c, Seen: o, Findings: compare(c, damage, o)}, nil
}

// Setup brings the machine from any state to the one that r asks for.
func (e *Engine) Setup(ctx context.Context, r Request) (*Report, error) {
	var names []string
	for _, s := range e.Host.Stores {
		names = append(names, s.Name())
	}
	var held []string
	report, err := e.change(ctx, goal{
		want: func(c *Config) (*Config, error) {
			if c == nil {
				c = DefaultConfig()
			}
			out, err := c.With(r, names)
			held = out.held
			return out, err
		},
	})
	if report != nil {
		report.Held = held
	}
	if e.DryRun || err != nil {
		return report, err
	}
	return report, report.notServed(r.Stores)
}

// Repair puts back what the findings name, to what setup was asked for.
func (e *Engine) Repair(ctx context.Context) (*Report, error) {
	return e.change(ctx, goal{pick: e.only})
}

// Renew makes a new leaf where one is due or force says so, and a whole new
// hierarchy with root.
func (e *Engine) Renew(ctx context.Context, force, root bool) (*Report, error) {
	return e.change(ctx, goal{extra: func(r *Report) []Finding {
		switch {
		case root:
			return []Finding{{Kind: RootExpiring, Where: "root", cure: newHierarchy}}
		case force:
			return []Finding{{Kind: LeafExpiring, Where: "leaf", cure: newLeaf}}
		}
		return nil
	}, pick: func(all []Finding) []Finding {
		return pick(all, func(f Finding) bool { return f.cure == newLeaf || f.cure == newHierarchy })
	}})
}

func (e *Engine) only(all []Finding) []Finding {
	if len(e.Only) == 0 {
		return all
	}
	wanted := map[string]bool{}
	for _, kind := range e.Only {
		wanted[kind] = true
	}
	return pick(all, func(f Finding) bool { return wanted[f.Kind] })
}

func pick(all []Finding, fits func(Finding) bool) []Finding {
	var out []Finding
	for _, f := range all {
		if fits(f) {
			out = append(out, f)
		}
	}
	return out
}

// leafEnd is the end of a leaf issued now.
func leafEnd(o *Observation) time.Time {
	end := o.Now.Add(chain.LeafLifetime)
	if ca := o.Folder.Hierarchy.Intermediate.Cert; ca != nil && ca.NotAfter.Before(end) {
		return ca.NotAfter
	}
	return end
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

func days(d time.Duration) int { return int(d / (24 * time.Hour)) }

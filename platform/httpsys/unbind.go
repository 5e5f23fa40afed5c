package httpsys

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Unbind removes devcert's own bindings of the ports and puts back what the
// ledger says they replaced. What cannot be put back, since its certificate can
// no longer be served, is an error after everything else has been done; it is
// said once. Once begun it does not stop when ctx ends.
func (m *Machine) Unbind(ctx context.Context, req UnbindRequest, waiting func()) error {
	ports, err := checkPorts(req.Ports)
	if err != nil {
		return err
	}
	return m.change(ctx, waiting, func(ctx context.Context, l *ledger, aside string) error {
		return m.unbind(ctx, ports, l, aside)
	})
}

func (m *Machine) unbind(ctx context.Context, ports []int, l *ledger, aside string) error {
	now, err := m.Netsh.Look(ctx)
	if err != nil {
		return err
	}
	c := m.memory("")
	b := l.backFor(now, ports, judge{c.whose, l.bound}, c.usable)
	var failed error
	if !b.Empty() {
		now, failed = m.Netsh.Apply(ctx, b.Change)
		failed = explained(failed)
	}
	if failed != nil && len(now.Records)+len(now.Reservations) == 0 {
		return failed // nothing is known of what was done, and all stays on record
	}
	l.settle(now, func(r Record) bool { return c.usable(r) != "" && slices.Contains(ports, r.Port) })
	failed = errors.Join(failed, m.Ledger.write(l), b.loss())
	if aside != "" {
		failed = errors.Join(failed, &problem{
			err:    fmt.Errorf("what was bound before devcert is not known: the record of it was damaged and lies in %s", aside),
			remedy: "bind what you miss with the program that made it: for IIS Express, repair it in Windows' settings",
		})
	}
	return failed
}

// back is what it takes to have the ports as they were before devcert.
type back struct {
	Change
	lost []Record // cannot be put back
	why  string   // the first of them
}

// backFor decides for every port what is removed and what is put back.
func (l *ledger) backFor(s State, ports []int, j judge, usable func(Record) string) back {
	var b back
	gone := map[string]bool{}
	for _, r := range s.Records {
		if slices.Contains(ports, r.Port) && j.claim(r) == isOwn {
			b.Remove = append(b.Remove, r)
			gone[r.place()] = true
		}
	}
	for _, t := range l.Places {
		if !slices.Contains(ports, t.Port) || t.Before == nil {
			continue
		}
		if now, there := s.At(t.record()); there && !gone[now.place()] {
			continue // somebody has bound something there since
		}
		why := usable(*t.Before)
		switch {
		case why == "":
			b.Add = append(b.Add, *t.Before)
		case !t.Broken:
			if b.lost = append(b.lost, *t.Before); b.why == "" {
				b.why = why
			}
		}
	}
	b.unreserve(l, s, ports)
	return b
}

// unreserve takes devcert's own reservations back: those it made, unless
// somebody has changed them since.
func (b *back) unreserve(l *ledger, s State, ports []int) {
	for _, u := range l.Reservations {
		mine := slices.ContainsFunc(ports, func(port int) bool { return strings.EqualFold(Reserved(port).URL, u.URL) })
		now, there := s.Reservation(u.URL)
		if !mine || there && now.SDDL != Everyone {
			continue
		}
		if there {
			b.Unreserve = append(b.Unreserve, now)
		}
		if u.Before != nil {
			b.Reserve = append(b.Reserve, *u.Before)
		}
	}
}

func (b back) loss() error {
	if len(b.lost) == 0 {
		return nil
	}
	r := b.lost[0]
	text := fmt.Sprintf("%s was bound to %s before devcert and cannot be again: %s", r.Address, r.Thumbprint, b.why)
	if n := len(b.lost) - 1; n > 0 {
		text += fmt.Sprintf("; so it is with %d more", n)
	}
	return &problem{
		err:    errors.New(text),
		remedy: "bind what you miss with the program that made it: for IIS Express, repair it in Windows' settings",
	}
}

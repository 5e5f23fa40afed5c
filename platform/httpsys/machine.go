package httpsys

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// What the privileged child can be asked for. [Machine] answers.
const (
	DoBind   = "windows-bind"   // with a BindRequest
	DoUnbind = "windows-unbind" // with an UnbindRequest
)

// MaxPorts is how many ports one request may have.
const MaxPorts = 1000

// BindRequest asks for bindings of ports to a certificate of LocalMachine\My.
type BindRequest struct {
	Ports      []int  `json:"ports"`
	Thumbprint string `json:"thumbprint"`         // SHA-1, hex
	AppID      string `json:"appId,omitempty"`    // "" for IIS Express's
	TakeOver   bool   `json:"takeOver,omitempty"` // also what another application has
	// Negotiate says whether clients are asked for a certificate; "" to leave
	// that as it is where something is bound that is not another application's.
	Negotiate Switch `json:"negotiate,omitempty"`
}

// UnbindRequest asks for devcert's bindings of ports to be removed, and for what
// they replaced to be put back.
type UnbindRequest struct {
	Ports []int `json:"ports"`
}

// Checks are what the privileged child knows of certificates. It asks the
// machine's own stores: never who sent the request, nor that user's files.
type Checks struct {
	// Bindable says why devcert may not bind this certificate of
	// LocalMachine\My; nil when it may.
	Bindable func(thumbprint string) error
	// Usable says why HTTP.sys could not serve this certificate of that store of
	// LocalMachine, because it or its key is not there; "" when it could.
	Usable func(store, thumbprint string) string
	// Whose says whose the certificate with thumbprint is, if the user who is
	// served owns the one with wanted. wanted is "" when nothing is to be bound:
	// a leaf of any user is Own then, since each is unbound only where asked.
	Whose func(thumbprint, wanted string) Whose
}

// Machine does what only an administrator may do. Of a request it believes only
// numbers and shapes, looks for itself, and records before it acts.
type Machine struct {
	Netsh  *Netsh
	Ledger Ledger
	Checks Checks
}

// Bind binds every port of the request that is free, devcert's own or IIS
// Express's, and with TakeOver any. It takes away what hides those bindings, on
// the same terms. One port that another application has is an error, and the
// others are bound all the same. Once begun it does not stop when ctx ends.
func (m *Machine) Bind(ctx context.Context, req BindRequest, waiting func()) error {
	o, err := req.order()
	if err != nil {
		return err
	}
	if err := m.Checks.Bindable(o.thumbprint); err != nil {
		return fmt.Errorf("bind certificate %s: %w", o.thumbprint, err)
	}
	return m.change(ctx, waiting, func(ctx context.Context, l *ledger, _ string) error {
		return m.bind(ctx, o, l)
	})
}

func (m *Machine) bind(ctx context.Context, o order, l *ledger) error {
	seen, err := m.Netsh.Look(ctx)
	if err != nil {
		return err
	}
	c := m.memory(o.thumbprint)
	p := seen.planFor(o, judge{c.whose, l.bound})
	if p.Empty() {
		return p.refusal()
	}
	l.remember(p, func(r Record) bool { return c.usable(r) != "" })
	if err := m.Ledger.write(l); err != nil {
		return err
	}
	now, failed := m.Netsh.Apply(ctx, p.Change)
	known := failed == nil
	if failed != nil {
		failed = explained(failed)
		now, known, err = m.undo(ctx, p.Change, now)
		failed = errors.Join(failed, err)
	}
	if known && l.settle(now, func(Record) bool { return false }) {
		failed = errors.Join(failed, m.Ledger.write(l))
	}
	return errors.Join(failed, p.refusal())
}

// undo puts back what a failed change has removed for nothing, and returns what
// it saw at last, if it could see anything. What stays missing is in the ledger.
func (m *Machine) undo(ctx context.Context, c Change, now State) (State, bool, error) {
	if len(now.Records)+len(now.Reservations) == 0 {
		seen, err := m.Netsh.Look(ctx)
		if err != nil {
			return seen, false, fmt.Errorf("what is bound now cannot be seen: %w", err)
		}
		now = seen
	}
	back := c.removedInVain(now)
	if back.Empty() {
		return now, true, nil
	}
	then, err := m.Netsh.Apply(ctx, back)
	if err == nil {
		return then, true, nil
	}
	if len(then.Records)+len(then.Reservations) == 0 {
		return now, false, fmt.Errorf("put back what was removed: %w", err)
	}
	return then, true, fmt.Errorf("put back what was removed: %w", err)
}

// removedInVain is what a change has taken away without putting in its place
// what it should have.
func (c Change) removedInVain(now State) Change {
	done := map[int]bool{}
	for _, r := range c.Add {
		done[r.Port] = true
	}
	for _, r := range now.Lacks(c.Add) {
		done[r.Port] = false
	}
	var back Change
	for _, r := range c.Remove {
		if _, there := now.At(r); !there && !done[r.Port] {
			back.Add = append(back.Add, r)
		}
	}
	for _, r := range c.Unreserve {
		if _, there := now.Reservation(r.URL); !there {
			back.Reserve = append(back.Reserve, r)
		}
	}
	return back
}

// change runs do as the only devcert that changes the table. ctx ends only the
// wait for that: half a change would leave ports without a certificate.
func (m *Machine) change(ctx context.Context, waiting func(), do func(ctx context.Context, l *ledger, aside string) error) error {
	unlock, err := m.Ledger.lock(ctx, waiting)
	if err != nil {
		return explained(err)
	}
	defer unlock()
	l, aside, err := m.Ledger.read()
	if err != nil {
		return explained(err)
	}
	return explained(do(context.WithoutCancel(ctx), l, aside))
}

// order judges a request, which anybody may have written.
func (req BindRequest) order() (order, error) {
	ports, err := checkPorts(req.Ports)
	if err != nil {
		return order{}, err
	}
	o := order{ports, strings.ToUpper(req.Thumbprint), strings.ToLower(req.AppID), req.TakeOver, req.Negotiate}
	if o.appID == "" {
		o.appID = IISExpress
	}
	if len(o.thumbprint) != 40 || !hashShape().MatchString(o.thumbprint) {
		return order{}, fmt.Errorf("request refused: %q is no SHA-1 thumbprint", req.Thumbprint)
	}
	if !guidShape().MatchString(o.appID) {
		return order{}, fmt.Errorf("request refused: %q is no application id", req.AppID)
	}
	if o.negotiate != "" && o.negotiate != On && o.negotiate != Off {
		return order{}, fmt.Errorf("request refused: %q is neither on nor off", req.Negotiate)
	}
	return o, nil
}

// checkPorts returns the ports in order, each once.
func checkPorts(ports []int) ([]int, error) {
	if n := len(ports); n == 0 || n > MaxPorts {
		return nil, fmt.Errorf("request refused: %d ports, and it may be 1 to %d", n, MaxPorts)
	}
	for _, port := range ports {
		if port < 1 || port > 65535 {
			return nil, fmt.Errorf("request refused: %d is no port", port)
		}
	}
	return slices.Compact(slices.Sorted(slices.Values(ports))), nil
}

// memory asks Checks once for each certificate.
type memory struct {
	whose  func(thumbprint string) Whose
	usable func(Record) string
}

func (m *Machine) memory(wanted string) memory {
	type certificate struct{ store, thumbprint string }
	usable := once(func(c certificate) string { return m.Checks.Usable(c.store, c.thumbprint) })
	return memory{
		once(func(thumbprint string) Whose { return m.Checks.Whose(thumbprint, wanted) }),
		func(r Record) string {
			if r.Thumbprint == "" {
				return "" // it comes from elsewhere
			}
			return usable(certificate{r.Store, r.Thumbprint})
		},
	}
}

// once remembers answers: a hundred ports have one certificate, and to open its
// key takes time.
func once[K comparable, V any](ask func(K) V) func(K) V {
	known := map[K]V{}
	return func(key K) V {
		answer, ok := known[key]
		if !ok {
			answer = ask(key)
			known[key] = answer
		}
		return answer
	}
}

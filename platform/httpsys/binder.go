package httpsys

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"devcert/devcert"
	"devcert/platform/front"
)

// Privileged is who changes the table for us.
type Privileged interface {
	// Do has one of this package's requests carried out by [Machine].
	Do(ctx context.Context, what string, body any) error
}

// Binder is devcert's view of the table: it looks without rights, and has every
// change made by somebody who has them.
type Binder struct {
	// Netsh only looks.
	Netsh *Netsh
	// Privileged makes the changes.
	Privileged Privileged
	// Broken says why a certificate of LocalMachine\My cannot be served: it is not
	// there, its key does not open, it is expired. "" when it can.
	Broken func(thumbprint string) string
	// Whose says whose the certificate with this thumbprint is, for a preview.
	Whose func(thumbprint string) Whose
	// Now is the time; nil means time.Now.
	Now func() time.Time

	mu   sync.Mutex
	last *State // what was seen at that time; nil when nothing was or it has changed
	at   time.Time
}

var _ devcert.Binder = (*Binder)(nil)

// fresh is how long a look is good for. A command looks before it takes its lock
// and again when it has it, and after a change for what the change has just
// proved: one netsh serves both. Whatever came in between is met by the
// privileged side, which always looks for itself.
const fresh = 5 * time.Second

// Table is everything that HTTP.sys has bound, by whomever.
func (b *Binder) Table(ctx context.Context) (devcert.PortTable, error) {
	s, err := b.look(ctx)
	if err != nil {
		return devcert.PortTable{ClientCerts: true}, explained(err)
	}
	t := devcert.PortTable{Machine: true, Reserves: true, ClientCerts: true}
	broken := once(b.Broken)
	for _, r := range s.Records {
		binding := devcert.Binding{Port: r.Port, Address: r.host(), AppID: r.AppID, Thumbprint: r.Thumbprint, ClientCerts: asksOf[r.Negotiate]}
		if r.Thumbprint != "" && r.Store == My {
			binding.Broken = broken(r.Thumbprint)
		}
		t.Bindings = append(t.Bindings, binding)
	}
	for _, r := range s.Reservations {
		if port, ok := r.port(); ok && r.AnyUser() {
			t.Reserved = append(t.Reserved, port)
		}
	}
	for _, r := range s.Excluded {
		// What a person has set aside, for a server, that server can have.
		if !r.Administered {
			t.Excluded = append(t.Excluded, devcert.PortRange{First: r.From, Last: r.To})
		}
	}
	return t, nil
}

// host is the address or name that a record is for.
func (r Record) host() string {
	switch r.Kind {
	case CCS:
		return "any name (central store)"
	default:
		return r.Address[:strings.LastIndex(r.Address, ":")]
	}
}

// port is that of a reservation as devcert makes it.
func (r Reservation) port() (int, bool) {
	const start = "https://localhost:"
	url := strings.ToLower(r.URL)
	if !strings.HasPrefix(url, start) || !strings.HasSuffix(url, "/") {
		return 0, false
	}
	return parsePort(strings.TrimSuffix(url[len(start):], "/"))
}

func (b *Binder) look(ctx context.Context) (State, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.last != nil && b.now().Sub(b.at) < fresh {
		return *b.last, nil
	}
	s, err := b.Netsh.Look(ctx)
	b.last = nil
	if err == nil {
		b.keep(s)
	}
	return s, err
}

func (b *Binder) keep(s State) { b.last, b.at = &s, b.now() }

func (b *Binder) now() time.Time {
	if b.Now != nil {
		return b.Now()
	}
	return time.Now()
}

// Bind has the ports bound. When that succeeds, the privileged side has looked
// and seen all of them bound as asked: what the table then looks like is known.
func (b *Binder) Bind(ctx context.Context, o devcert.BindOrder) error {
	if err := b.Netsh.Hung(); err != nil {
		return explained(err) // so will theirs, and a person would be asked for nothing
	}
	for ports := range slices.Chunk(o.Ports, MaxPorts) {
		req := requestFor(o, ports)
		checked, err := req.order()
		if err != nil {
			return err
		}
		before := b.forget()
		if err := b.Privileged.Do(ctx, DoBind, req); err != nil {
			return explained(err)
		}
		if before == nil {
			continue
		}
		// Where something was seen to be in the way, the other side knows more.
		if p := before.planFor(checked, b.judge()); len(p.left) == 0 {
			b.mu.Lock()
			b.keep(before.after(p.Change))
			b.mu.Unlock()
		}
	}
	return nil
}

// asksOf is how the rest of devcert calls what a record says.
var asksOf = map[Switch]devcert.Asks{On: devcert.AsksClients, Off: devcert.AsksNobody}

// requestFor is an order as the privileged side takes it, for some of its ports.
func requestFor(o devcert.BindOrder, ports []int) BindRequest {
	req := BindRequest{Ports: ports, Thumbprint: o.Thumbprint, AppID: o.AppID, TakeOver: o.TakeOver}
	for state, asks := range asksOf {
		if o.ClientCerts == asks {
			req.Negotiate = state
		}
	}
	return req
}

// forget returns what was last seen, which is about to change.
func (b *Binder) forget() *State {
	b.mu.Lock()
	defer b.mu.Unlock()
	last := b.last
	b.last = nil
	return last
}

// Unbind has devcert's bindings of the ports removed, and what they replaced put
// back.
func (b *Binder) Unbind(ctx context.Context, ports []int) error {
	b.forget()
	failed := b.Netsh.Hung()
	if failed != nil {
		return explained(failed)
	}
	for ports := range slices.Chunk(ports, MaxPorts) {
		failed = errors.Join(failed, b.Privileged.Do(ctx, DoUnbind, UnbindRequest{ports}))
	}
	return explained(failed)
}

// CanServe asks LocalMachine\My.
func (b *Binder) CanServe(thumbprint string) error {
	if why := b.Broken(thumbprint); why != "" {
		return &unservable{why}
	}
	return nil
}

// unservable is why HTTP.sys cannot present a certificate.
type unservable struct{ why string }

func (e *unservable) Error() string { return `HTTP.sys takes it from LocalMachine\My, and ` + e.why }

// Remedy says what a person can do.
func (*unservable) Remedy() string {
	return `import it with its key, as an administrator:  certutil -importpfx My FILE.pfx  (devcert issue NAME --pfx legacy makes one)`
}

// NewLeaf stands in a preview for the thumbprint of a leaf that is not made yet.
const NewLeaf = "<the new leaf's>"

// noHash has the shape of a thumbprint and is none.
var noHash = strings.Repeat("0", 40)

// Preview gives the netsh commands that Bind would run.
func (b *Binder) Preview(ctx context.Context, o devcert.BindOrder) ([]string, error) {
	req := requestFor(o, nil)
	if o.Thumbprint == "" {
		req.Thumbprint = noHash
	}
	var all order
	for ports := range slices.Chunk(o.Ports, MaxPorts) {
		req.Ports = ports
		part, err := req.order()
		if err != nil {
			return nil, err
		}
		part.ports = append(all.ports, part.ports...)
		all = part
	}
	s, err := b.look(ctx)
	if err != nil {
		return nil, explained(err)
	}
	lines, err := s.planFor(all, b.judge()).Lines()
	for i := range lines {
		lines[i] = strings.ReplaceAll(lines[i], "certhash="+noHash, "certhash="+NewLeaf)
	}
	return lines, err
}

// judge knows what can be seen without rights: not what the ledger remembers of
// certificates that are gone.
func (b *Binder) judge() judge {
	return judge{once(b.Whose), func(Record) bool { return false }}
}

// Probe does a TLS handshake with every port.
func (b *Binder) Probe(ctx context.Context, ports []int) []devcert.Answer {
	return front.Probe(ctx, ports)
}

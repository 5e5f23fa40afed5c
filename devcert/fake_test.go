package devcert

import (
	"context"
	"crypto/x509"
	"errors"
	"maps"
	"os"
	"slices"
	"sync"
)

// memStore is a trust store of one place.
type memStore struct {
	name    string
	mu      sync.Mutex
	roots   []*x509.Certificate
	calls   []string // "trust CN", "distrust CN"
	absent  bool     // its client is not on the machine
	blind   bool     // it cannot be looked into
	denied  bool     // it has the roots and distrusts them
	deaf    bool     // its tools run without complaint and do nothing
	partly  bool     // it takes the root and fails all the same
	fails   error    // what Trust and Distrust come to
	ready   error
	onTrust func()
}

func (s *memStore) Name() string { return s.name }

func (s *memStore) Look(_ context.Context, m Material) []Place {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := Place{Path: "/" + s.name, State: Missing}
	switch {
	case s.absent:
		return nil
	case s.blind:
		p.State, p.Evidence = Unknown, "permission denied"
		return []Place{p}
	}
	for _, root := range s.roots {
		if m.Root == nil || !root.Equal(m.Root) {
			p.Others = append(p.Others, root)
			continue
		}
		if p.State = Trusted; s.denied {
			p.State = Denied
		}
	}
	return []Place{p}
}

func (s *memStore) Ready(context.Context) error { return s.ready }

func (s *memStore) Trust(ctx context.Context, root *x509.Certificate) error {
	if s.onTrust != nil {
		s.onTrust()
	}
	return s.act(ctx, "trust", root, func() {
		s.denied = false
		if !slices.ContainsFunc(s.roots, root.Equal) {
			s.roots = append(s.roots, root)
		}
	})
}

func (s *memStore) Distrust(ctx context.Context, root *x509.Certificate) error {
	return s.act(ctx, "distrust", root, func() { s.roots = slices.DeleteFunc(s.roots, root.Equal) })
}

func (s *memStore) act(ctx context.Context, verb string, root *x509.Certificate, change func()) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, verb+" "+root.Subject.CommonName)
	if err := errors.Join(ctx.Err(), s.fails); err != nil {
		if s.partly && verb == "trust" {
			change()
		}
		return err
	}
	if !s.deaf {
		change()
	}
	return nil
}

// memBinder keeps its table in memory; a file in the state folder where the
// table's would be is garbage.
type memBinder struct {
	mu      sync.Mutex
	file    string
	table   map[int]string
	fails   error
	answers []Answer
}

func (b *memBinder) damaged() error {
	if _, err := os.Lstat(b.file); err == nil {
		return errors.New("it is no table")
	}
	return nil
}

func (b *memBinder) Bindings(context.Context) ([]Binding, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.damaged(); err != nil {
		return nil, err
	}
	var out []Binding
	for _, port := range slices.Sorted(maps.Keys(b.table)) {
		out = append(out, Binding{Port: port, Thumbprint: b.table[port]})
	}
	return out, nil
}

func (b *memBinder) Bind(_ context.Context, bindings []Binding) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := errors.Join(b.damaged(), b.fails); err != nil {
		return err
	}
	for _, binding := range bindings {
		b.table[binding.Port] = binding.Thumbprint
	}
	return nil
}

func (b *memBinder) Unbind(_ context.Context, ports []int) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fails != nil {
		return b.fails
	}
	for _, p := range ports {
		delete(b.table, p)
	}
	return nil
}

func (b *memBinder) Probe(context.Context, []int) []Answer { return b.answers }

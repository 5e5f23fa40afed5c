package devcert

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"

	"devcert/devcert/chain"
)

// memStore is a store of one place. It holds certificates of one part.
type memStore struct {
	name     string
	mu       sync.Mutex
	part     chain.Part
	certs    []*x509.Certificate
	calls    []string // "deploy CN", "withdraw CN"
	absent   bool     // its client is not on the machine
	blind    bool     // it cannot be looked into
	denied   bool     // it has the certificate and distrusts it, or its key does not open
	deaf     bool     // its tools run without complaint and do nothing
	partly   bool     // it takes the root and fails all the same
	fails    error    // what Trust and Distrust come to
	ready    error
	onDeploy func()
	after    string // the store that its Deploy waits for
	remedy   string // it is a person's to mend
	unlisted bool   // the revocation lists beside the certificate are lost
	got      Material
}

func (s *memStore) Name() string { return s.name }

func (s *memStore) Look(_ context.Context, m Material) []Place {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := Place{Path: "/" + s.name, Part: s.part, Machine: true, State: Missing, Remedy: s.remedy}
	switch {
	case s.absent:
		return nil
	case s.blind:
		p.State, p.Evidence = Unknown, "permission denied"
		return []Place{p}
	}
	wanted := m.Parts(s.part)
	p.Each(wanted, func(cert *x509.Certificate) (PlaceState, string, string) {
		switch {
		case !slices.ContainsFunc(s.certs, cert.Equal):
			return Missing, "", ""
		case s.denied:
			return Denied, "", ""
		case s.unlisted:
			return Stale, "", ""
		}
		return Trusted, "", ""
	})
	for _, cert := range s.certs {
		if !slices.ContainsFunc(wanted, cert.Equal) {
			p.Others = append(p.Others, cert)
		}
	}
	return []Place{p}
}

func (s *memStore) Ready(context.Context) error { return s.ready }

func (s *memStore) Deploy(ctx context.Context, m Material) error {
	if s.part == chain.PartLeaf && !chain.SameKey(m.Leaf, m.LeafKey) {
		return errors.New("the leaf came without its key")
	}
	if s.after != "" {
		m.After(s.after)
	}
	if s.onDeploy != nil {
		s.onDeploy()
	}
	for _, cert := range m.Parts(s.part) {
		err := s.act(ctx, "deploy", cert, func() {
			s.denied, s.unlisted, s.got = false, false, m
			if !slices.ContainsFunc(s.certs, cert.Equal) {
				s.certs = append(s.certs, cert)
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *memStore) Withdraw(ctx context.Context, cert *x509.Certificate) error {
	return s.act(ctx, "withdraw", cert, func() { s.certs = slices.DeleteFunc(s.certs, cert.Equal) })
}

func (s *memStore) act(ctx context.Context, verb string, cert *x509.Certificate, change func()) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, verb+" "+cert.Subject.CommonName)
	if err := errors.Join(ctx.Err(), s.fails); err != nil {
		if s.partly && verb == "deploy" {
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
	other   string // a certificate that can be bound besides the leaf
}

func (b *memBinder) damaged() error {
	if _, err := os.Lstat(b.file); err == nil {
		return fmt.Errorf("it is no table: %w", ErrTableDamaged)
	}
	return nil
}

func (b *memBinder) Table(context.Context) (PortTable, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.damaged(); err != nil {
		return PortTable{}, err
	}
	var out []Binding
	for _, port := range slices.Sorted(maps.Keys(b.table)) {
		out = append(out, Binding{Port: port, Thumbprint: b.table[port]})
	}
	return PortTable{Bindings: out}, nil
}

func (b *memBinder) Bind(_ context.Context, order BindOrder) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := errors.Join(b.damaged(), b.fails); err != nil {
		return err
	}
	for _, port := range order.Ports {
		b.table[port] = order.Thumbprint
	}
	return nil
}

func (b *memBinder) CanServe(thumbprint string) error {
	if thumbprint != b.other {
		return errors.New("it is not there")
	}
	return nil
}

func (b *memBinder) Preview(context.Context, BindOrder) ([]string, error) { return nil, nil }

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

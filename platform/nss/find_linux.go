package nss

import (
	"context"
	"crypto/x509"
	"path/filepath"
	"strings"
	"sync"

	"devcert/devcert"
)

// look asks certutil for the certificates of each nickname, a process each. Where
// there are many, as in the profiles of Firefox that kept every intermediate they
// met, it asks for those that devcert gives, and goes by the bytes for the rest.
func (t Tool) look(ctx context.Context, dir string, held held, root *x509.Certificate, seen *Seen) error {
	if !exists(filepath.Join(dir, keyFile)) {
		return &noKeysError{filepath.Join(dir, keyFile)}
	}
	if err := unlocked(ctx, dir); err != nil {
		return err
	}
	l := &search{ask: t.askAhead(ctx, dir, held, root)}
	listing, err := t.run(ctx, dir, nil, "-L")
	if err != nil {
		return err
	}
	l.entries, l.certs = parseListing(listing), make(map[string][]*x509.Certificate)
	few := len(l.entries) <= askAll
	if err := l.names(func(name string) bool { return few || strings.HasPrefix(name, "devcert ") }); err != nil {
		return err
	}
	if err := l.find(root); err != nil {
		return err
	}
	if err := l.candidates(held); err != nil {
		return err
	}
	seen.Others, seen.Clients = ours(l.found, root)
	if root != nil && has(l.found, root) {
		seen.judge(l, root)
	}
	return nil
}

// askAhead returns what asks for a nickname, and asks for the one that Add gives
// the root at once, while the list is made: a look takes as long as certutil
// starts, and needs it twice. Without a list that question ends with ctx.
func (t Tool) askAhead(ctx context.Context, dir string, held held, root *x509.Certificate) func(string) ([]*x509.Certificate, error) {
	ask := func(name string) ([]*x509.Certificate, error) { return t.named(ctx, dir, name) }
	if !held.mayHave(root) {
		return ask
	}
	likely := Nickname(root)
	ahead := sync.OnceValues(func() ([]*x509.Certificate, error) { return ask(likely) })
	go func() { _, _ = ahead() }()
	return func(name string) ([]*x509.Certificate, error) {
		if name == likely {
			return ahead()
		}
		return ask(name)
	}
}

// askAll is up to how many certificates each is asked for.
const askAll = 16

// search is one look at a database while it is made.
type search struct {
	ask     func(name string) ([]*x509.Certificate, error)
	entries []entry
	certs   map[string][]*x509.Certificate // by the nicknames that were asked for
	found   []*x509.Certificate
}

// names asks for the nicknames that are wanted.
func (l *search) names(want func(name string) bool) error {
	for _, e := range l.entries {
		if _, asked := l.certs[e.name]; asked || e.name == noName || !want(e.name) {
			continue
		}
		certs, err := l.ask(e.name)
		if err != nil {
			return err
		}
		l.certs[e.name] = certs
		l.found = unique(append(l.found, certs...))
	}
	return nil
}

// find looks for the root where it was not found by its nickname, and asks for
// all nicknames where it is not certain which is the root's.
func (l *search) find(root *x509.Certificate) error {
	if root == nil {
		return nil
	}
	alone := false
	for _, certs := range l.certs {
		alone = alone || has(certs, root) && len(certs) == 1
	}
	if alone {
		return nil
	}
	certs, err := l.ask(keyURI(root))
	if err != nil || !has(certs, root) {
		return err
	}
	l.found = unique(append(l.found, certs...))
	return l.names(func(string) bool { return true })
}

// candidates looks for the certificates of devcert's profile whose bytes are in
// the files: they may be remnants.
func (l *search) candidates(held held) error {
	for _, cert := range held.ours() {
		if has(l.found, cert) {
			continue
		}
		certs, err := l.ask(keyURI(cert))
		if err != nil {
			return err
		}
		if has(certs, cert) {
			l.found = append(l.found, cert)
		}
	}
	return nil
}

// judge reads the trust bits of the root off the lines with its nickname, or
// with one by which certutil finds nothing: it prints (NULL) for none. It gives
// all certificates of one subject for the nickname of each, so there may be lines
// that are another's: then they must agree.
func (s *Seen) judge(l *search, root *x509.Certificate) {
	bits, lost := make(map[string]bool), make(map[string]bool)
	for _, e := range l.entries {
		switch certs, asked := l.certs[e.name]; {
		case has(certs, root):
			bits[e.trust] = true
		case len(certs) == 0 && (asked || e.name == noName):
			lost[e.trust] = true
		}
	}
	if len(bits) == 0 {
		bits = lost
	}
	if len(bits) != 1 {
		s.State, s.Evidence = devcert.Unknown, "several certificates there have the root's name, and not the same trust"
		return
	}
	for trust := range bits {
		s.Trust = trust
	}
	s.State, s.Evidence = stateOf(s.Trust, s.Newer)
}

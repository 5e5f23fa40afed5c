package devcert

import (
	"context"
	"errors"
	"fmt"
	"math/rand"
	"testing"

	"github.com/stretchr/testify/require"
)

// command is one thing that a person does; what it comes to is not asked.
type command struct {
	name string
	run  func(e *Engine, m *machine) error
}

var commands = []command{
	{"setup", func(e *Engine, _ *machine) error { _, err := e.Setup(context.Background(), quick()); return err }},
	{"setup --name", func(e *Engine, _ *machine) error {
		_, err := e.Setup(context.Background(), Request{Names: []string{"app.test"}})
		return err
	}},
	{"setup --permit", func(e *Engine, _ *machine) error { _, err := e.Setup(context.Background(), otherRoot); return err }},
	{"setup --ports", func(e *Engine, _ *machine) error {
		_, err := e.Setup(context.Background(), Request{Ports: "44302-44305"})
		return err
	}},
	{"repair", func(e *Engine, _ *machine) error { _, err := e.Repair(context.Background()); return err }},
	{"repair --only", func(e *Engine, _ *machine) error {
		e.Only = []string{TrustMissing, BindingStale}
		_, err := e.Repair(context.Background())
		return err
	}},
	{"renew --force", func(e *Engine, _ *machine) error { _, err := e.Renew(context.Background(), true, false); return err }},
	{"renew --root", func(e *Engine, _ *machine) error { _, err := e.Renew(context.Background(), false, true); return err }},
	{"uninstall", func(e *Engine, _ *machine) error { _, err := e.Uninstall(context.Background(), false); return err }},
	{"a refusing store", func(_ *Engine, m *machine) error { m.stores["firefox"].fails = errors.New("no"); return nil }},
	{"a deaf store", func(_ *Engine, m *machine) error { m.stores[SystemStore].deaf = true; return nil }},
	{"an interrupted setup", func(e *Engine, _ *machine) error {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		e.Step = func(StepResult) { cancel() }
		_, err := e.Setup(ctx, otherRoot)
		return err
	}},
	{"a setup that is interrupted at a store", func(e *Engine, m *machine) error {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		store := m.stores["firefox"]
		store.onDeploy = cancel
		defer func() { store.onDeploy = nil }()
		_, err := e.Setup(ctx, otherRoot)
		return err
	}},
}

// Whatever people and accidents do in whatever order: once the stores work
// again, one setup and at most one repair make everything right, with one root
// in every store. The seeds are fixed, so that a failure can be looked at.
func TestAnyHistoryConverges(t *testing.T) {
	rounds := 25
	if testing.Short() {
		rounds = 5
	}
	for seed := range rounds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			random := rand.New(rand.NewSource(int64(seed)))
			m := setUp(t, "firefox")
			var history []string
			for range 8 {
				history = append(history, m.something(random))
			}
			for _, s := range m.stores {
				s.fails, s.deaf, s.denied = nil, false, false
			}
			require.NotPanics(t, func() { _, _ = m.engine().Setup(context.Background(), quick()) })
			r := m.mustRepair()
			require.Empty(t, describe(r.Findings), "after %q", history)
			require.Empty(t, describe(m.status().Findings), "after %q", history)
			for _, s := range m.stores {
				require.Len(t, s.certs, 1, "in %s, after %q", s.name, history)
			}
		})
	}
}

// something is a command or a breakage by chance, and returns its name.
func (m *machine) something(random *rand.Rand) string {
	if random.Intn(2) == 0 {
		c := commands[random.Intn(len(commands))]
		_ = c.run(m.engine(), m)
		return c.name
	}
	b := breakages[random.Intn(len(breakages))]
	folder := m.status().Seen.Folder
	switch {
	case folder.Current == "" || len(folder.Damage) > 0:
		return "nothing" // the breakages presume a folder that is whole
	case b.name == "the ledger deleted":
		return "nothing" // with the generations lost too, nobody knows the root: uninstall --all
	}
	b.wreck(m)
	return b.name
}

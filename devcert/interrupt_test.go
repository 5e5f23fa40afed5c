package devcert

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

// A person who ends a run while a store is being changed is told so, whatever
// step it was, and what may yet come of it stays on record.
func TestInterruptedAtAStore(t *testing.T) {
	for _, row := range []struct {
		name   string
		before func(m *machine)
		run    func(ctx context.Context, e *Engine) error
		roots  int // on record afterwards
	}{
		{"first setup", func(*machine) {}, func(ctx context.Context, e *Engine) error {
			_, err := e.Setup(ctx, quick())
			return err
		}, 1},
		{"the last step of a repair", func(m *machine) {
			m.mustSetup(quick())
			m.stores[SystemStore].certs = nil
		}, func(ctx context.Context, e *Engine) error {
			_, err := e.Repair(ctx)
			return err
		}, 1},
		{"a new root", func(m *machine) { m.mustSetup(quick()) }, func(ctx context.Context, e *Engine) error {
			_, err := e.Renew(ctx, false, true)
			return err
		}, 2},
	} {
		t.Run(row.name, func(t *testing.T) {
			m := newMachine(t)
			row.before(m)
			ctx, cancel := context.WithCancel(t.Context())
			store := m.stores[SystemStore]
			store.onDeploy, store.calls = cancel, nil
			err := row.run(ctx, m.engine())
			require.ErrorContains(t, err, "interrupted: system: ")
			require.ErrorIs(t, err, context.Canceled)
			var partial *PartialError
			require.False(t, errors.As(err, &partial))
			require.Len(t, store.calls, 1, "nothing else is begun")
			require.Len(t, m.ledger().Entries, row.roots)

			store.onDeploy = nil
			m.mustSetup(quick())
			require.Empty(t, m.status().Findings)
			require.Len(t, store.certs, 1)
		})
	}
}

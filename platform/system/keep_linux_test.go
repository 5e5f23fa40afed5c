package system

import (
	"context"
	"errors"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// What the tool writes in place is kept before the tool runs and settled after it,
// also where the tool fails; what cannot be kept is not put at risk.
func TestKeepsWhatTheToolWrites(t *testing.T) {
	for _, row := range []struct {
		name   string
		keeps  error
		fails  bool // the tool
		change func(c Changer, s *scratch) error
		calls  []int // how often the tool had run at each call
		runs   int
	}{
		{"trust", nil, false, trustAny, []int{1, 2}, 2},
		{"the tool fails", nil, true, trustAny, []int{1, 2}, 2},
		{"cannot be kept", errors.New("disk full"), false, trustAny, []int{1}, 1},
		{"nothing to remove", nil, false, distrustAny, []int{1, 1}, 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newScratch(t, debian)
			s.rebuild()
			before := s.listing()
			if row.fails {
				require.NoError(t, os.WriteFile(s.root+"/fail", nil, 0o644))
				before = s.listing()
			}
			var calls []int
			call := func() error { calls = append(calls, s.runs()); return row.keeps }
			err := row.change(Changer{Root: s.root, Keep: func(context.Context, func()) (func() error, error) {
				return call, call()
			}}, s)
			require.Equal(t, row.fails || row.keeps != nil, err != nil, "%v", err)
			require.Equal(t, row.calls, calls)
			require.Equal(t, row.runs, s.runs())
			if err != nil {
				require.Equal(t, before, s.listing())
			}
			require.NoDirExists(t, s.root+machineFolder)
		})
	}
}

func trustAny(c Changer, s *scratch) error {
	return c.Trust(s.t.Context(), newRoot(s.t), func() {})
}

func distrustAny(c Changer, s *scratch) error {
	return c.Distrust(s.t.Context(), newRoot(s.t), func() {})
}

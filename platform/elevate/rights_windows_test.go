package elevate

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/windows"

	"devcert/devcert"
)

func TestCanAsk(t *testing.T) {
	for _, row := range []struct {
		name string
		r    rights
		want bool
	}{
		{"an administrator's account", rights{limited: true}, true},
		{"a plain user, asked for an administrator's password", rights{}, true},
		{"plain users are refused", rights{noUsers: true}, false},
		{"plain users are, this is none", rights{limited: true, noUsers: true}, true},
		{"UAC is off", rights{noUAC: true}, false},
		{"through ssh", rights{limited: true, noPlace: true}, false},
	} {
		require.Equal(t, row.want, row.r.canAsk(), row.name)
	}
	lookAtRights() // on this machine, whatever it says
	require.Equal(t, uint64(7), policy("NoSuchSetting", 7))
}

func TestRefusal(t *testing.T) {
	for err, want := range map[error]error{
		windows.ERROR_CANCELLED:                 devcert.ErrDeclined,
		windows.ERROR_ACCESS_DISABLED_BY_POLICY: devcert.ErrNeedsAdmin,
		windows.ERROR_ACCESS_DENIED:             devcert.ErrNeedsAdmin,
	} {
		require.ErrorIs(t, refusal(err), want)
		require.ErrorIs(t, refusal(err), err)
	}
	other := refusal(windows.ERROR_FILE_NOT_FOUND)
	require.NotErrorIs(t, other, devcert.ErrDeclined)
	require.NotErrorIs(t, other, devcert.ErrNeedsAdmin)
}

// A person is asked once: not again after a no, nor when the child has ended.
func TestAskedOnce(t *testing.T) {
	asked := 0
	answer := func(err error) opener {
		asked = 0
		return askOnce(func(context.Context) (*link, error) {
			asked++
			return nil, err
		})
	}
	open := answer(devcert.ErrDeclined)
	_, err := open(t.Context(), false)
	require.ErrorIs(t, err, devcert.ErrNeedsAdmin)
	require.Zero(t, asked, "nobody was to be asked")
	for range 2 {
		_, err = open(t.Context(), true)
		require.ErrorIs(t, err, devcert.ErrDeclined)
	}
	_, err = open(t.Context(), false)
	require.ErrorIs(t, err, devcert.ErrDeclined)
	require.Equal(t, 1, asked)

	open = answer(nil)
	_, err = open(t.Context(), true)
	require.NoError(t, err)
	_, err = open(t.Context(), true)
	require.ErrorContains(t, err, "it has ended")
	require.Equal(t, 1, asked)

	open = answer(errors.New("no such program"))
	_, err = open(t.Context(), true)
	require.ErrorContains(t, err, "no such program")
}

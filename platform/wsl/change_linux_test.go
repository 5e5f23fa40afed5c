package wsl

import (
	"context"
	"crypto/x509"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/devcert/chain"
)

// outcome is what came of a change, and what is in the user's store afterwards.
type outcome struct {
	refused  string // a part of the error; "" for none
	declined bool   // by a person, or for want of one
	remedy   string
	asked    []string
	there    bool
}

func (w *world) require(want outcome, err error, cert *x509.Certificate) {
	w.t.Helper()
	if want.refused == "" {
		require.NoError(w.t, err)
	} else {
		require.ErrorContains(w.t, err, want.refused)
		require.NotContains(w.t, err.Error(), "EncodedCommand")
	}
	if want.declined {
		require.ErrorIs(w.t, err, devcert.ErrDeclined)
	} else {
		require.NotErrorIs(w.t, err, devcert.ErrDeclined)
	}
	if want.remedy != "" {
		var remedied interface{ Remedy() string }
		require.ErrorAs(w.t, err, &remedied)
		require.Equal(w.t, want.remedy, remedied.Remedy())
	}
	require.Equal(w.t, want.asked, w.asked())
	now := w.windows()
	var in []entry
	for where, ders := range now.Stores {
		for _, der := range ders {
			in = append(in, entry{where, der})
		}
	}
	require.Equal(w.t, want.there, has(in, userRoot, cert))
}

func TestDeploy(t *testing.T) {
	mine, other := newRoot(t, "anna@birch"), newRoot(t, "anna@birch")
	looked, changed := []string{"look"}, []string{"look", "add"}
	for _, row := range []struct {
		name    string
		windows windows
		alone   bool // nobody sits at a terminal
		hasty   bool // a person's patience is short
		want    outcome
	}{
		{"the person says yes", windows{Dialog: "yes"}, false, false, outcome{"", false, "", changed, true}},
		{"beside another of the same name", windows{Dialog: "yes", Stores: map[place][][]byte{userRoot: {other.Root.Raw}}}, false, false, outcome{"", false, "", changed, true}},
		{"the person says no", windows{Dialog: "no"}, false, false, outcome{"the person whom Windows asked said no", true, command, changed, false}},
		{"nobody answers", windows{}, false, true, outcome{"nobody answered the dialog", true, command, changed, false}},
		{"nobody is there", windows{Dialog: "yes"}, true, false, outcome{"needs a person at a terminal", true, command, looked, false}},
		{"nobody is there, and it is there already", windows{Stores: map[place][][]byte{userRoot: {mine.Root.Raw}}}, true, false, outcome{"", false, "", looked, true}},
		{"it is in the machine's store", windows{Stores: map[place][][]byte{machineRoot: {mine.Root.Raw}}}, true, false, outcome{"", false, "", looked, false}},
		{"users may not", windows{Dialog: "yes", Policy: true}, false, false, outcome{"windows denies access", false, command, changed, false}},
		{"the user distrusted it", windows{Dialog: "yes", Stores: map[place][][]byte{userBanned: {mine.Root.Raw}}}, false, false, outcome{"", false, "", changed, true}},
		{"the machine distrusts it", windows{Dialog: "yes", Stores: map[place][][]byte{machineBanned: {mine.Root.Raw}}}, false, false,
			outcome{`LocalMachine\Disallowed has it`, false, "remove it there: run certlm.msc in Windows, Untrusted Certificates", looked, false}},
		{"garbage", windows{Dialog: "yes", Mode: "garbage"}, false, false, outcome{"something else than a list", false, command, looked, false}},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t)
			w.become(row.windows)
			w.store.Interactive = !row.alone
			if row.hasty {
				w.store.hastier = 4 * time.Second
			}
			err := w.store.Deploy(t.Context(), devcert.Material{Root: mine.Root})
			w.require(row.want, err, mine.Root)
			if len(w.asked()) > 1 {
				require.Len(t, w.said, 1, "a person is told of the dialog before it is there")
				require.Contains(t, w.said[0], mine.Root.Subject.CommonName)
			} else {
				require.Empty(t, w.said)
			}
			if err == nil {
				require.Equal(t, devcert.Trusted, w.store.Look(t.Context(), devcert.Material{Root: mine.Root})[0].State)
			}
		})
	}
}

func TestWithdraw(t *testing.T) {
	mine, other := newRoot(t, "anna@birch"), newRoot(t, "anna@birch")
	looked, changed := []string{"look"}, []string{"look", "remove"}
	user := map[place][][]byte{userRoot: {other.Root.Raw, mine.Root.Raw}}
	byHand := "in PowerShell in Windows:  certutil.exe -user -delstore Root " + chain.Thumbprint(mine.Root)
	asAdmin := "in PowerShell in Windows, as administrator:  certutil.exe -delstore Root " + chain.Thumbprint(mine.Root)
	for _, row := range []struct {
		name    string
		windows windows
		alone   bool
		want    outcome
	}{
		{"the person says yes", windows{Dialog: "yes", Stores: user}, false, outcome{"", false, "", changed, false}},
		{"the person says no", windows{Dialog: "no", Stores: user}, false, outcome{"said no", true, byHand, changed, true}},
		{"nobody is there", windows{Dialog: "yes", Stores: user}, true, outcome{"needs a person at a terminal", true, byHand, looked, true}},
		{"it is not there", windows{}, true, outcome{"", false, "", looked, false}},
		{"another of the same name alone is there", windows{Stores: map[place][][]byte{userRoot: {other.Root.Raw}}}, true, outcome{"", false, "", looked, false}},
		{"the machine has it", windows{Dialog: "yes", Stores: map[place][][]byte{machineRoot: {mine.Root.Raw}}}, false,
			outcome{"only an administrator of Windows", false, asAdmin, looked, false}},
		{"users may not", windows{Dialog: "yes", Policy: true, Stores: user}, false, outcome{"windows denies access", false, byHand, changed, true}},
		{"garbage", windows{Dialog: "yes", Mode: "garbage", Stores: user}, false, outcome{"something else than a list", false, byHand, looked, true}},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t)
			w.become(row.windows)
			w.store.Interactive = !row.alone
			err := w.store.Withdraw(t.Context(), mine.Root)
			w.require(row.want, err, mine.Root)
			require.Equal(t, len(row.windows.Stores[userRoot]) > 0, len(w.windows().Stores[userRoot]) > 0, "others stay")
		})
	}
}

// Nothing but roots of devcert's profile goes to Windows, or is taken from it.
func TestNothingElseIsTouched(t *testing.T) {
	mine := newRoot(t, "anna@birch")
	foreign, err := x509.ParseCertificate(mine.Root.Raw)
	require.NoError(t, err)
	foreign.Raw = append([]byte{}, foreign.Raw...)
	foreign.Raw[len(foreign.Raw)-1] ^= 1 // its signature proves nothing now
	for _, row := range []struct {
		name string
		root *x509.Certificate
	}{{"no root", nil}, {"a leaf", mine.Leaf.Cert}, {"an intermediate", mine.Intermediate.Cert}, {"a forged root", foreign}} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t)
			require.Error(t, w.store.Deploy(t.Context(), devcert.Material{Root: row.root}))
			require.Empty(t, w.asked())
		})
	}
	w := newWorld(t)
	require.Error(t, w.store.Withdraw(t.Context(), foreign))
	require.Empty(t, w.asked())
}

// What ends the run is not taken for a person who does not answer.
func TestChangeThatIsEnded(t *testing.T) {
	for _, why := range []error{context.Canceled, context.DeadlineExceeded} {
		t.Run(why.Error(), func(t *testing.T) {
			w := newWorld(t)
			w.become(windows{})
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			go func() {
				for !slices.Contains(w.asked(), "add") && ctx.Err() == nil {
					time.Sleep(10 * time.Millisecond)
				}
				cancel(why)
			}()
			err := w.store.Deploy(ctx, devcert.Material{Root: newRoot(t, "anna@birch").Root})
			require.ErrorIs(t, err, why)
			require.NotErrorIs(t, err, devcert.ErrDeclined)
		})
	}
}

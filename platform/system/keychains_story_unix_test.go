//go:build linux || darwin

package system

import (
	"context"
	"crypto/x509"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/devcert/chain"
	"devcert/platform/front"
	"devcert/platform/internal/standin"
	"devcert/platform/securefile"
)

// engine runs devcert's commands on the machine, with these stores alone.
func (w *mac) engine() *devcert.Engine {
	dir := filepath.Join(w.Home, "Library", "Application Support", "devcert")
	return &devcert.Engine{
		Host: &devcert.Host{
			Owner: devcert.Owner{User: "anna", Host: "birch", Machine: "m"}, StateDir: dir, Files: securefile.Files{},
			Stores: w.k.Stores(), Binder: front.New(dir, securefile.Files{}), Roots: w.k.Roots,
			Overrides: func(*x509.Certificate) []devcert.Override { return nil },
		},
		Command: "test", Now: time.Now, Timeout: time.Minute, Say: func(string) {}, Confirm: func(string) error { return nil },
	}
}

func kinds(r *devcert.Report) (all []string) {
	for _, f := range r.Findings {
		all = append(all, string(f.Severity)+" "+f.Kind)
	}
	return all
}

// The whole story of the machine's keychain: set up, lost with an update of macOS,
// repaired, replaced, taken away.
func TestMacStory(t *testing.T) {
	w, ctx := newMac(t), t.Context()
	r, err := w.engine().Setup(ctx, devcert.Request{Ports: "none"})
	require.NoError(t, err)
	require.Empty(t, kinds(r))
	require.Equal(t, 1, w.Asked())
	w.Calls()
	r, err = w.engine().Setup(ctx, devcert.Request{})
	require.NoError(t, err)
	require.Empty(t, r.Steps)
	require.Empty(t, w.Calls())

	root := r.Seen.Folder.Hierarchy.Root
	w.Run("remove-trusted-cert", "-d", w.file(root))
	w.Run("delete-certificate", "-Z", chain.Thumbprint(r.Seen.Folder.Hierarchy.Intermediate.Cert), w.Login())
	w.take()
	r, err = w.engine().Status(ctx, false)
	require.NoError(t, err)
	require.Equal(t, []string{"error trust-denied", "error intermediate-missing"}, kinds(r))
	require.Zero(t, w.Asked())
	r, err = w.engine().Repair(ctx)
	require.NoError(t, err)
	require.Empty(t, kinds(r))
	w.take()

	r, err = w.engine().Renew(ctx, true, true)
	require.NoError(t, err)
	require.Empty(t, kinds(r))
	require.False(t, r.Seen.Folder.Hierarchy.Root.Equal(root))
	_, err = w.engine().Uninstall(ctx, false)
	require.NoError(t, err)
	for _, path := range []string{w.System(), w.Login()} {
		ders, err := w.k.Tool.Certificates(ctx, path)
		require.NoError(t, err)
		require.Empty(t, ders, path)
	}
	for _, d := range []string{"admin", "user"} {
		require.NoFileExists(t, filepath.Join(w.Root, "usr/bin", d+".plist"), "no trust is left")
	}
}

// Of a user: the login keychain alone, no rights, one question.
func TestMacStoryOfAUser(t *testing.T) {
	w, ctx := newMac(t), t.Context()
	w.refused = devcert.ErrNeedsAdmin
	r, err := w.engine().Setup(ctx, devcert.Request{Ports: "none", Scope: devcert.ScopeUser})
	require.NoError(t, err)
	require.Empty(t, kinds(r))
	require.Equal(t, 1, w.Asked())
	ders, err := w.k.Tool.Certificates(ctx, w.System())
	require.NoError(t, err)
	require.Empty(t, ders)
	w.Run("remove-trusted-cert", w.file(r.Seen.Folder.Hierarchy.Root))
	r, err = w.engine().Status(ctx, false)
	require.NoError(t, err)
	require.Equal(t, []string{"error trust-denied"}, kinds(r))
	_, err = w.engine().Repair(ctx)
	require.NoError(t, err)
	_, err = w.engine().Uninstall(ctx, false)
	require.NoError(t, err)
	require.NoFileExists(t, filepath.Join(w.Root, "usr/bin/user.plist"))
}

// Nobody is there: whatever the command, nobody is asked, what is there stays, and
// the error is a person's matter.
func TestMacStoryNonInteractive(t *testing.T) {
	for _, scope := range []string{devcert.ScopeMachine, devcert.ScopeUser} {
		t.Run(scope, func(t *testing.T) {
			w, ctx := newMac(t), t.Context()
			w.k.Interactive = false
			r, err := w.engine().Setup(ctx, devcert.Request{Ports: "none", Scope: scope})
			require.ErrorIs(t, err, devcert.ErrDeclined)
			require.Equal(t, []string{"error trust-missing"}, kinds(r))
			_, err = w.engine().Repair(ctx)
			require.ErrorIs(t, err, devcert.ErrDeclined)

			w.k.Interactive = true
			_, err = w.engine().Repair(ctx)
			require.NoError(t, err)
			w.take()
			w.k.Interactive = false
			before, err := w.engine().Status(ctx, false)
			require.NoError(t, err)
			if scope == devcert.ScopeMachine {
				_, err = w.engine().Renew(ctx, true, true)
				require.ErrorIs(t, err, devcert.ErrDeclined)
				require.Empty(t, w.Calls(), "nothing is begun that cannot be finished")
			}
			_, err = w.engine().Uninstall(ctx, false)
			require.ErrorIs(t, err, devcert.ErrDeclined)
			for _, s := range w.k.Stores() {
				for _, p := range s.Look(ctx, devcert.Material{Root: before.Seen.Folder.Hierarchy.Root}) {
					if p.Machine == (scope == devcert.ScopeMachine) && p.Part == "root" {
						require.NotEqual(t, devcert.Missing, p.State, "what could not be taken away is seen")
					}
				}
			}
			require.Zero(t, w.Asked())
			w.set(func(s *standin.Settings) { s.Rule = "allow" })
			_, err = w.engine().Uninstall(context.WithoutCancel(ctx), false)
			require.NoError(t, err)
			require.Zero(t, w.Asked())
		})
	}
}

package java

import (
	"context"
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
)

func TestDeployAndWithdraw(t *testing.T) {
	w, h := newWorld(t), newHierarchy(t)
	path, m := w.users("jdk-21"), materialOf(h)
	before := w.bytes(path)
	require.NoError(t, os.Chmod(path, 0o640))
	w.requireState(devcert.Missing, path, m)

	require.NoError(t, w.store.Deploy(t.Context(), m))
	p := w.requireState(devcert.Trusted, path, m)
	require.Equal(t, "read in the keystore", p.VerifiedBy)
	require.False(t, p.Machine)
	require.Empty(t, p.Others)
	require.Equal(t, []*x509.Certificate{h.Root}, w.look(devcert.Material{})[path].Others)
	if exe == "" {
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o640), info.Mode().Perm())
	}
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.NoError(t, w.store.Deploy(t.Context(), m))
	again, err := os.Stat(path)
	require.NoError(t, err)
	require.True(t, os.SameFile(info, again), "it was right, and was written again")
	require.Equal(t, info.ModTime(), again.ModTime())

	require.NoError(t, w.store.Withdraw(t.Context(), h.Root))
	w.requireState(devcert.Missing, path, m)
	require.Equal(t, before, w.bytes(path))
	require.NoError(t, w.store.Withdraw(t.Context(), h.Root))
	w.requireNothingLeft(path)
	require.Zero(t, w.asked)
}

// Debian's hook adds the anchor under its own alias and never removes it; a
// person may have added it under a third.
func TestWithdrawByBytes(t *testing.T) {
	w, root, former := newWorld(t), newRoot(t), newRoot(t)
	path := w.users("jdk-21")
	w.write(path, append(usual(t),
		entry{alias: "debian:devcert-0a1b2c3d.pem", der: root.Raw},
		entry{alias: "my proxy", der: root.Raw},
		entry{alias: "former", der: former.Raw})...)
	p := w.requireState(devcert.Trusted, path, devcert.Material{Root: root})
	require.Equal(t, []*x509.Certificate{former}, p.Others)
	require.NoError(t, w.store.Withdraw(t.Context(), root))
	k, err := parseKeystore(w.bytes(path))
	require.NoError(t, err)
	require.False(t, k.has(root))
	require.Len(t, k.aliases(former), 1)
	require.Equal(t, 2, k.roots())
}

// Nothing that goes wrong costs a certificate.
func TestChangeFails(t *testing.T) {
	root := newRoot(t)
	for _, row := range []struct {
		name         string
		prepare      func(t *testing.T, w *world, path string)
		says, remedy string
	}{
		{"keytool fails and has emptied the file", func(_ *testing.T, w *world, path string) { w.ill(path, "fails") },
			"keytool", "run by hand: "},
		{"keytool does nothing", func(_ *testing.T, w *world, path string) { w.ill(path, "idle") },
			"would have changed more", "run by hand: "},
		{"keytool removes another's", func(_ *testing.T, w *world, path string) { w.ill(path, "greedy") },
			"would have changed more", "run by hand: "},
		{"the alias is another's", func(t *testing.T, w *world, path string) {
			w.write(path, entry{alias: alias(root), der: sampleCert(t, "other.pem").Raw})
		}, "another certificate has the alias", "run by hand: "},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t)
			path, healthy := w.users("jdk-21"), w.users("jdk-25")
			row.prepare(t, w, path)
			before := w.bytes(path)
			err := w.store.Deploy(t.Context(), devcert.Material{Root: root})
			require.ErrorContains(t, err, row.says)
			require.ErrorContains(t, err, path)
			requireRemedy(t, err, row.remedy)
			require.Equal(t, before, w.bytes(path))
			w.requireNothingLeft(path)
			w.requireState(devcert.Trusted, healthy, devcert.Material{Root: root})
		})
	}
}

// What is a person's to mend is said by the look, left as it is, and keeps no
// other Java from trusting us.
func TestLeftToAPerson(t *testing.T) {
	for _, row := range []struct {
		name         string
		prepare      func(t *testing.T, w *world, path string)
		says, remedy string
	}{
		{"another password", func(t *testing.T, _ *world, path string) {
			require.NoError(t, os.WriteFile(path, sample(t, "another-password.jks"), 0o600))
		}, "password other than", "-importcert -noprompt -alias devcert-"},
		{"read-only", func(t *testing.T, _ *world, path string) {
			require.NoError(t, os.Chmod(path, 0o444))
			t.Cleanup(func() { _ = os.Chmod(path, 0o644) })
		}, "it is read-only", "writable"},
		{"encrypted", func(t *testing.T, _ *world, path string) {
			require.NoError(t, os.WriteFile(path, sample(t, "encrypted.p12"), 0o600))
		}, "encrypted", "made anew"},
		{"no keystore", func(t *testing.T, _ *world, path string) {
			require.NoError(t, os.WriteFile(path, []byte("\n"), 0o600))
		}, "not a keystore", "made anew"},
		{"no keytool", func(t *testing.T, _ *world, path string) {
			require.NoError(t, os.Remove(filepath.Join(homeOf(path), "bin", "keytool"+exe)))
		}, "no Java that reads it has a keytool", "install a whole JDK"},
	} {
		t.Run(row.name, func(t *testing.T) {
			w, m := newWorld(t), devcert.Material{Root: newRoot(t)}
			path, healthy := w.users("jdk-21"), w.users("jdk-25")
			row.prepare(t, w, path)
			before := w.bytes(path)
			p := w.look(m)[path]
			require.Contains(t, p.Evidence, row.says)
			require.Contains(t, p.Remedy, row.remedy)
			require.NoError(t, w.store.Deploy(t.Context(), m))
			require.Equal(t, before, w.bytes(path))
			w.requireNothingLeft(path)
			w.requireState(devcert.Trusted, healthy, m)
		})
	}
}

// What another program changes meanwhile must not be lost.
func TestChangedMeanwhile(t *testing.T) {
	w := newWorld(t)
	path := w.users("jdk-21")
	d, err := newDraft(t.Context(), path, nil)
	require.NoError(t, err)
	w.write(path, append(usual(t), entry{alias: "new", der: newRoot(t).Raw})...)
	after := w.bytes(path)
	require.ErrorIs(t, d.commit(), errChanged)
	d.drop()
	require.Equal(t, after, w.bytes(path))
	w.requireNothingLeft(path)
}

// One devcert at a time changes a keystore, and what a killed one has left is no
// obstacle.
func TestDraftIsALock(t *testing.T) {
	w := newWorld(t)
	path := w.users("jdk-21")
	require.NoError(t, os.WriteFile(beside(path), []byte("half"), 0o600))
	d, err := newDraft(t.Context(), path, nil)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err = newDraft(ctx, path, func() {})
	require.ErrorContains(t, err, "another devcert")
	require.ErrorIs(t, err, context.DeadlineExceeded)
	d.drop()
	d, err = newDraft(t.Context(), path, nil)
	require.NoError(t, err)
	d.drop()
	w.requireNothingLeft(path)
}

func TestUserOnlyLeavesTheMachines(t *testing.T) {
	w, m := newWorld(t), devcert.Material{Root: newRoot(t)}
	own, shared := w.users("jdk-21"), w.machines("java-17")
	m.UserOnly = true
	require.NoError(t, w.store.Deploy(t.Context(), m))
	w.requireState(devcert.Trusted, own, m)
	require.True(t, w.requireState(devcert.Missing, shared, m).Machine)
	w.requireState(devcert.Missing, shared, m)
	require.Zero(t, w.asked)
}

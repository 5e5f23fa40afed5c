//go:build unix

package keychain

import (
	"context"
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/devcert/chain"
	"devcert/platform/internal/standin"
)

func TestMain(m *testing.M) { os.Exit(standin.Run(m)) }

// world is a machine, its tool as the user runs it, and a hierarchy.
type world struct {
	*standin.Machine
	tool Tool
	h    *chain.Hierarchy
	temp string
}

func newWorld(t *testing.T) *world {
	w := &world{Machine: standin.New(t), temp: t.TempDir()}
	w.tool = Tool{Home: w.Home, Temp: w.temp, Root: w.Root}
	h, err := chain.New(chain.Options{Owner: "anna@birch", Key: chain.RSA, Now: time.Now()})
	require.NoError(t, err)
	w.h = h
	return w
}

func (w *world) question() Question {
	return Question{Leaf: w.h.Leaf.Cert, Intermediates: nil, Host: "localhost", At: time.Now()}
}

func TestTrustAndDistrust(t *testing.T) {
	w := newWorld(t)
	q := Question{w.h.Leaf.Cert, []*x509.Certificate{w.h.Intermediate.Cert}, "localhost", time.Time{}}
	refusal, err := w.tool.Verify(t.Context(), q)
	require.NoError(t, err)
	require.Contains(t, refusal, "CSSMERR_TP_NOT_TRUSTED")
	_, err = w.tool.Settings(t.Context(), User)
	require.ErrorIs(t, err, ErrNoSettings)
	require.Zero(t, w.Asked(), "a look asks nobody")

	require.NoError(t, w.tool.Trust(t.Context(), User, w.Login(), w.h.Root))
	require.Equal(t, 1, w.Asked())
	s, err := w.tool.Settings(t.Context(), User)
	require.NoError(t, err)
	require.Equal(t, Trusted, s.Of(w.h.Root))
	refusal, err = w.tool.Verify(t.Context(), q)
	require.NoError(t, err)
	require.Empty(t, refusal)
	q.At = w.h.Leaf.Cert.NotAfter.Add(time.Hour)
	refusal, err = w.tool.Verify(t.Context(), q)
	require.NoError(t, err)
	require.NotEmpty(t, refusal, "by that time it is expired")
	q.At, q.Host = time.Time{}, "example.com"
	refusal, err = w.tool.Verify(t.Context(), q)
	require.NoError(t, err)
	require.NotEmpty(t, refusal)

	require.NoError(t, w.tool.Distrust(t.Context(), User, w.h.Root))
	require.NoError(t, w.tool.Delete(t.Context(), w.Login(), w.h.Root))
	require.NoError(t, w.tool.Delete(t.Context(), w.Login(), w.h.Root), "what is not there")
	ders, err := w.tool.Certificates(t.Context(), w.Login())
	require.NoError(t, err)
	require.Empty(t, ders)
	left, err := os.ReadDir(w.temp)
	require.NoError(t, err)
	require.Empty(t, left, "no file of ours is left")
}

// Whoever does not allow it, and however long nobody answers: the certificate is
// not left there without its trust, and the error is a person's matter.
func TestTrustDeclined(t *testing.T) {
	for _, answer := range []string{"no", "nobody", "never"} {
		t.Run(answer, func(t *testing.T) {
			w := newWorld(t)
			w.tool.Patience = 2 * time.Second
			w.Set(standin.Settings{Answer: answer, Rule: "ask"})
			err := w.tool.Trust(t.Context(), User, w.Login(), w.h.Root)
			require.ErrorIs(t, err, devcert.ErrDeclined)
			var remedied interface{ Remedy() string }
			require.ErrorAs(t, err, &remedied)
			require.Contains(t, remedied.Remedy(), "screen")
			ders, err := w.tool.Certificates(t.Context(), w.Login())
			require.NoError(t, err)
			require.Empty(t, ders)
		})
	}
	w := newWorld(t)
	require.NoError(t, w.tool.Add(t.Context(), w.Login(), w.h.Root))
	w.Set(standin.Settings{Answer: "no", Rule: "ask"})
	require.ErrorIs(t, w.tool.Trust(t.Context(), User, w.Login(), w.h.Root), devcert.ErrDeclined)
	ders, err := w.tool.Certificates(t.Context(), w.Login())
	require.NoError(t, err)
	require.Len(t, ders, 1, "what was there before stays")
}

// What is no matter of trust settings is nobody's no.
func TestChangeFails(t *testing.T) {
	w := newWorld(t)
	err := w.tool.Trust(t.Context(), User, w.System(), w.h.Root)
	require.ErrorContains(t, err, "exit status 1: SecCertificateAddToKeychain: Keine Schreibberechtigung.")
	require.NotErrorIs(t, err, devcert.ErrDeclined)
	err = w.tool.Trust(t.Context(), User, filepath.Join(w.Root, "nothing"), w.h.Root)
	require.ErrorIs(t, err, ErrNoKeychain)
	require.NoError(t, w.tool.Add(t.Context(), w.Login(), w.h.Intermediate.Cert))
	require.NoError(t, w.tool.Add(t.Context(), w.Login(), w.h.Intermediate.Cert), "a second time")
	require.NotContains(t, strings.Join(w.Calls(), " "), "add-certificates add-certificates")
	require.Error(t, w.tool.Distrust(t.Context(), Admin, w.h.Root), "nothing is said of it")
}

// A keychain that cannot be opened must not be asked for: the tool would answer
// with what all others have, and delete from them.
func TestUnreadableKeychain(t *testing.T) {
	w := newWorld(t)
	w.Run("add-certificates", "-k", w.Login(), fileOf(t, w.h.Root))
	dir := filepath.Join(w.Root, "folder.keychain")
	require.NoError(t, os.Mkdir(dir, 0o700))
	for _, keychain := range []string{dir, filepath.Join(w.Root, "nothing")} {
		_, err := w.tool.Certificates(t.Context(), keychain)
		require.Error(t, err)
		_, err = w.tool.Identities(t.Context(), keychain)
		require.Error(t, err)
		require.Error(t, w.tool.Delete(t.Context(), keychain, w.h.Root))
	}
	require.Empty(t, w.Calls())
}

// A tool that fails is no answer: neither "nothing there" nor "refused".
func TestBrokenTool(t *testing.T) {
	w := newWorld(t)
	w.Set(standin.Settings{Broken: []string{"find-certificate", "find-identity", "authorizationdb"}})
	_, err := w.tool.Certificates(t.Context(), w.Login())
	require.Error(t, err)
	_, err = w.tool.Identities(t.Context(), w.Login())
	require.Error(t, err)
	would, err := w.tool.Asks(t.Context(), Admin, true)
	require.Error(t, err)
	require.True(t, would)
	stopped, stop := context.WithCancel(t.Context())
	stop()
	_, err = w.tool.Verify(stopped, w.question())
	require.ErrorIs(t, err, context.Canceled)
}

func TestRules(t *testing.T) {
	w := newWorld(t)
	for _, row := range []struct {
		rule   string
		domain Domain
		asRoot bool
		want   bool
	}{{"ask", Admin, true, true}, {"ask", User, false, true}, {"allow", Admin, true, false}, {"allow", User, false, false}, {"allow-root", Admin, true, false}, {"allow-root", User, false, true}} {
		w.Set(standin.Settings{Rule: row.rule})
		got, err := w.tool.Asks(t.Context(), row.domain, row.asRoot)
		require.NoError(t, err)
		require.Equal(t, row.want, got, row)
	}
	require.Zero(t, w.Asked())
}

// The key goes through a private file with a password of its own, and neither is
// left, nor in an error.
func TestImport(t *testing.T) {
	w := newWorld(t)
	pair := chain.Pair{Cert: w.h.Leaf.Cert, Key: w.h.Leaf.Key}
	require.NoError(t, w.tool.Import(t.Context(), w.Login(), pair))
	known, err := w.tool.Identities(t.Context(), w.Login())
	require.NoError(t, err)
	require.Equal(t, map[string]bool{chain.Thumbprint(pair.Cert): true}, known)
	left, err := os.ReadDir(w.temp)
	require.NoError(t, err)
	require.Empty(t, left)
	call := w.Arguments()[0]
	_, password, found := strings.Cut(call, "-P ")
	require.True(t, found)
	password, _, _ = strings.Cut(password, " ")
	require.Len(t, password, 26)

	err = w.tool.Import(t.Context(), w.Login(), pair)
	require.ErrorContains(t, err, "bereits")
	require.NotContains(t, err.Error(), "-P")
	require.NotErrorIs(t, err, devcert.ErrDeclined)

	require.NoError(t, w.tool.DeleteIdentity(t.Context(), w.Login(), pair.Cert))
	data, err := os.ReadFile(w.Login())
	require.NoError(t, err)
	require.Empty(t, data, "the key is gone with it")
}

func fileOf(t *testing.T, cert *x509.Certificate) string {
	path := filepath.Join(t.TempDir(), "certificate.pem")
	require.NoError(t, os.WriteFile(path, pemOf(cert), 0o600))
	return path
}

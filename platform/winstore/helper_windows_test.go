package winstore

import (
	"crypto/x509"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/devcert/chain"
)

// useMachine lets a test change this machine's stores and sees to it that it
// leaves them as they were.
func useMachine(t *testing.T) {
	t.Helper()
	if os.Getenv("DEVCERT_TEST_MACHINE") != "1" {
		t.Skip("changes this machine's certificate stores: DEVCERT_TEST_MACHINE=1 allows it")
	}
	before := everything(t)
	t.Cleanup(func() {
		after := everything(t)
		require.Empty(t, slices.DeleteFunc(slices.Clone(after), func(c string) bool { return slices.Contains(before, c) }), "left over")
		require.Empty(t, slices.DeleteFunc(before, func(c string) bool { return slices.Contains(after, c) }), "lost")
	})
}

// allStores are those that matter, as they can be changed without anybody there.
func allStores() (stores []Store) {
	for _, location := range []Location{LocalMachine, CurrentUser} {
		for _, name := range []string{Root, CA, My} {
			if s := (Store{Location: location, Name: name, MayAsk: true}); !s.asks() || onWine() {
				stores = append(stores, s)
			}
		}
	}
	return stores
}

func everything(t *testing.T) (all []string) {
	t.Helper()
	for _, s := range allStores() {
		list, err := s.List()
		require.NoError(t, err)
		for _, e := range list {
			all = append(all, s.String()+" "+thumbprint(e.DER)+" "+e.FriendlyName)
		}
		lists, err := s.Lists()
		require.NoError(t, err)
		for _, der := range lists {
			all = append(all, s.String()+" list "+thumbprint(der))
		}
	}
	return all
}

func thumbprint(der []byte) string { return chain.Thumbprint(&x509.Certificate{Raw: der}) }

// forget removes a certificate at the end of a test, whatever became of it.
func (s Store) forget(t *testing.T, der []byte) {
	t.Helper()
	t.Cleanup(func() {
		s.MayAsk = true
		_, err := s.Delete(der, true)
		require.NoError(t, err)
	})
}

func (s Store) requireEntry(t *testing.T, der []byte) Entry {
	t.Helper()
	list, err := s.List()
	require.NoError(t, err)
	var found []Entry
	for _, e := range list {
		if string(e.DER) == string(der) {
			found = append(found, e)
		}
	}
	require.Len(t, found, 1)
	return found[0]
}

func (s Store) requireMissing(t *testing.T, der []byte) {
	t.Helper()
	there, err := s.Has(der)
	require.NoError(t, err)
	require.False(t, there)
}

func requireNumber(t *testing.T, number uint32, err error) {
	t.Helper()
	var e *Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, numeral(number), numeral(e.Number), "%v", err)
}

// child runs one test of this program in another process, in which variable is
// value, and returns what it printed.
func child(t *testing.T, test, value string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+test+"$", "-test.v")
	cmd.Env = append(os.Environ(), childVariable+"="+value)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	_, answer, ok := strings.Cut(string(out), "answer: ")
	require.True(t, ok, string(out))
	answer, _, _ = strings.Cut(answer, "\n")
	return strings.TrimSpace(answer)
}

const childVariable = "DEVCERT_WINSTORE_CHILD"

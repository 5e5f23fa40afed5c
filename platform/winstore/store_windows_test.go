package winstore

import (
	"crypto/x509"
	"fmt"
	"math/big"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"

	"devcert/devcert/chain"
)

func TestAddListDelete(t *testing.T) {
	useMachine(t)
	h := newHierarchy(t, chain.ECDSA)
	namesake := selfSigned(t, func(c *x509.Certificate) { c.Subject = h.Root.Subject }).Cert
	for _, s := range allStores() {
		t.Run(s.String(), func(t *testing.T) {
			s.forget(t, h.Root.Raw)
			s.forget(t, namesake.Raw)
			deleted, err := s.Delete(h.Root.Raw, true)
			require.NoError(t, err, "what is not there is removed without error")
			require.False(t, deleted)

			added, err := s.Add(h.Root.Raw, "Grüße aus devcert ✓")
			require.NoError(t, err)
			require.True(t, added)
			e := s.requireEntry(t, h.Root.Raw)
			require.Equal(t, "Grüße aus devcert ✓", e.FriendlyName)
			require.False(t, e.HasKey)
			require.Equal(t, s.String()+" "+thumbprint(h.Root.Raw), child(t, "TestChildHas", s.String()+" "+thumbprint(h.Root.Raw)))

			added, err = s.Add(h.Root.Raw, "another name")
			require.NoError(t, err)
			require.False(t, added, "it is there already")
			require.Equal(t, "Grüße aus devcert ✓", s.requireEntry(t, h.Root.Raw).FriendlyName)

			added, err = s.Add(namesake.Raw, "")
			require.NoError(t, err)
			require.True(t, added, "same subject, other bytes")
			require.Empty(t, s.requireEntry(t, namesake.Raw).FriendlyName)

			deleted, err = s.Delete(h.Root.Raw, false)
			require.NoError(t, err)
			require.True(t, deleted)
			s.requireMissing(t, h.Root.Raw)
			s.requireEntry(t, namesake.Raw)
			require.Equal(t, "nothing", child(t, "TestChildHas", s.String()+" "+thumbprint(h.Root.Raw)), "for other processes too")
		})
	}
}

// TestChildHas answers another process of this test.
func TestChildHas(t *testing.T) {
	want := os.Getenv(childVariable)
	if want == "" {
		t.Skip("runs in a process of its own")
	}
	answer := "nothing"
	for _, s := range allStores() {
		list, err := s.List()
		require.NoError(t, err)
		for _, e := range list {
			if found := s.String() + " " + thumbprint(e.DER); found == want {
				answer = found
			}
		}
	}
	fmt.Printf("\nanswer: %s\n", answer)
}

func TestNeverReplaces(t *testing.T) {
	useMachine(t)
	same := func(c *x509.Certificate) {
		c.SerialNumber, c.Subject.CommonName = big.NewInt(4711), "devcert test twin"
	}
	one, two := selfSigned(t, same).Cert, selfSigned(t, same).Cert
	for _, s := range allStores() {
		t.Run(s.String(), func(t *testing.T) {
			s.forget(t, one.Raw)
			s.forget(t, two.Raw)
			_, err := s.Add(one.Raw, "one")
			require.NoError(t, err)
			added, err := s.Add(two.Raw, "two")
			if err != nil { // Wine keeps both
				requireNumber(t, cryptExists, err)
				require.ErrorContains(t, err, "same issuer and serial number")
			}
			require.Equal(t, "one", s.requireEntry(t, one.Raw).FriendlyName)
			deleted, err := s.Delete(two.Raw, true)
			require.NoError(t, err)
			require.Equal(t, added, deleted)
			s.requireEntry(t, one.Raw)
		})
	}
}

// A user's CA and Root show the machine's certificates; a delete there by an
// administrator must not reach them.
func TestUsersStoreIsItsOwn(t *testing.T) {
	useMachine(t)
	cert := newHierarchy(t, chain.ECDSA).Intermediate.Cert.Raw
	machine, user := Store{Location: LocalMachine, Name: CA}, Store{Location: CurrentUser, Name: CA}
	machine.forget(t, cert)
	user.forget(t, cert)
	_, err := machine.Add(cert, "the machine's")
	require.NoError(t, err)

	user.requireMissing(t, cert)
	merged, err := user.ListMerged()
	require.NoError(t, err)
	require.Contains(t, merged, Entry{DER: cert, FriendlyName: "the machine's"})
	deleted, err := user.Delete(cert, false)
	require.NoError(t, err)
	require.False(t, deleted)
	machine.requireEntry(t, cert)

	added, err := user.Add(cert, "the user's")
	require.NoError(t, err)
	require.True(t, added)
	require.Equal(t, "the user's", user.requireEntry(t, cert).FriendlyName)
	deleted, err = user.Delete(cert, false)
	require.NoError(t, err)
	require.True(t, deleted)
	require.Equal(t, "the machine's", machine.requireEntry(t, cert).FriendlyName)
}

func TestAsksNobodyUnasked(t *testing.T) {
	useMachine(t)
	root := newHierarchy(t, chain.ECDSA).Root.Raw
	user, machine := Store{Location: CurrentUser, Name: "ROOT"}, Store{Location: LocalMachine, Name: Root}
	user.forget(t, root)
	machine.forget(t, root)
	_, err := user.Add(root, "")
	require.ErrorIs(t, err, ErrWouldAsk)
	user.requireMissing(t, root)
	deleted, err := user.Delete(root, false)
	require.NoError(t, err, "nothing to delete, nothing to ask")
	require.False(t, deleted)

	_, err = machine.Add(root, "")
	require.NoError(t, err)
	added, err := user.Add(root, "")
	require.NoError(t, err, "the machine's root is trusted for the user")
	require.False(t, added)
	_, err = machine.Delete(root, false)
	require.NoError(t, err)
	if !onWine() {
		return
	}
	user.MayAsk = true
	_, err = user.Add(root, "")
	require.NoError(t, err)
	user.MayAsk = false
	_, err = user.Delete(root, false)
	require.ErrorIs(t, err, ErrWouldAsk)
	user.requireEntry(t, root)
}

func TestBadInput(t *testing.T) {
	useMachine(t)
	s := Store{Location: LocalMachine, Name: CA}
	der := newHierarchy(t, chain.ECDSA).Root.Raw
	for name, bad := range map[string][]byte{
		"nothing": nil, "text": []byte("-----BEGIN CERTIFICATE-----"), "cut short": der[:len(der)-1], "too long": append(der[:len(der):len(der)], 0),
	} {
		added, err := s.Add(bad, "")
		var e *Error
		require.ErrorAs(t, err, &e, name)
		require.Equal(t, `LocalMachine\CA`, e.Store)
		require.False(t, added)
	}
	for _, s := range []Store{{}, {Location: LocalMachine}, {Location: "Elsewhere", Name: My}, {Location: LocalMachine, Name: "a\x00b"}} {
		_, err := s.List()
		require.Error(t, err, "could not look is never not there")
		require.Error(t, s.Writable())
		_, err = s.Add(der, "")
		require.Error(t, err)
		_, err = s.Delete(der, true)
		require.Error(t, err)
	}
}

func TestLookMakesNoStore(t *testing.T) {
	useMachine(t)
	s := Store{Location: CurrentUser, Name: "devcert test"}
	list, err := s.List()
	require.NoError(t, err)
	require.Empty(t, list)
	require.NoError(t, s.Writable())
	deleted, err := s.Delete([]byte("x"), true)
	require.NoError(t, err)
	require.False(t, deleted)
	_, err = registry.OpenKey(registry.CURRENT_USER, `Software\Microsoft\SystemCertificates\`+s.Name, registry.READ)
	require.ErrorIs(t, err, windows.ERROR_FILE_NOT_FOUND)
	for _, s := range allStores() {
		require.NoError(t, s.Writable())
	}
}

func TestManyAtOnce(t *testing.T) {
	useMachine(t)
	s := Store{Location: LocalMachine, Name: Root}
	root := newHierarchy(t, chain.ECDSA).Root.Raw
	s.forget(t, root)
	var wait sync.WaitGroup
	var added, deleted atomic.Int32
	for range 10 {
		wait.Go(func() {
			if yes, err := s.Add(root, "x"); err != nil {
				t.Error(err)
			} else if yes {
				added.Add(1)
			}
		})
	}
	wait.Wait()
	s.requireEntry(t, root)
	require.Positive(t, added.Load())
	for range 10 {
		wait.Go(func() {
			if yes, err := s.Delete(root, false); err != nil && !strings.Contains(err.Error(), "not there") {
				t.Error(err)
			} else if yes {
				deleted.Add(1)
			}
		})
	}
	wait.Wait()
	s.requireMissing(t, root)
	require.Positive(t, deleted.Load())
}

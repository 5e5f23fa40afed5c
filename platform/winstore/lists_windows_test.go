package winstore

import (
	"math/big"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/windows"

	"devcert/devcert"
	"devcert/devcert/chain"
)

var machineCA = Store{Location: LocalMachine, Name: CA}

// forgetList removes a list at the end of a test, whatever became of it.
func (s Store) forgetList(t *testing.T, der []byte) {
	t.Helper()
	t.Cleanup(func() {
		_, err := s.DeleteList(der)
		require.NoError(t, err)
	})
}

func (s Store) requireLists(t *testing.T, want ...[]byte) {
	t.Helper()
	has, err := s.Lists()
	require.NoError(t, err)
	require.ElementsMatch(t, want, has)
}

func TestAddListsDelete(t *testing.T) {
	useMachine(t)
	h := newHierarchy(t, chain.ECDSA)
	for _, s := range []Store{machineCA, userCA} {
		t.Run(s.String(), func(t *testing.T) {
			before, err := s.Lists()
			require.NoError(t, err)
			list := listBy(t, h.Intermediate, now.Add(time.Hour))
			s.forgetList(t, list)
			s.forgetList(t, h.RootCRL)
			deleted, err := s.DeleteList(list)
			require.NoError(t, err, "what is not there is removed without error")
			require.False(t, deleted)
			for _, der := range [][]byte{list, h.RootCRL} {
				added, err := s.AddList(der)
				require.NoError(t, err)
				require.True(t, added)
			}
			added, err := s.AddList(list)
			require.NoError(t, err)
			require.False(t, added, "it is there already")
			s.requireLists(t, append(before, list, h.RootCRL)...)

			deleted, err = s.DeleteList(list)
			require.NoError(t, err)
			require.True(t, deleted)
			s.requireLists(t, append(before, h.RootCRL)...)
			for _, der := range [][]byte{nil, []byte("x"), h.Root.Raw} {
				_, err := s.AddList(der)
				require.Error(t, err)
			}
			s.requireLists(t, append(before, h.RootCRL)...)
		})
	}
}

// A delete from the user's store does not reach the machine's, which is seen there.
func TestUsersListsAreItsOwn(t *testing.T) {
	useMachine(t)
	list := newHierarchy(t, chain.ECDSA).RootCRL
	machineCA.forgetList(t, list)
	_, err := machineCA.AddList(list)
	require.NoError(t, err)
	deleted, err := userCA.DeleteList(list)
	require.NoError(t, err)
	require.False(t, deleted)
	has, err := machineCA.Lists()
	require.NoError(t, err)
	require.Contains(t, has, list)
}

// The lists come with the intermediate, are put back one by one, and go with it;
// somebody's list stays.
func TestStoresKeepLists(t *testing.T) {
	for _, row := range []struct {
		name     string
		store    Store
		userOnly bool
	}{{"the machine's", machineCA, false}, {"the user's", userCA, true}} {
		t.Run(row.name, func(t *testing.T) {
			b := newBench(t)
			stranger := strangersList(t)
			row.store.forgetList(t, stranger)
			_, err := row.store.AddList(stranger)
			require.NoError(t, err)
			before, err := row.store.Lists()
			require.NoError(t, err)

			ca, m := b.stores[1], b.material(row.userOnly)
			seen := func() devcert.Place { return b.places(row.userOnly)[row.store.String()] }
			require.NoError(t, ca.Deploy(t.Context(), m))
			require.Equal(t, devcert.Trusted, seen().State)
			row.store.requireLists(t, append(before, b.h.RootCRL, m.ServersCRL)...)
			asked := len(b.child.asked)
			require.NoError(t, ca.Deploy(t.Context(), b.material(row.userOnly)))
			require.Len(t, b.child.asked, asked)
			row.store.requireLists(t, append(before, b.h.RootCRL, m.ServersCRL)...)

			for _, lost := range [][]byte{b.h.RootCRL, m.ServersCRL} {
				_, err := row.store.DeleteList(lost)
				require.NoError(t, err)
				p := seen()
				require.Equal(t, devcert.Stale, p.State)
				require.Contains(t, p.Evidence, "is missing or out of date")
				require.NoError(t, ca.Deploy(t.Context(), m))
				require.Equal(t, devcert.Trusted, seen().State)
				row.store.requireLists(t, append(before, b.h.RootCRL, m.ServersCRL)...)
			}

			b.revokes(row.store, ca, before)

			_, err = row.store.Delete(b.h.Intermediate.Cert.Raw, false)
			require.NoError(t, err, "by other hands")
			require.NoError(t, ca.Withdraw(t.Context(), b.h.Intermediate.Cert))
			row.store.requireLists(t, before...)
			require.NoError(t, ca.Deploy(t.Context(), m))
			require.NoError(t, b.stores[0].Withdraw(t.Context(), b.h.Intermediate.Cert), "out of Root")
			require.Equal(t, devcert.Trusted, seen().State)
			require.NoError(t, ca.Withdraw(t.Context(), b.h.Intermediate.Cert))
			row.store.requireLists(t, before...)
		})
	}
}

// revokes makes the list out of date that does not name what was revoked, and has a
// new one put in its place.
func (b *bench) revokes(store Store, ca devcert.Store, before [][]byte) {
	b.Helper()
	m := b.material(store == userCA)
	m.Revoked = []chain.Revoked{{Serial: big.NewInt(4711), At: now}}
	for _, p := range ca.Look(b.Context(), m) {
		if p.Path == store.String() {
			require.Equal(b, devcert.Stale, p.State)
		}
	}
	m.ServersCRL = listBy(b, b.h.Intermediate, b.h.Intermediate.Cert.NotAfter, big.NewInt(4711))
	require.NoError(b, ca.Deploy(b.Context(), m))
	store.requireLists(b.T, append(before, b.h.RootCRL, m.ServersCRL)...)
}

// Without rights no list gets into the machine's store, and one that is out of the
// ordinary is refused there.
func TestMachineRefusesLists(t *testing.T) {
	b := newBench(t)
	before, err := machineCA.Lists()
	require.NoError(t, err)
	r := DeployRequest{Part: chain.PartIntermediate, Chain: ders(b.h.Intermediate.Cert, b.h.Root), Lists: [][]byte{strangersList(t)}}
	var refused *refusedError
	require.ErrorAs(t, b.child.Do(t.Context(), DoDeploy, r), &refused)
	machineCA.requireMissing(t, b.h.Intermediate.Cert.Raw)
	machineCA.requireLists(t, before...)
	b.child.fails = devcert.ErrNeedsAdmin
	require.ErrorIs(t, b.stores[1].Deploy(t.Context(), b.material(false)), devcert.ErrNeedsAdmin)
	machineCA.requireLists(t, before...)
}

// revocationOf is what Windows says of a certificate by the lists of a store alone:
// 0, or an error of wincrypt.h.
func revocationOf(t *testing.T, s Store, cert, issuer []byte) uint32 {
	t.Helper()
	asked, err := newContext(cert)
	require.NoError(t, err)
	defer freeCert(asked)
	by, err := newContext(issuer)
	require.NoError(t, err)
	defer freeCert(by)
	h, err := s.open(own, reading)
	require.NoError(t, err)
	defer closeStore(h)
	para := struct { // CERT_REVOCATION_PARA as it was before Windows XP
		size   uint32
		issuer *windows.CertContext
		stores uint32
		store  uintptr
		lists  windows.Handle
		at     uintptr
	}{issuer: by, lists: h}
	para.size = uint32(unsafe.Sizeof(para))
	status := struct{ size, index, err, reason, hasFreshness, freshness uint32 }{}
	status.size = uint32(unsafe.Sizeof(status))
	const certContext = 1 // CERT_CONTEXT_REVOCATION_TYPE
	ok, _, _ := windows.NewLazySystemDLL("crypt32.dll").NewProc("CertVerifyRevocation").Call(windows.X509_ASN_ENCODING, certContext, 1,
		uintptr(unsafe.Pointer(&asked)), 0, uintptr(unsafe.Pointer(&para)), uintptr(unsafe.Pointer(&status)))
	require.Equal(t, ok != 0, status.err == 0)
	return status.err
}

// The leaf names no list, so that nothing but the store's is asked. Wine gives its
// chain engine no lists from stores, never takes one for the intermediate, which
// names one to be fetched, and calls every list that was not fetched just now out of
// date once it has not found the certificate there: that Windows is content stays
// unproven.
func TestRevocation(t *testing.T) {
	b := newBench(t)
	b.deploy(false)
	says := func() string {
		return numeral(revocationOf(t, machineCA, b.h.Leaf.Cert.Raw, b.h.Intermediate.Cert.Raw))
	}
	content := uint32(0)
	if onWine() {
		content = 0x80092013 // CRYPT_E_REVOCATION_OFFLINE
	}
	require.Equal(t, numeral(content), says(), "found, and not named in it")

	serial := b.h.Leaf.Cert.SerialNumber
	m := b.material(false)
	m.Revoked = []chain.Revoked{{Serial: serial, At: now}}
	m.ServersCRL = listBy(t, b.h.Intermediate, b.h.Intermediate.Cert.NotAfter, serial)
	require.NoError(t, b.stores[1].Deploy(t.Context(), m))
	require.Equal(t, numeral(0x80092010), says(), "CRYPT_E_REVOKED")

	require.NoError(t, machineCA.dropLists(b.h.Intermediate.Cert))
	require.Equal(t, numeral(0x80092012), says(), "CRYPT_E_NO_REVOCATION_CHECK")
}

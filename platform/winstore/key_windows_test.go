package winstore

import (
	"crypto/x509"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/windows"

	"devcert/devcert/chain"
)

var personal = []Store{{Location: LocalMachine, Name: My}, {Location: CurrentUser, Name: My}}

func TestKeyOfItsOwn(t *testing.T) {
	useMachine(t)
	leaf := newHierarchy(t, chain.RSA).Leaf
	for _, s := range personal {
		t.Run(s.String(), func(t *testing.T) {
			s.forget(t, leaf.Cert.Raw)
			_, err := s.Key(leaf.Cert.Raw)
			requireNumber(t, cryptNotFound, err)

			added, err := s.AddKey(leaf, KeyOptions{FriendlyName: IISExpressName + " (devcert)", Exportable: true})
			require.NoError(t, err)
			require.True(t, added)
			e := s.requireEntry(t, leaf.Cert.Raw)
			require.True(t, e.HasKey)
			require.Equal(t, IISExpressName+" (devcert)", e.FriendlyName)
			key := s.requireKey(t, KeyOpens, leaf.Cert.Raw)
			require.Equal(t, s.Location == LocalMachine, key.Machine)
			require.NotEmpty(t, key.Container)
			require.NotZero(t, key.Type, "a provider that .NET Framework reads")

			added, err = s.AddKey(leaf, KeyOptions{})
			require.NoError(t, err)
			require.False(t, added, "it is there already")
			added, err = s.Add(leaf.Cert.Raw, "")
			require.NoError(t, err)
			require.False(t, added)
			s.requireKey(t, KeyOpens, leaf.Cert.Raw)

			deleted, err := s.Delete(leaf.Cert.Raw, true)
			require.NoError(t, err)
			require.True(t, deleted)
			s.requireMissing(t, leaf.Cert.Raw)
			require.Equal(t, KeyMissing, stateOf(key.delete()), "the key is gone with it")
		})
	}
}

func (s Store) requireKey(t *testing.T, state KeyState, der []byte) Key {
	t.Helper()
	key, err := s.Key(der)
	require.NoError(t, err)
	require.Equal(t, state, key.State, "%v", key.Err)
	require.Equal(t, state == KeyOpens, key.Err == nil)
	require.Equal(t, state == KeyOpens, key.Number == 0)
	return key
}

func TestKeyIsGivenBack(t *testing.T) {
	useMachine(t)
	leaf := newHierarchy(t, chain.RSA).Leaf
	for _, s := range personal {
		t.Run(s.String(), func(t *testing.T) {
			s.forget(t, leaf.Cert.Raw)
			_, err := s.Add(leaf.Cert.Raw, "without")
			require.NoError(t, err)
			key := s.requireKey(t, KeyMissing, leaf.Cert.Raw)
			require.EqualError(t, key.Err, "open the private key in "+s.String()+": no private key was ever linked to it (0x8009200b)")

			added, err := s.AddKey(leaf, KeyOptions{FriendlyName: "with"})
			require.NoError(t, err)
			require.True(t, added)
			require.Equal(t, "with", s.requireEntry(t, leaf.Cert.Raw).FriendlyName, "the same one, once")
			key = s.requireKey(t, KeyOpens, leaf.Cert.Raw)

			require.NoError(t, key.delete(), "as when somebody empties MachineKeys")
			require.True(t, s.requireEntry(t, leaf.Cert.Raw).HasKey, "the store still claims it")
			requireNumber(t, nteBadKeyset, s.requireKey(t, KeyMissing, leaf.Cert.Raw).Err)
			_, err = s.AddKey(leaf, KeyOptions{})
			require.NoError(t, err)
			s.requireKey(t, KeyOpens, leaf.Cert.Raw)
		})
	}
}

// link adds a certificate that claims the key of another one.
func (s Store) link(t *testing.T, der []byte, key Key) {
	t.Helper()
	cert, err := newContext(der)
	require.NoError(t, err)
	defer freeCert(cert)
	container, err := windows.UTF16PtrFromString(key.Container)
	require.NoError(t, err)
	provider, err := windows.UTF16PtrFromString(key.Provider)
	require.NoError(t, err)
	info := keyProvInfo{container: container, provider: provider, provType: key.Type, keySpec: atKeyExchange}
	if key.Machine {
		info.flags = windows.CRYPT_MACHINE_KEYSET
	}
	require.NoError(t, certSetCertificateContextProperty(cert, propKeyProvInfo, 0, unsafe.Pointer(&info)))
	_, err = s.put(cert)
	require.NoError(t, err)
}

func TestKeyOfAnother(t *testing.T) {
	useMachine(t)
	h := newHierarchy(t, chain.RSA)
	twin, err := chain.IssueServer(h.Intermediate, h.Leaf.Cert.PublicKey, chain.LeafOptions{Names: []string{"localhost"}, Now: now})
	require.NoError(t, err)
	stranger := newHierarchy(t, chain.RSA).Leaf.Cert
	curve := selfSigned(t, nil).Cert
	for _, s := range personal {
		t.Run(s.String(), func(t *testing.T) {
			for _, c := range []*x509.Certificate{h.Leaf.Cert, twin, stranger, curve} {
				s.forget(t, c.Raw)
			}
			_, err := s.AddKey(h.Leaf, KeyOptions{})
			require.NoError(t, err)
			key := s.requireKey(t, KeyOpens, h.Leaf.Cert.Raw)
			s.link(t, stranger.Raw, key)
			s.link(t, curve.Raw, key)
			s.link(t, twin.Raw, key)
			s.requireKey(t, KeyWrong, stranger.Raw)
			s.requireKey(t, KeyWrong, curve.Raw)
			s.requireKey(t, KeyOpens, twin.Raw)

			for _, c := range []*x509.Certificate{stranger, curve, h.Leaf.Cert} {
				deleted, err := s.Delete(c.Raw, true)
				require.NoError(t, err)
				require.True(t, deleted)
				s.requireKey(t, KeyOpens, twin.Raw)
			}
			_, err = s.Delete(twin.Raw, true)
			require.NoError(t, err)
			require.Equal(t, KeyMissing, stateOf(key.delete()), "with the last certificate that uses it")
		})
	}
}

func TestDeleteKeepsTheKey(t *testing.T) {
	useMachine(t)
	leaf := newHierarchy(t, chain.RSA).Leaf
	for _, s := range personal {
		_, err := s.AddKey(leaf, KeyOptions{})
		require.NoError(t, err)
		key := s.requireKey(t, KeyOpens, leaf.Cert.Raw)
		_, err = s.Delete(leaf.Cert.Raw, false)
		require.NoError(t, err)
		require.NoError(t, key.delete(), "%s: it was still there", s)
	}
}

func TestWrongPFX(t *testing.T) {
	useMachine(t)
	leaf, other := newHierarchy(t, chain.RSA).Leaf, newHierarchy(t, chain.RSA).Leaf
	pfx, err := chain.EncodePFX(chain.PFXLegacy, other, nil, "x")
	require.NoError(t, err)
	for _, s := range personal {
		t.Run(s.String(), func(t *testing.T) {
			s.forget(t, leaf.Cert.Raw)
			added, err := s.addPFX(pfx, "x", leaf.Cert.Raw, KeyOptions{})
			require.ErrorContains(t, err, "another certificate")
			require.False(t, added)
			s.requireMissing(t, leaf.Cert.Raw)
			s.requireMissing(t, other.Cert.Raw)
			if onWine() { // which names containers after the user, so that the leftover would be found
				require.Equal(t, KeyMissing, stateOf(Key{Container: userName(t), Provider: "Microsoft Enhanced Cryptographic Provider v1.0",
					Type: 1, Machine: s.Location == LocalMachine}.delete()), "no key is left behind")
			}
			_, err = s.AddKey(leaf, KeyOptions{FriendlyName: "right"})
			require.NoError(t, err)
			require.NoError(t, s.requireKey(t, KeyOpens, leaf.Cert.Raw).delete())
			_, err = s.addPFX(pfx, "x", leaf.Cert.Raw, KeyOptions{})
			require.ErrorContains(t, err, "another certificate")
			require.Equal(t, "right", s.requireEntry(t, leaf.Cert.Raw).FriendlyName, "what is there stays")
			s.requireMissing(t, other.Cert.Raw)
			for name, bad := range map[string][]byte{"nothing": nil, "cut short": pfx[:len(pfx)/2], "text": []byte("PFX")} {
				_, err := s.addPFX(bad, "x", leaf.Cert.Raw, KeyOptions{})
				require.Error(t, err, name)
			}
			_, err = s.addPFX(pfx, "y", other.Cert.Raw, KeyOptions{})
			require.ErrorContains(t, err, "import a private key for "+s.String())
			if !onWine() { // which gives no reason
				requireNumber(t, errorPassword, err)
			}
			s.requireMissing(t, other.Cert.Raw)
		})
	}
	_, err = personal[0].AddKey(chain.Pair{Cert: leaf.Cert, Key: other.Key}, KeyOptions{})
	require.ErrorContains(t, err, "the key is not the certificate's")
}

func userName(t *testing.T) string {
	t.Helper()
	name := make([]uint16, 257)
	size := uint32(len(name))
	require.NoError(t, windows.GetUserNameEx(windows.NameSamCompatible, &name[0], &size))
	full := windows.UTF16ToString(name)
	for i := range full {
		if full[i] == '\\' {
			return full[i+1:]
		}
	}
	return full
}

// Wine cannot import keys on elliptic curves; what fails leaves nothing.
func TestEllipticKey(t *testing.T) {
	useMachine(t)
	leaf := newHierarchy(t, chain.ECDSA).Leaf
	for _, s := range personal {
		s.forget(t, leaf.Cert.Raw)
		added, err := s.AddKey(leaf, KeyOptions{})
		if !onWine() {
			require.NoError(t, err)
			s.requireKey(t, KeyOpens, leaf.Cert.Raw)
			continue
		}
		require.Error(t, err)
		require.False(t, added)
		s.requireMissing(t, leaf.Cert.Raw)
	}
}

// A renewed leaf comes in beside the old one, which then goes with its key.
func TestRenewal(t *testing.T) {
	useMachine(t)
	h := newHierarchy(t, chain.RSA)
	renewed, err := chain.NewLeaf(h.Intermediate, chain.LeafOptions{Names: []string{"localhost"}, Now: now})
	require.NoError(t, err)
	for _, s := range personal {
		s.forget(t, h.Leaf.Cert.Raw)
		s.forget(t, renewed.Cert.Raw)
		_, err := s.AddKey(h.Leaf, KeyOptions{})
		require.NoError(t, err)
		_, err = s.AddKey(renewed, KeyOptions{})
		require.NoError(t, err)
		if !onWine() { // where the second key takes the first one's place
			s.requireKey(t, KeyOpens, h.Leaf.Cert.Raw)
		}
		deleted, err := s.Delete(h.Leaf.Cert.Raw, true)
		require.NoError(t, err)
		require.True(t, deleted)
		s.requireKey(t, KeyOpens, renewed.Cert.Raw)
	}
}

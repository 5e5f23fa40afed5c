package system

import (
	"crypto/x509"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/devcert/chain"
	"devcert/platform/keychain"
)

func hierarchy(t testing.TB, owner string) *chain.Hierarchy {
	h, err := chain.New(chain.Options{Owner: owner, Key: chain.ECDSA, Now: time.Now()})
	require.NoError(t, err)
	return h
}

// What a keychain, the settings of both domains and macOS' own word make of a root.
func TestKeychainState(t *testing.T) {
	h := hierarchy(t, "anna@birch")
	broken := errors.New("broken")
	say := func(said keychain.Trust) opinion { return opinion{said: said} }
	none, unread := opinion{err: keychain.ErrNoSettings}, opinion{err: broken}
	accepts, refuses, silent := ruling{asked: true}, ruling{asked: true, refusal: "CSSMERR_TP_NOT_TRUSTED"}, ruling{asked: true, err: broken}
	there := []*x509.Certificate{h.Root}
	for _, row := range []struct {
		name        string
		domain      keychain.Domain
		certs       []*x509.Certificate
		err         error
		user, admin opinion
		ruling      ruling
		want        devcert.PlaceState
		says        string
	}{
		{"trusted, and macOS says so", keychain.Admin, there, nil, none, say(keychain.Trusted), accepts, devcert.Trusted, ""},
		{"trusted, with no leaf to ask about", keychain.Admin, there, nil, none, say(keychain.Trusted), ruling{}, devcert.Trusted, ""},
		{"an update dropped the settings (mkcert#651)", keychain.Admin, there, nil, none, say(keychain.Unset), ruling{}, devcert.Denied, "do not name it"},
		{"an update dropped all settings", keychain.Admin, there, nil, none, none, refuses, devcert.Denied, "do not name it"},
		{"not there", keychain.Admin, nil, nil, none, none, ruling{}, devcert.Missing, ""},
		{"the keychain could not be read", keychain.Admin, nil, broken, none, none, ruling{}, devcert.Unknown, "broken"},
		{"the settings could not be read", keychain.Admin, there, nil, none, unread, ruling{}, devcert.Unknown, "broken"},
		{"the settings could not be read, and macOS accepts", keychain.Admin, there, nil, none, unread, accepts, devcert.Trusted, ""},
		{"the settings could not be read, and macOS refuses", keychain.Admin, there, nil, none, unread, refuses, devcert.Denied, "NOT_TRUSTED"},
		{"macOS could not be asked", keychain.Admin, there, nil, none, say(keychain.Trusted), silent, devcert.Unknown, "broken"},
		{"no settings, and no leaf to ask about", keychain.Admin, there, nil, none, none, ruling{}, devcert.Unknown, "could not be found out"},
		{"administrators say never", keychain.Admin, there, nil, none, say(keychain.Denied), ruling{}, devcert.Denied, "never"},
		{"the user says never, which goes before", keychain.Admin, there, nil, say(keychain.Denied), say(keychain.Trusted), ruling{}, devcert.Denied, "your own trust settings say never"},
		{"the system's defaults", keychain.Admin, there, nil, none, say(keychain.Neither), ruling{}, devcert.Denied, "not as a root"},
		{"only the user trusts it", keychain.Admin, there, nil, say(keychain.Trusted), say(keychain.Unset), ruling{}, devcert.Denied, "only your own"},
		{"only the user trusts it, and administrators nothing", keychain.Admin, there, nil, say(keychain.Trusted), none, accepts, devcert.Denied, "only your own"},
		{"settings trust, and macOS refuses", keychain.Admin, there, nil, none, say(keychain.Trusted), refuses, devcert.Denied, "macOS refuses"},
		{"the user's, trusted", keychain.User, there, nil, say(keychain.Trusted), none, accepts, devcert.Trusted, ""},
		{"the user's, without settings", keychain.User, there, nil, say(keychain.Unset), none, ruling{}, devcert.Denied, "your trust settings do not name it"},
		{"the user's, trusted by administrators only", keychain.User, there, nil, none, say(keychain.Trusted), accepts, devcert.Denied, "only the administrators'"},
		{"the user's, never", keychain.User, there, nil, say(keychain.Denied), none, ruling{}, devcert.Denied, "never"},
	} {
		t.Run(row.name, func(t *testing.T) {
			seen := keychainSight{"/K", row.domain, row.certs, row.err, row.user, row.admin, row.ruling}
			p := seen.place(chain.PartRoot, h.Root)
			require.Equal(t, row.want, p.State, p.Evidence)
			if row.says == "" {
				require.Empty(t, p.Evidence)
			}
			require.Contains(t, p.Evidence, row.says)
			require.Empty(t, p.Others)
		})
	}
}

func TestKeychainOthers(t *testing.T) {
	h, old := hierarchy(t, "anna@birch"), hierarchy(t, "anna@birch")
	seen := keychainSight{path: "/K", certs: []*x509.Certificate{h.Root, old.Root, old.Intermediate.Cert, old.Leaf.Cert}}
	require.Equal(t, []*x509.Certificate{h.Root, old.Root}, seen.place(chain.PartRoot, nil).Others)
	require.Equal(t, devcert.Missing, seen.place(chain.PartRoot, nil).State)
	p := seen.place(chain.PartIntermediate, h.Intermediate.Cert)
	require.Equal(t, []*x509.Certificate{old.Intermediate.Cert}, p.Others)
	require.Equal(t, devcert.Missing, p.State)
	require.Equal(t, devcert.Trusted, seen.place(chain.PartIntermediate, old.Intermediate.Cert).State)
}

// What is no matter of trust is not asked about.
func TestQuestion(t *testing.T) {
	h := hierarchy(t, "anna@birch")
	m := devcert.Material{Root: h.Root, Intermediate: h.Intermediate.Cert, Leaf: h.Leaf.Cert}
	q, ok := question(m, time.Now())
	require.True(t, ok)
	require.Equal(t, "localhost", q.Host)
	require.Zero(t, q.At, "macOS has a clock of its own")
	for _, now := range []time.Time{time.Now().AddDate(20, 0, 0), time.Now().AddDate(-20, 0, 0)} {
		q, ok = question(m, now)
		require.True(t, ok)
		require.True(t, q.At.Before(h.Leaf.Cert.NotAfter), "an expired leaf says nothing of the root")
		require.True(t, q.At.After(h.Leaf.Cert.NotBefore))
	}
	_, ok = question(devcert.Material{Root: h.Root, Leaf: h.Leaf.Cert}, time.Now())
	require.False(t, ok)
	m.Intermediate = hierarchy(t, "anna@birch").Intermediate.Cert
	_, ok = question(m, time.Now())
	require.False(t, ok, "a leaf of another intermediate's")
}

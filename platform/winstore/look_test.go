package winstore

import (
	"crypto/x509"
	"errors"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/devcert/chain"
)

func materialOf(h *chain.Hierarchy) devcert.Material {
	return devcert.Material{Root: h.Root, RootCRL: h.RootCRL, Intermediate: h.Intermediate.Cert, Leaf: h.Leaf.Cert}
}

func TestKeyState(t *testing.T) {
	machine := func(state KeyState, number uint32) Key {
		return Key{State: state, Number: number, Machine: true, Type: 1, Container: "x", Err: syscall.Errno(number)}
	}
	cng := func(state KeyState, number uint32) Key {
		k := machine(state, number)
		k.Type = 0
		return k
	}
	user := func(state KeyState, number uint32) Key {
		k := machine(state, number)
		k.Machine = false
		return k
	}
	for _, row := range []struct {
		name   string
		key    Key
		rights bool
		want   devcert.PlaceState
		how    string
	}{
		{"opens", Key{State: KeyOpens}, true, devcert.Trusted, byKey},
		{"none was linked", machine(KeyMissing, cryptNoKeyProperty), true, devcert.Stale, byBytes},
		{"its file is gone", machine(KeyMissing, nteBadKeyset), false, devcert.Stale, byBytes},
		{"another's", machine(KeyWrong, nteBadPublicKey), true, devcert.Denied, byBytes},
		{"a standard user sees the machine's key file", machine(KeyDenied, nteBadKeyset), false, devcert.Trusted,
			"bytes; its private key is there, and only administrators may open it"},
		{"a standard user is refused the machine's key", machine(KeyDenied, ntePerm), false, devcert.Trusted,
			"bytes; its private key is there, and only administrators may open it"},
		{"an administrator is refused it", machine(KeyDenied, ntePerm), true, devcert.Denied, byBytes},
		{"the machine's key is damaged", machine(KeyDenied, nteKeysetEntryBad), false, devcert.Denied, byBytes},
		{"a user's own key is refused", user(KeyDenied, ntePerm), false, devcert.Denied, byBytes},
		{"a standard user asks for the machine's CNG key", cng(KeyUnknown, nteBadKeyset), false, devcert.Trusted,
			"bytes; a private key of the machine's is linked to it, and only administrators may look at that"},
		{"the folder of keys cannot be listed", machine(KeyUnknown, nteBadKeyset), false, devcert.Unknown, byBytes},
		{"a CNG provider that fails", cng(KeyUnknown, 0x80090030), false, devcert.Unknown, byBytes},
		{"not looked at", Key{}, true, devcert.Unknown, byBytes},
	} {
		t.Run(row.name, func(t *testing.T) {
			state, how, evidence := keyState(row.key, row.rights)
			require.Equal(t, row.want, state)
			require.Equal(t, row.how, how)
			require.Equal(t, state == devcert.Trusted, evidence == "")
		})
	}
}

func TestPlace(t *testing.T) {
	h, former := newHierarchy(t, chain.ECDSA), newHierarchy(t, chain.ECDSA)
	m := materialOf(h)
	root, ca, my := kinds[0], kinds[1], kinds[2]
	sighted := func(k kind, l Location, certs ...*x509.Certificate) sight {
		return sight{kind: k, store: Store{Location: l, Name: k.in}, entries: entries(certs...), merged: entries(certs...), now: now}
	}
	for _, row := range []struct {
		name  string
		sight sight
		said  ruling
		want  devcert.PlaceState
		how   string
		seen  string // evidence
		other int
	}{
		{"empty", sighted(root, LocalMachine), ruling{}, devcert.Missing, "", "", 0},
		{"a former root only", sighted(root, LocalMachine, former.Root), ruling{}, devcert.Missing, "", "", 1},
		{"could not look", sight{kind: root, err: errors.New("access denied")}, ruling{}, devcert.Unknown, "", "access denied", 0},
		{"the root, by its bytes", sighted(root, LocalMachine, h.Root, former.Root), ruling{}, devcert.Trusted, byBytes, "", 1},
		{"the root, and Windows agrees", sighted(root, LocalMachine, h.Root),
			ruling{asked: true, verdict: Verdict{Trusted: true, Chain: ders(h.Leaf.Cert, h.Intermediate.Cert, h.Root)}, root: h.Root},
			devcert.Trusted, byChain, "", 0},
		{"Windows trusts another root", sighted(root, LocalMachine, h.Root),
			ruling{asked: true, verdict: Verdict{Trusted: true, Chain: ders(h.Leaf.Cert)}, root: h.Root}, devcert.Trusted, byBytes, "", 0},
		{"the root, and Windows refuses", sighted(root, LocalMachine, h.Root),
			ruling{asked: true, verdict: Verdict{Status: 0x04000000}.conclude(), root: h.Root}, devcert.Denied, byChain,
			"Windows refuses a chain to it: explicitly distrusted (chain status 0x04000000)", 0},
		{"Windows cannot say", sighted(root, LocalMachine, h.Root),
			ruling{asked: true, err: errors.New("no engine")}, devcert.Unknown, byBytes, "no engine", 0},
		{"the machine's, as the user sees it", sight{kind: root, store: Store{Location: CurrentUser, Name: Root}, merged: entries(h.Root)},
			ruling{}, devcert.Trusted, byBytes, "", 0},
		{"the intermediate", sighted(ca, CurrentUser, h.Intermediate.Cert, former.Intermediate.Cert), ruling{}, devcert.Trusted, byBytes, "", 1},
		{"the intermediate is not there", sighted(ca, LocalMachine, h.Root), ruling{}, devcert.Missing, "", "", 0},
		{"the leaf without its key", func() sight {
			s := sighted(my, LocalMachine, h.Leaf.Cert)
			s.key = Key{State: KeyMissing, Err: errors.New("no key")}
			return s
		}(), ruling{}, devcert.Stale, byBytes, "no key", 0},
		{"banned", func() sight {
			s := sighted(ca, LocalMachine, h.Intermediate.Cert)
			s.banned = `LocalMachine\Disallowed`
			return s
		}(), ruling{}, devcert.Denied, byBytes, `LocalMachine\Disallowed has it too, by which Windows distrusts it`, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			p := row.sight.place(m, row.said)
			require.Equal(t, row.sight.part, p.Part)
			require.Equal(t, row.sight.store.String(), p.Path)
			require.Equal(t, []any{row.want, row.how, row.seen}, []any{p.State, p.VerifiedBy, p.Evidence})
			require.Len(t, p.Others, row.other)
			require.Empty(t, p.Strays)
			require.Equal(t, row.sight.store.Location == LocalMachine, p.Machine)
			require.Equal(t, row.sight.store.Location == CurrentUser && p.Part != chain.PartLeaf, p.UserOnly)
		})
	}
	p := sighted(my, CurrentUser, h.Leaf.Cert, former.Leaf.Cert).place(devcert.Material{}, ruling{})
	require.Equal(t, devcert.Missing, p.State, "nothing is wanted")
	require.Len(t, p.Others, 2)
	require.Empty(t, p.Strays)
}

func TestOnlyUsers(t *testing.T) {
	root := newHierarchy(t, chain.ECDSA).Root
	user := sight{store: Store{Location: CurrentUser, Name: Root}, entries: entries(root)}
	require.Equal(t, `only CurrentUser\Root has it, where services and HTTP.sys do not look`, onlyUsers(user, root))
	require.Empty(t, onlyUsers(user, nil))
	user.err = errors.New("could not look")
	require.Empty(t, onlyUsers(user, root))
	require.Empty(t, onlyUsers(sight{}, root))
}

func TestStrays(t *testing.T) {
	h, former := newHierarchy(t, chain.ECDSA), newHierarchy(t, chain.ECDSA)
	foreign := signed(t, func(c *x509.Certificate) { c.Subject.CommonName = "corp issuing" },
		selfSigned(t, func(c *x509.Certificate) { c.Subject.CommonName = "corp root" })).Cert
	versions := func(values ...string) *x509.Certificate {
		return selfSigned(t, func(c *x509.Certificate) { c.ExtraExtensions = kestrel(values...) }).Cert
	}
	old := selfSigned(t, func(c *x509.Certificate) { c.NotAfter = now.Add(-time.Minute) }).Cert
	newer, same, older, twice := versions("\x07"), versions("\x06"), versions("\x02"), versions("\x06", "\x06")
	named := func(name string, c *x509.Certificate) Entry { return Entry{DER: c.Raw, FriendlyName: name} }
	for _, row := range []struct {
		name string
		kind kind
		in   Location
		seen Entry
		harm devcert.Harm // "" for none
		why  string
	}{
		{"our root in Root", kinds[0], LocalMachine, named("", h.Root), "", ""},
		{"our intermediate in Root", kinds[0], LocalMachine, named("", h.Intermediate.Cert), devcert.HarmNotSelfSigned, "devcert intermediate"},
		{"our leaf in the user's Root", kinds[0], CurrentUser, named("", h.Leaf.Cert), devcert.HarmNotSelfSigned, "only this user's programs"},
		{"a foreign intermediate in Root", kinds[0], LocalMachine, named("", foreign), devcert.HarmNotSelfSigned, "it is not self-signed"},
		{"what is no certificate", kinds[0], LocalMachine, Entry{DER: []byte("x")}, "", ""},
		{"a foreign intermediate in CA", kinds[1], LocalMachine, named("", foreign), "", ""},
		{"a newer one for Kestrel", kinds[2], CurrentUser, named("", newer), devcert.HarmRival, "Kestrel prefers it: development certificate of version 7"},
		{"one of the same version", kinds[2], CurrentUser, named("", same), devcert.HarmRival, "Kestrel may take it"},
		{"an older one", kinds[2], CurrentUser, named("", older), "", ""},
		{"one that breaks Kestrel", kinds[2], CurrentUser, named("", twice), devcert.HarmRival, "Kestrel fails over it"},
		{"a newer one where Kestrel does not look", kinds[2], LocalMachine, named("", newer), "", ""},
		{"a former leaf of ours", kinds[2], CurrentUser, named("", former.Leaf.Cert), "", ""},
		{"IIS Express's, expired", kinds[2], LocalMachine, named(IISExpressName, old), devcert.HarmRival, "IIS Express's own certificate, expired on"},
		{"another, expired", kinds[2], LocalMachine, named("", old), "", ""},
		{"IIS Express's, valid", kinds[2], LocalMachine, named(IISExpressName, selfSigned(t, nil).Cert), "", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := sight{kind: row.kind, store: Store{Location: row.in, Name: row.kind.in}, entries: []Entry{row.seen}, now: now}
			p := s.place(materialOf(h), ruling{})
			if row.harm == "" {
				require.Empty(t, p.Strays)
				return
			}
			require.Len(t, p.Strays, 1)
			require.Equal(t, row.harm, p.Strays[0].Harm)
			over := row.name == "a newer one for Kestrel" || row.name == "one that breaks Kestrel"
			require.Equal(t, over, p.Strays[0].TakesOver)
			require.Contains(t, p.Strays[0].Why, row.why)
			require.Equal(t, row.seen.DER, p.Strays[0].Cert.Raw)
			require.NotEmpty(t, p.Strays[0].Cert.Subject.CommonName)
		})
	}
}

func TestQuestion(t *testing.T) {
	h, other := newHierarchy(t, chain.ECDSA), newHierarchy(t, chain.ECDSA)
	named, err := chain.NewLeaf(h.Intermediate, chain.LeafOptions{Names: []string{"*.shop.test"}, Now: now})
	require.NoError(t, err)
	with := func(change func(*devcert.Material)) devcert.Material {
		m := materialOf(h)
		change(&m)
		return m
	}
	for _, row := range []struct {
		name string
		m    devcert.Material
		now  time.Time
		host string // "" when there is nothing to ask
		at   time.Time
	}{
		{"as it should be", materialOf(h), now, "localhost", now},
		{"an expired leaf", materialOf(h), now.AddDate(2, 0, 0), "localhost", h.Leaf.Cert.NotAfter},
		{"a clock that is late", materialOf(h), now.AddDate(-2, 0, 0), "localhost", h.Leaf.Cert.NotBefore},
		{"a leaf not for localhost", with(func(m *devcert.Material) { m.Leaf = named.Cert }), now, "any.shop.test", now},
		{"no leaf", with(func(m *devcert.Material) { m.Leaf = nil }), now, "", now},
		{"another intermediate's leaf", with(func(m *devcert.Material) { m.Leaf = other.Leaf.Cert }), now, "", now},
		{"nothing", devcert.Material{}, now, "", now},
	} {
		t.Run(row.name, func(t *testing.T) {
			q, ok := question(row.m, row.now)
			require.Equal(t, row.host != "", ok)
			require.Equal(t, row.host, q.Host)
			if ok {
				require.True(t, row.at.Equal(q.At), q.At)
				require.Equal(t, row.m.Leaf.Raw, q.Leaf)
			}
		})
	}
}

func TestTranslate(t *testing.T) {
	sentinels := []error{devcert.ErrNeedsAdmin, devcert.ErrDeclined}
	for _, row := range []struct {
		name   string
		err    error
		is     error // nil for none
		remedy string
	}{
		{"the machine's store", fail("add to", Store{Location: LocalMachine, Name: Root}, syscall.Errno(5)), devcert.ErrNeedsAdmin, "administrator"},
		{"the machine's key", fail("open the private key in", Store{Location: LocalMachine, Name: My}, syscall.Errno(ntePerm)), devcert.ErrNeedsAdmin, "administrator"},
		{"a user's store", fail("add to", Store{Location: CurrentUser, Name: My}, syscall.Errno(5)), nil, "policy"},
		{"a person said no", fail("add to", Store{Location: CurrentUser, Name: Root}, syscall.Errno(errorCancelled)), devcert.ErrDeclined, "answer yes"},
		{"nobody is there to say yes", &Error{Op: "add to", Store: `CurrentUser\Root`, Err: ErrWouldAsk, Remedy: "run it on a terminal"}, devcert.ErrDeclined, "terminal"},
		{"twins", fail("add to", Store{Location: LocalMachine, Name: CA}, syscall.Errno(cryptExists)), nil, "certlm.msc"},
	} {
		t.Run(row.name, func(t *testing.T) {
			err := translate(row.err)
			require.EqualError(t, err, row.err.Error())
			require.ErrorIs(t, err, row.err)
			for _, s := range sentinels {
				require.Equal(t, errors.Is(row.is, s), errors.Is(err, s), s)
			}
			require.Contains(t, err.(interface{ Remedy() string }).Remedy(), row.remedy)
		})
	}
	require.NoError(t, translate(nil))
	plain := errors.New("plain")
	require.Equal(t, plain, translate(plain))
}

package devcert

import (
	"crypto/x509"
	"errors"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/devcert/chain"
)

// offering is a machine whose browser offers what was issued to alice, and something
// that devcert knows nothing of.
func offering(t *testing.T) (m *machine, browser *memPersonal, alice, theirs *x509.Certificate) {
	t.Helper()
	browser = &memPersonal{name: "chromium"}
	m, e := issuing(t, browser)
	order := forClient("alice")
	order.Install = true
	i, err := e.Issue(t.Context(), order)
	require.NoError(t, err)
	made, err := chain.NewSelfSigned(chain.ClientOptions{Name: "theirs", Key: chain.ECDSA, Now: noon})
	require.NoError(t, err)
	browser.certs = append(browser.certs, made.Cert)
	return m, browser, i.Cert(), made.Cert
}

// However the authority of a client's certificate goes, the browsers offer it no
// more, and what else is dead is told with it.
func TestWhatLosesItsAuthority(t *testing.T) {
	again := []string{"issue", "alice", "--client", "--key", "ecdsa", "--install"}
	for _, row := range []struct {
		name string
		do   func(m *machine) (*Report, error)
		want []Ended
	}{
		{"renew --root", func(m *machine) (*Report, error) { return m.engine().Renew(m.t.Context(), false, true) }, []Ended{{Name: "alice", Again: again}}},
		{"a repair that makes a new root", func(m *machine) (*Report, error) {
			require.NoError(m.t, os.Remove(m.path(m.inGeneration("client-intermediate-key.pem"))))
			return m.engine().Repair(m.t.Context())
		}, []Ended{{Name: "alice", Again: again}}},
		{"a setup that permits more", func(m *machine) (*Report, error) {
			return m.engine().Setup(m.t.Context(), Request{Permits: []string{"example.org"}})
		}, []Ended{{Name: "alice", Again: again}}},
		{"no authority for clients any more", func(m *machine) (*Report, error) {
			return m.engine().Setup(m.t.Context(), asking(false))
		}, []Ended{{Name: "alice", Unrevocable: true}}},
		{"a new leaf", func(m *machine) (*Report, error) { return m.engine().Renew(m.t.Context(), true, false) }, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			m, browser, alice, theirs := offering(t)
			r, err := row.do(m)
			require.NoError(t, err)
			require.Equal(t, row.want, r.Ended)
			require.Empty(t, describe(r.Findings))
			require.Equal(t, row.want == nil, browser.has(alice))
			require.Equal(t, row.want == nil, len(m.ledger().Offered) > 0)
			require.True(t, browser.has(theirs))
			require.Empty(t, m.mustRepair().Steps)
		})
	}
}

func (p *memPersonal) has(cert *x509.Certificate) bool {
	return slices.ContainsFunc(p.certs, cert.Equal)
}

// A browser that cannot be changed keeps the dead certificate, which is found until
// it is gone.
func TestADeadCertificateThatIsStillOffered(t *testing.T) {
	m, browser, alice, theirs := offering(t)
	browser.fails = errors.New("the database is locked")
	r, err := m.engine().Renew(t.Context(), false, true)
	var partial *PartialError
	require.ErrorAs(t, err, &partial)
	require.ErrorContains(t, err, "chromium: the database is locked")
	require.Len(t, r.Ended, 1, "that it is dead is told all the same")
	require.Len(t, m.ledger().Offered, 1)
	require.Equal(t, []string{"warning former-root chromium (by hand)"}, describe(m.status().Findings), "whether it is there is not known")

	browser.fails = nil
	before := m.picture()
	require.Equal(t, []string{"warning former-root chromium"}, describe(m.status().Findings))
	require.Equal(t, before, m.picture())
	require.Empty(t, describe(m.mustRepair().Findings))
	require.False(t, browser.has(alice))
	require.True(t, browser.has(theirs))
	require.Empty(t, m.ledger().Offered)
}

// What another person's folder names is theirs, wherever it is.
func TestAnotherUsersOffersStay(t *testing.T) {
	m, browser, alice, _ := offering(t)
	m.host.Owner.User, m.host.Owner.Machine = "somebody", "m2"
	m.mustRepair()
	require.True(t, browser.has(alice))
	require.Empty(t, m.ledger().Offered, "nor does the ledger name it any more")
}

func TestWordsThatIssueAgain(t *testing.T) {
	m, e := issuing(t)
	for _, o := range []IssueOrder{
		{Names: []string{"alice"}, Client: true, Emails: []string{"a@b.example"}, URIs: []string{"spiffe://x/alice"}, Days: 30},
		{Names: []string{"www.test", "api.test", "127.0.0.9"}, Key: chain.ECDSA},
		{Names: []string{"flawed"}, Client: true, Flaw: chain.FlawMissingIntermediate},
		{Names: []string{"late"}, Client: true, Flaw: chain.FlawExpired},
		{Names: []string{"alone"}, Client: true, SelfSigned: true, Key: chain.ECDSA},
		{Names: []string{"gone"}, Client: true, Key: chain.ECDSA},
	} {
		_, err := e.Issue(t.Context(), o)
		require.NoError(t, err, o.Names)
	}
	_, _, err := e.Revoke(t.Context(), "gone")
	require.NoError(t, err)
	r, err := m.engine().Renew(t.Context(), false, true)
	require.NoError(t, err)
	require.Equal(t, []Ended{
		{Name: "alice", Again: []string{"issue", "alice", "--client", "--email", "a@b.example", "--uri", "spiffe://x/alice", "--days", "30"}},
		{Name: "flawed"},
		{Name: "www.test", Again: []string{"issue", "www.test", "api.test", "127.0.0.9", "--key", "ecdsa"}},
	}, r.Ended)
}

// What took a root whose key is kept is issued again in the same way.
func TestWordsThatIssueAgainBelowAKeptRoot(t *testing.T) {
	keep := true
	m := setUp(t)
	m.mustSetup(Request{ClientCerts: &keep, KeepRootKey: &keep})
	_, err := m.engine().CreateGroup(t.Context(), "staff")
	require.NoError(t, err)
	for _, o := range []IssueOrder{
		{Names: []string{"api.test"}, Client: true, Server: true, Key: chain.ECDSA},
		{Names: []string{"bob"}, Client: true, FromRoot: true, Key: chain.ECDSA},
		{Names: []string{"carol"}, Client: true, Group: "staff", Key: chain.ECDSA},
	} {
		_, err := m.engine().Issue(t.Context(), o)
		require.NoError(t, err, o.Names)
	}
	r, err := m.engine().Renew(t.Context(), false, true)
	require.NoError(t, err)
	require.Equal(t, []Ended{
		{Name: "api.test", Again: []string{"issue", "api.test", "client.localhost", "--client", "--server", "--key", "ecdsa"}},
		{Name: "bob", Again: []string{"issue", "bob", "--client", "--from-root", "--key", "ecdsa"}},
		{Name: "carol", Again: []string{"issue", "carol", "--client", "--group", "staff", "--key", "ecdsa"}},
	}, r.Ended)
	again := IssueOrder{Names: []string{"api.test", "client.localhost"}, Client: true, Server: true, Key: chain.ECDSA}
	_, err = m.engine().Issue(t.Context(), again)
	require.NoError(t, err)
}

// A group whose authority is lost takes nothing out of browsers: who knows the root
// accepts what it has issued.
func TestALostGroupIsNoFormerRoot(t *testing.T) {
	keep := true
	browser := &memPersonal{name: "chromium"}
	m, e := issuing(t, browser)
	m.mustSetup(Request{KeepRootKey: &keep})
	_, err := e.CreateGroup(t.Context(), "staff")
	require.NoError(t, err)
	order := forClient("carol")
	order.Group, order.Install = "staff", true
	i, err := e.Issue(t.Context(), order)
	require.NoError(t, err)
	require.NoError(t, os.RemoveAll(m.path("groups")))
	require.NotContains(t, kindsOf(m.status().Findings), FormerRoot)
	m.mustRepair()
	require.True(t, browser.has(i.Cert()))
	m.mustSetup(asking(false))
	require.False(t, browser.has(i.Cert()), "nobody wants clients any more")
}

// Without an authority for clients no command issues to one.
func TestNobodyIssuesAgainWithoutAnAuthority(t *testing.T) {
	m, _, _, _ := offering(t)
	m.mustSetup(asking(false))
	r, err := m.engine().Renew(t.Context(), false, true)
	require.NoError(t, err)
	require.Equal(t, []Ended{{Name: "alice"}}, r.Ended)
}

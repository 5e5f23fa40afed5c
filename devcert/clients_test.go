package devcert

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"devcert/devcert/chain"
)

// memClients are programs that answer as verdicts say.
type memClients struct {
	found    []Client
	verdicts map[string][2]Verdict // by name: inside, outside
	asked    []string
	exam     Exam
}

func (c *memClients) Find(context.Context, Material) []Client { return c.found }

func (c *memClients) Ask(_ context.Context, clients []Client, exam Exam) ([]Asked, error) {
	c.exam = exam
	var all []Asked
	for _, client := range clients {
		c.asked = append(c.asked, client.Name)
		v := c.verdicts[client.Name]
		all = append(all, Asked{Client: client, Inside: v[0], Outside: v[1], Said: "it said so"})
	}
	return all, nil
}

func TestForesee(t *testing.T) {
	o := &Observation{Stores: []StorePlaces{
		{"java", []Place{{Path: "/jdk", Part: chain.PartRoot, State: Missing}, {Path: "/other", Part: chain.PartRoot, State: Trusted}}},
		{"windows-root", []Place{{Path: "LM", Part: chain.PartRoot, State: Denied}, {Path: "CU", Part: chain.PartRoot, State: Missing}}},
		{"dotnet", []Place{{Path: "my", Part: chain.PartLeaf, State: Trusted}}},
	}}
	for _, row := range []struct {
		name   string
		client Client
		want   PlaceState
	}{
		{"roots of its own", Client{State: Missing}, Missing},
		{"led away from a store that trusts", Client{Store: "java", State: Missing}, Missing},
		{"any place that trusts", Client{Store: "java"}, Trusted},
		{"its one place", Client{Store: "java", Place: "/jdk"}, Missing},
		{"no place trusts: the first says why", Client{Store: "windows-root"}, Denied},
		{"a place that is not there", Client{Store: "java", Place: "/gone"}, Unknown},
		{"a store that is not there", Client{Store: "chromium"}, Unknown},
		{"a personal store is no trust store", Client{Store: "dotnet"}, Unknown},
	} {
		t.Run(row.name, func(t *testing.T) { assert.Equal(t, row.want, o.Foresee(row.client)) })
	}
}

func TestStatusNamesClientsWithOtherRoots(t *testing.T) {
	m := setUp(t)
	m.host.Clients = &memClients{found: []Client{
		{Name: "curl", Path: "/usr/bin/curl", Store: SystemStore},
		{Name: "node", Path: "/usr/bin/node", Roots: "its own list", State: Missing, Remedy: "set it"},
		{Name: "git", Path: "/usr/bin/git", Roots: "/ca.pem", State: Missing, Override: "http.sslCAInfo"},
		{Name: "odd", Path: "/usr/bin/odd", Roots: "/odd.pem", State: Unknown, Evidence: "permission denied"},
		{Name: "ruby", Path: "/usr/bin/ruby", State: Trusted},
	}}
	r := m.status()
	require.Equal(t, []string{TrustMissing, EnvOverride, TrustUnknown}, kindsOf(r.Findings))
	assert.False(t, r.Broken(), "what devcert does not change is a warning")
	assert.Equal(t, "/usr/bin/node", r.Findings[0].Where)
	assert.Equal(t, "set it", r.Findings[0].Remedy)
	assert.False(t, r.Findings[0].Repairable)
	assert.Contains(t, r.Findings[2].Message, "permission denied")

	m.host.Overrides = func(*x509.Certificate) []Override {
		return []Override{{Name: "http.sslCAInfo", Value: "/ca.pem", Reason: "it lacks the root"}}
	}
	r = m.status()
	require.Equal(t, []string{EnvOverride, TrustMissing, TrustUnknown}, kindsOf(r.Findings), "what leads git away is said once")
	assert.Equal(t, "http.sslCAInfo", r.Findings[0].Where)
	assert.Equal(t, "unset http.sslCAInfo", r.Findings[0].Remedy)
	m.host.Overrides = func(*x509.Certificate) []Override {
		return []Override{{Name: "http.sslCAInfo", Reason: "it lacks the root", Remedy: "another"}}
	}
	assert.Equal(t, "another", m.status().Findings[0].Remedy)

	require.NoError(t, m.host.Stores[0].Withdraw(context.Background(), r.Seen.material().Root))
	assert.Equal(t, []string{TrustMissing}, kindsOf(m.status().Findings), "the store's finding says it all")
	assert.Equal(t, "/"+SystemStore, m.status().Findings[0].Where)
}

// What accepts every server is no good news.
func TestStatusNamesCarelessClients(t *testing.T) {
	m := setUp(t)
	m.host.Clients = &memClients{found: []Client{
		{Name: "git", Path: "/usr/bin/git", State: Trusted, Override: "GIT_SSL_NO_VERIFY", Careless: true, Remedy: "unset GIT_SSL_NO_VERIFY"},
	}}
	r := m.status()
	require.Equal(t, []string{ConstraintsIgnored}, kindsOf(r.Findings))
	assert.True(t, r.Broken())
	assert.Equal(t, "unset GIT_SSL_NO_VERIFY", r.Findings[0].Remedy)
	assert.False(t, r.Findings[0].Repairable)
}

func TestDoctor(t *testing.T) {
	curl := Client{Name: "curl", Path: "/usr/bin/curl", Store: SystemStore, Roots: "the bundle"}
	careless := Client{Name: "git", State: Trusted, Careless: true, Remedy: "unset it"}
	for _, row := range []struct {
		name            string
		client          Client
		inside, outside Verdict
		kinds           []string
		broken          bool
	}{
		{"as it should be", curl, Accepted, Refused, []string{}, false},
		{"refuses what its store trusts", curl, Refused, Refused, []string{TrustDenied}, true},
		{"accepts what nobody may", curl, Accepted, Accepted, []string{ConstraintsIgnored}, true},
		{"hangs", curl, Hung, NotAsked, []string{TrustUnknown, TrustUnknown}, true},
		{"cannot be run", curl, NotAsked, NotAsked, []string{TrustUnknown, TrustUnknown}, true},
		{"hangs at the name outside", curl, Accepted, Hung, []string{TrustUnknown}, false},
		{"fails at the name outside", curl, Accepted, NotAsked, []string{TrustUnknown}, false},
		{"refuses as foreseen", Client{Name: "node", State: Missing}, Refused, Refused, []string{TrustMissing}, false},
		{"accepts though it was foreseen to refuse", Client{Name: "node", State: Missing}, Accepted, Refused, []string{}, false},
		{"accepts all as foreseen", careless, Accepted, Accepted, []string{ConstraintsIgnored}, true},
		{"verifies though it was told not to", careless, Accepted, Refused, []string{}, false},
		{"was told not to verify and hangs", careless, Accepted, Hung, []string{ConstraintsIgnored, TrustUnknown}, true},
		{"refuses what could not be foreseen", Client{Name: "odd", Store: "no such"}, Refused, Refused, []string{TrustDenied}, true},
		{"a server that fails as its store says", Client{Name: "kestrel", State: Missing, Server: true}, Refused, Refused, []string{}, false},
		{"a server that fails all the same", Client{Name: "kestrel", State: Trusted, Server: true}, Refused, Refused, []string{TrustDenied}, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			m := setUp(t)
			clients := &memClients{
				found:    []Client{row.client, {Name: "firefox", Browser: true, Store: SystemStore}},
				verdicts: map[string][2]Verdict{row.client.Name: {row.inside, row.outside}},
			}
			m.host.Clients = clients
			before := m.picture()
			r, err := m.engine().Doctor(context.Background(), Examine{})
			require.NoError(t, err)
			assert.Equal(t, row.kinds, kindsOf(r.Findings))
			for _, f := range askedFindings(r) {
				assert.NotEmpty(t, f.Remedy, "%+v", f)
			}
			assert.Equal(t, row.broken, r.Broken())
			assert.Equal(t, []string{row.client.Name}, clients.asked, "browsers only when they are asked for")
			require.Len(t, r.Asked, 2)
			assert.Equal(t, NotAsked, r.Asked[1].Inside)
			assert.Equal(t, before, m.picture(), "nothing is changed")
		})
	}
}

// A client that gave no answer though it should have is a warning, and an error
// where nobody gave one.
func TestDoctorHearsSilence(t *testing.T) {
	curl, git := Client{Name: "curl", Path: "/curl"}, Client{Name: "git", Path: "/git"}
	quiet := Asked{Client: curl, Inside: NotAsked, Outside: NotAsked, Said: "read-only", Cure: "set TMPDIR"}
	for _, row := range []struct {
		name       string
		all        []Asked
		severities []Severity
	}{
		{"one of two", []Asked{quiet, {Client: git, Inside: Accepted, Outside: Refused}}, []Severity{Warning}},
		{"one of two, the other refuses", []Asked{quiet, {Client: git, Inside: Refused, Outside: Refused, Said: "no"}}, []Severity{Warning, Error}},
		{"all", []Asked{quiet, {Client: git, Inside: Hung, Outside: NotAsked}}, []Severity{Warning, Warning, Error}},
		{"spared", []Asked{{Client: curl, Inside: NotAsked, Outside: NotAsked, Said: "a browser", Spared: true}}, nil},
		{"without a question about the outside", []Asked{{Client: curl, Inside: Accepted, Outside: NotAsked}}, nil},
		{"nobody is here", nil, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			var got []Severity
			for _, f := range askedFindings(&Report{Seen: &Observation{}, Asked: row.all}) {
				got = append(got, f.Severity)
				assert.NotEmpty(t, f.Remedy, "%+v", f)
				if f.Kind == TrustUnknown && f.Where != "/git" {
					assert.Equal(t, "set TMPDIR", f.Remedy)
				}
			}
			assert.Equal(t, row.severities, got)
		})
	}
}

// What clients are asked with comes from the hierarchy that stores trust.
func TestExam(t *testing.T) {
	m := setUp(t)
	clients := &memClients{found: []Client{{Name: "firefox", Browser: true}}, verdicts: map[string][2]Verdict{"firefox": {Accepted, Refused}}}
	m.host.Clients = clients
	r, err := m.engine().Doctor(context.Background(), Examine{Browsers: true, Limit: time.Second})
	require.NoError(t, err)
	assert.Equal(t, []string{"firefox"}, clients.asked)
	assert.Equal(t, time.Second, clients.exam.Limit)
	assert.Equal(t, r.Seen.Folder.Hierarchy.Root, clients.exam.Root)

	roots := x509.NewCertPool()
	roots.AddCert(r.Seen.Folder.Hierarchy.Root)
	verify := func(c tls.Certificate, name string) error {
		between := x509.NewCertPool()
		issuer, err := x509.ParseCertificate(c.Certificate[1])
		require.NoError(t, err)
		between.AddCert(issuer)
		_, err = c.Leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, DNSName: name, CurrentTime: m.now})
		return err
	}
	require.NoError(t, verify(clients.exam.Inside, "localhost"))
	var refused x509.CertificateInvalidError
	require.ErrorAs(t, verify(clients.exam.Outside, OutsideName), &refused)
	assert.Equal(t, x509.CANotAuthorizedForThisName, refused.Reason)
}

func TestDoctorWithoutWhatToAsk(t *testing.T) {
	t.Run("never set up", func(t *testing.T) {
		m := newMachine(t)
		clients := &memClients{found: []Client{{Name: "curl", Store: SystemStore}}}
		m.host.Clients = clients
		r, err := m.engine().Doctor(context.Background(), Examine{})
		require.NoError(t, err)
		assert.Empty(t, clients.asked)
		require.Len(t, r.Asked, 1)
		assert.Equal(t, NotAsked, r.Asked[0].Inside)
		assert.Contains(t, r.Asked[0].Said, "devcert setup")
		assert.Equal(t, []string{HierarchyMissing}, kindsOf(r.Findings))
	})
	t.Run("example.com permitted", func(t *testing.T) {
		m := newMachine(t)
		clients := &memClients{found: []Client{{Name: "curl", Store: SystemStore}}, verdicts: map[string][2]Verdict{"curl": {Accepted, NotAsked}}}
		m.host.Clients = clients
		q := quick()
		q.Permits = []string{"example.com"}
		m.mustSetup(q)
		_, err := m.engine().Doctor(context.Background(), Examine{})
		require.NoError(t, err)
		assert.Empty(t, clients.exam.Outside.Certificate, "whoever may accept it is not asked to refuse it")
	})
}

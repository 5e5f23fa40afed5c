package firefox

import (
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/devcert/chain"
	"devcert/platform/nss"
	"devcert/platform/securefile"
	"devcert/platform/system"
)

// asked is a real Firefox with two profiles, and what it says of our sites.
type asked struct {
	*browser
	profiles []string
	good     *site // localhost
	full     *site // localhost, whose server sends the root too
	bad      *site // example.com, signed by our intermediate
}

func ask(t *testing.T, home string, h *chain.Hierarchy) *asked {
	t.Helper()
	a := &asked{browser: newBrowser(t, home)}
	a.profiles = []string{a.profile("one"), a.profile("two")}
	a.good, a.full = newSite(t, h, h.Leaf), newSite(t, h, h.Leaf, h.Root.Raw)
	a.bad = newSite(t, h, outside(t, h, "example.com"))
	return a
}

// require asks Firefox, in both profiles, and devcert: they have to agree.
func (a *asked) require(s *Store, h *chain.Hierarchy, trusted bool) {
	a.t.Helper()
	for _, profile := range a.profiles {
		require.Equal(a.t, trusted, a.good.visit(a.browser, profile, "localhost"), profile)
		if !trusted {
			require.False(a.t, a.full.visit(a.browser, profile, "localhost"), profile)
			continue
		}
		require.False(a.t, a.bad.visit(a.browser, profile, "example.com"), profile)
	}
	places := s.Look(a.t.Context(), devcert.Material{Root: h.Root, Intermediate: h.Intermediate.Cert, Leaf: h.Leaf.Cert})
	require.Len(a.t, places, len(a.profiles))
	for _, p := range places {
		require.Equal(a.t, trusted, p.State == devcert.Trusted, "%+v", p)
		require.NotEqual(a.t, devcert.Unknown, p.State, p.Evidence)
	}
}

func TestFirefoxByCertutil(t *testing.T) {
	home, h := t.TempDir(), newHierarchy(t)
	a := ask(t, home, h)
	if _, ok := nss.FindTool(); !ok {
		t.Skip("needs certutil (libnss3-tools)")
	}
	s := &Store{Home: home, Files: securefile.Files{}, System: &fakeSystem{state: devcert.Missing}}
	m := devcert.Material{Root: h.Root}
	a.require(s, h, false)
	require.NoError(t, s.Deploy(t.Context(), m))
	a.require(s, h, true)

	// One profile loses its trust bits: it is seen, and mended.
	tool, _ := nss.FindTool()
	runCertutil(t, tool, "-M", "-d", "sql:"+a.profiles[1], "-t", ",,", "-n", nss.Nickname(h.Root))
	require.False(t, a.good.visit(a.browser, a.profiles[1], "localhost"))
	require.Equal(t, devcert.Denied, s.Look(t.Context(), m)[1].State)
	require.NoError(t, s.Deploy(t.Context(), m))
	a.require(s, h, true)

	require.NoError(t, s.Withdraw(t.Context(), h.Root))
	a.require(s, h, false)
}

// TestFirefoxKeepsTrustByItself: what Firefox itself has been told to trust may be
// more than certutil can see. Its state is then trusted or unknown, never denied.
func TestFirefoxKeepsTrustByItself(t *testing.T) {
	if os.Getenv("DEVCERT_TEST_MACHINE") != "1" {
		t.Skip("changes the machine: only with DEVCERT_TEST_MACHINE=1, see scripts/private-machine")
	}
	home, h := t.TempDir(), newHierarchy(t)
	b := newBrowser(t, home)
	if _, ok := nss.FindTool(); !ok {
		t.Skip("needs certutil (libnss3-tools)")
	}
	profile, good := b.profile("one"), newSite(t, h, h.Leaf)
	root := write(t, string(chain.EncodeCertificates(h.Root)), home, "root.pem")
	policy := write(t, `{"policies":{"Certificates":{"Install":["`+root+`"]}}}`, policyFile)
	t.Cleanup(func() { _ = os.Remove(policy) })
	require.True(t, good.visit(b, profile, "localhost"))
	require.NoError(t, os.Remove(policy))
	require.True(t, good.visit(b, profile, "localhost"))
	s := &Store{Home: home, Files: securefile.Files{}, System: &fakeSystem{state: devcert.Missing}}
	require.Contains(t, []devcert.PlaceState{devcert.Trusted, devcert.Unknown},
		s.Look(t.Context(), devcert.Material{Root: h.Root})[0].State)
	require.NoError(t, s.Deploy(t.Context(), devcert.Material{Root: h.Root}))
	require.Equal(t, devcert.Trusted, s.Look(t.Context(), devcert.Material{Root: h.Root})[0].State)
	require.NoError(t, s.Withdraw(t.Context(), h.Root))
	require.False(t, good.visit(b, profile, "localhost"))
}

// TestFirefoxWhileItRuns: the database of a running Firefox can be changed.
func TestFirefoxWhileItRuns(t *testing.T) {
	home, h := t.TempDir(), newHierarchy(t)
	b := newBrowser(t, home)
	if _, ok := nss.FindTool(); !ok {
		t.Skip("needs certutil (libnss3-tools)")
	}
	profile, good := b.profile("one"), newSite(t, h, h.Leaf)
	s := &Store{Home: home, Files: securefile.Files{}, System: &fakeSystem{state: devcert.Missing}}
	b.open(profile, "https://localhost:"+good.port+"/", func() bool {
		if !good.refused() {
			return false
		}
		require.NoError(t, s.Deploy(t.Context(), devcert.Material{Root: h.Root}))
		return true
	})
	require.True(t, good.visit(b, profile, "localhost"))
}

// TestFirefoxByPolicy changes the machine's policies and its own store.
func TestFirefoxByPolicy(t *testing.T) {
	if os.Getenv("DEVCERT_TEST_MACHINE") != "1" {
		t.Skip("changes the machine: only with DEVCERT_TEST_MACHINE=1, see scripts/private-machine")
	}
	if _, err := findModule(""); err != nil {
		t.Skip(err)
	}
	home, h := t.TempDir(), newHierarchy(t)
	a := ask(t, home, h)
	before := policyListing(t)
	trust := system.Changer{}
	s := &Store{
		Home: home, Files: securefile.Files{}, System: &system.Store{Now: time.Now},
		Privileged: &fakePrivileged{t: t}, Certutil: func() (nss.Tool, bool) { return nss.Tool{}, false },
	}
	m := devcert.Material{Root: h.Root}
	require.NoError(t, trust.Trust(t.Context(), h.Root, func() {}))
	a.require(s, h, false) // the system's trust alone is nothing to Firefox
	require.NoError(t, s.Deploy(t.Context(), m))
	a.require(s, h, true)

	require.NoError(t, trust.Distrust(t.Context(), h.Root, func() {}))
	a.require(s, h, false) // it follows
	require.NoError(t, trust.Trust(t.Context(), h.Root, func() {}))
	require.True(t, a.good.visit(a.browser, a.profiles[0], "localhost"))

	require.NoError(t, s.Withdraw(t.Context(), h.Root))
	require.Equal(t, before, policyListing(t))
	a.require(s, h, false) // though the system still trusts the root
	require.NoError(t, trust.Distrust(t.Context(), h.Root, func() {}))
}

// policyListing is all that stands where policies and devcert's ledger do.
func policyListing(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("find", "/etc/firefox", "/var/lib/devcert", "-printf", "%p %m %s\n").Output()
	if err != nil {
		require.IsType(t, &exec.ExitError{}, err) // none of them is there
	}
	return string(out)
}

package devcert

import (
	"context"
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"devcert/devcert/chain"
	"devcert/devcert/disk"
	"devcert/scripts/fuzzlimit"
)

// memPersonal offers certificates from memory.
type memPersonal struct {
	name  string
	certs []*x509.Certificate
	fails error
}

func (p *memPersonal) Name() string { return p.name }

func (p *memPersonal) Offer(_ context.Context, o Offered) ([]string, error) {
	if p.fails != nil {
		return nil, p.fails
	}
	if !chain.SameKey(o.Cert, o.Key) || len(o.Chain) == 0 {
		return nil, errors.New("it came without key or chain")
	}
	p.certs = append(p.certs, o.Cert)
	return []string{"/" + p.name}, nil
}

func (p *memPersonal) Offers(_ context.Context, cert *x509.Certificate) ([]string, error) {
	if !slices.ContainsFunc(p.certs, cert.Equal) {
		return nil, p.fails
	}
	return []string{"/" + p.name}, p.fails
}

func (p *memPersonal) Withdraw(_ context.Context, cert *x509.Certificate) error {
	if p.fails == nil {
		p.certs = slices.DeleteFunc(p.certs, cert.Equal)
	}
	return p.fails
}

// issuing is a machine with an authority for clients, and browsers.
func issuing(t *testing.T, clients ...*memPersonal) (*machine, *Engine) {
	t.Helper()
	m := setUp(t)
	m.mustSetup(asking(true))
	e := m.engine()
	for _, c := range clients {
		e.Host.Personals = append(e.Host.Personals, c)
	}
	return m, e
}

func forClient(name string) IssueOrder {
	return IssueOrder{Names: []string{name}, Client: true, Key: chain.ECDSA}
}

func TestOfferedCertificatesGoWithWhatMadeThem(t *testing.T) {
	chromium, firefox := &memPersonal{name: "chromium"}, &memPersonal{name: "firefox", fails: ErrUnsupported}
	m, e := issuing(t, chromium, firefox)
	order := forClient("alice")
	order.Install = true
	i, err := e.Issue(t.Context(), order)
	require.NoError(t, err)
	require.Equal(t, []OfferedBy{{"chromium", []string{"/chromium"}}}, i.Offered)
	require.Len(t, m.ledger().Offered, 1, "a client that is not here is not remembered")
	require.Equal(t, e.Host.Owner.Machine, m.ledger().Machine)
	require.Empty(t, describe(m.status().Findings))

	order.Force = true
	again, err := e.Issue(t.Context(), order)
	require.NoError(t, err)
	require.Equal(t, []*x509.Certificate{again.Cert()}, chromium.certs, "what it replaces is offered no more")

	_, changed, err := e.Revoke(t.Context(), "alice")
	require.NoError(t, err)
	require.True(t, changed)
	require.Empty(t, chromium.certs)
	require.Empty(t, m.ledger().Offered)

	order.Force = false
	_, err = e.Issue(t.Context(), order)
	require.NoError(t, err)
	_, err = e.Uninstall(t.Context(), false)
	require.NoError(t, err)
	require.Empty(t, chromium.certs)
	require.NoDirExists(t, m.path("."))
}

// A browser that cannot be changed keeps the ledger, so that it is tried again.
func TestAnOfferThatCannotBeTakenBack(t *testing.T) {
	chromium := &memPersonal{name: "chromium"}
	m, e := issuing(t, chromium)
	order := forClient("alice")
	order.Install = true
	_, err := e.Issue(t.Context(), order)
	require.NoError(t, err)
	chromium.fails = errors.New("the database is locked")
	_, _, err = e.Revoke(t.Context(), "alice")
	require.ErrorContains(t, err, "the database is locked")
	require.Len(t, m.ledger().Offered, 1)
	all, err := e.List(t.Context())
	require.NoError(t, err)
	require.Equal(t, IssuedRevoked, all[0].State, "revoked it is all the same")
	_, err = e.Uninstall(t.Context(), false)
	require.ErrorContains(t, err, "the database is locked")
	require.Len(t, m.ledger().Offered, 1, "the ledger stays until it is gone")
	chromium.fails = nil
	_, err = e.Uninstall(t.Context(), false)
	require.NoError(t, err)
	require.Empty(t, chromium.certs)
}

func TestADamagedLedgerIsNotWrittenOver(t *testing.T) {
	m, e := issuing(t, &memPersonal{name: "chromium"})
	require.NoError(t, os.WriteFile(m.path(disk.LedgerFile), []byte("garbage"), 0o600))
	order := forClient("alice")
	order.Install = true
	_, err := e.Issue(t.Context(), order)
	require.ErrorContains(t, err, disk.LedgerFile)
	require.Equal(t, "garbage", string(m.read(disk.LedgerFile)))
}

func TestIssuedStates(t *testing.T) {
	m, e := issuing(t)
	for _, name := range []string{"good", "gone"} {
		_, err := e.Issue(t.Context(), forClient(name))
		require.NoError(t, err)
	}
	late := forClient("late")
	late.Flaw = chain.FlawExpired
	_, err := e.Issue(t.Context(), late)
	require.NoError(t, err)
	_, _, err = e.Revoke(t.Context(), "gone")
	require.NoError(t, err)
	states := func() map[string]IssuedState {
		all, err := e.List(t.Context())
		require.NoError(t, err)
		out := map[string]IssuedState{}
		for _, c := range all {
			out[c.Name] = c.State
		}
		return out
	}
	require.Equal(t, map[string]IssuedState{"good": IssuedValid, "gone": IssuedRevoked, "late": IssuedExpired}, states())
	_, err = m.engine().Renew(t.Context(), true, true)
	require.NoError(t, err)
	require.Equal(t, IssuedFormer, states()["good"])
	_, _, err = e.Revoke(t.Context(), "good")
	require.ErrorContains(t, err, "former root")
	_, err = e.Issue(t.Context(), forClient("good"))
	require.NoError(t, err, "what a former root vouched for is replaced unasked")
	require.NoError(t, os.WriteFile(m.path("issued/good/good.pem"), []byte("garbage"), 0o600))
	require.Equal(t, IssuedValid, states()["good"], "it is beside that in DER")
	require.NoError(t, os.Remove(m.path("issued/good/good.pem")))
	require.Equal(t, IssuedValid, states()["good"])
	require.NoError(t, os.WriteFile(m.path("issued/good/good.pem"), []byte("garbage"), 0o600))
	require.NoError(t, os.Remove(m.path("issued/good/good.crt")))
	require.Equal(t, IssuedUnreadable, states()["good"])
	require.NoError(t, os.WriteFile(m.path(disk.RevokedFile), []byte("{}"), 0o600))
	_, err = e.List(t.Context())
	require.Error(t, err, "nothing revoked is good again because its list is damaged")
	_, err = e.Issue(t.Context(), forClient("new"))
	require.Error(t, err)
	require.Equal(t, []string{"error state-corrupt revoked.json (by hand)"}, describe(m.status().Findings))
	require.Contains(t, m.status().Findings[0].Remedy, "devcert renew --root")
}

// A run that was killed while it replaced a certificate is found, and finished; what
// stands in the place of the folder is found, and left to its owner.
func TestIssuedFilesThatAreNotInTheirPlaces(t *testing.T) {
	m, e := issuing(t)
	_, err := e.Issue(t.Context(), forClient("alice"))
	require.NoError(t, err)
	cert := m.read("issued/alice/alice.pem")
	require.NoError(t, os.Mkdir(m.path("issued/alice/.alice.new"), 0o700))
	require.NoError(t, os.Rename(m.path("issued/alice/alice.pem"), m.path("issued/alice/.alice.new/alice.pem")))
	require.NoError(t, os.WriteFile(m.path("issued/alice/alice.pem"), []byte("the one before"), 0o600))
	require.Equal(t, []string{"error pair-mismatch issued/alice"}, describe(m.status().Findings))
	all, err := e.List(t.Context())
	require.NoError(t, err)
	require.Equal(t, IssuedValid, all[0].State)
	require.Empty(t, describe(m.mustRepair().Findings))
	require.Equal(t, cert, m.read("issued/alice/alice.pem"))

	if runtime.GOOS == "windows" {
		t.Skip("symbolic links need a privilege there")
	}
	require.NoError(t, os.Rename(m.path("issued"), m.path("kept")))
	require.NoError(t, os.Symlink(m.path("kept"), m.path("issued")))
	require.Equal(t, []string{"error state-corrupt issued (by hand)"}, describe(m.status().Findings))
	_, err = e.List(t.Context())
	require.ErrorIs(t, err, disk.ErrNotFolder)
	_, err = e.Issue(t.Context(), forClient("bob"))
	require.ErrorIs(t, err, disk.ErrNotFolder)
	_, err = e.Credential(t.Context(), "alice")
	require.ErrorIs(t, err, disk.ErrNotFolder)
}

// Deleting the list of what was revoked makes nothing good again; a new root does
// away with all of it.
func TestADeletedListIsFound(t *testing.T) {
	m, e := issuing(t)
	for _, name := range []string{"alice", "bob"} {
		_, err := e.Issue(t.Context(), forClient(name))
		require.NoError(t, err)
	}
	_, _, err := e.Revoke(t.Context(), "alice")
	require.NoError(t, err)
	require.Equal(t, 1, m.ledger().Revoked)
	require.NoError(t, os.Remove(m.path(disk.RevokedFile)))
	_, err = e.List(t.Context())
	require.ErrorContains(t, err, "it is gone, and the ledger knows that something was revoked")
	_, _, err = e.Revoke(t.Context(), "bob")
	require.ErrorContains(t, err, "it is gone")
	findings := m.status().Findings
	require.Equal(t, []string{"error state-corrupt revoked.json (by hand)"}, describe(findings))
	require.Contains(t, findings[0].Remedy, "devcert renew --root")
	_, err = m.engine().Renew(t.Context(), true, true)
	require.NoError(t, err)
	require.Empty(t, describe(m.status().Findings))
	all, err := e.List(t.Context())
	require.NoError(t, err)
	require.Equal(t, IssuedFormer, all[0].State)
}

// An issued key that others can read is found, and made private again; it is no
// reason to make a new leaf.
func TestExposedIssuedKeys(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there are no modes")
	}
	m, e := issuing(t)
	_, err := e.Issue(t.Context(), forClient("root")) // whose key is called as the root's
	require.NoError(t, err)
	leaf := m.status().Seen.Folder.Hierarchy.Leaf.Cert
	require.NoError(t, os.Chmod(m.path("issued/root/root-key.pem"), 0o644))
	require.Equal(t, []string{"error file-exposed issued/root/root-key.pem"}, describe(m.status().Findings))
	require.Empty(t, describe(m.mustRepair().Findings))
	info, err := os.Stat(m.path("issued/root/root-key.pem"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode())
	require.True(t, m.status().Seen.Folder.Hierarchy.Leaf.Cert.Equal(leaf))
}

func TestFileName(t *testing.T) {
	for name, want := range map[string]string{
		"alice": "alice", "*.app.test": "_wildcard.app.test", "a@b.example": "a@b.example", "jos\u00e9": "jos\u00e9", "\u65e5\u672c": "\u65e5\u672c",
		"Alice Smith": "Alice-Smith-", "../../evil": "_..-..-evil-", ".hidden": "_.hidden-", "-rf": "_-rf-", "con": "_con-", "NUL.txt": "_NUL.txt-",
		"a/b": "a-b-", "a:b": "a-b-", "trailing.": "trailing-", "": "_-", "...": "_-", strings.Repeat("x", 300): strings.Repeat("x", 91) + "-",
	} {
		got := fileName(name)
		if strings.HasSuffix(want, "-") {
			require.Regexp(t, "^"+regexp.QuoteMeta(want)+"[0-9a-f]{8}$", got, "%q", name)
		} else {
			require.Equal(t, want, got)
		}
		require.Equal(t, got, fileName(got), "what list shows is a name too")
	}
	require.NotEqual(t, fileName("a/b"), fileName("a:b"))
}

// Whatever a name is, its files are in their own folder.
func FuzzFileName(f *testing.F) {
	for _, s := range []string{"alice", "../x", "a/b", "con", "*.", "\x00", "aux.pem", " ", "\u65e5\u672c"} {
		f.Add(s)
	}
	fuzzlimit.Fuzz(f, func(t *testing.T, name string) {
		got := fileName(name)
		require.NotEmpty(t, got)
		require.True(t, utf8.ValidString(got))
		require.LessOrEqual(t, len(got), maxFileName)
		require.Equal(t, got, fileName(got))
		require.NotContains(t, "-.", string(got[0]))
		require.False(t, strings.HasSuffix(got, "."))
		require.False(t, strings.ContainsAny(got, "/\\:*?\"<>| \x00\n"))
		require.Equal(t, got, filepath.Base(got))
	})
}

// What was made below a root that is gone meanwhile is not kept.
func TestANewRootWhileIssuing(t *testing.T) {
	m, e := issuing(t)
	order := forClient("alice")
	order.PFX = chain.PFXModern
	order.Password = func() (string, error) {
		_, err := m.engine().Renew(t.Context(), true, true)
		return "open-sesame", err
	}
	_, err := e.Issue(t.Context(), order)
	require.EqualError(t, err, "issuing alice: another devcert has made a new root meanwhile, and nothing was kept")
	var remedied interface{ Remedy() string }
	require.ErrorAs(t, err, &remedied)
	require.Contains(t, remedied.Remedy(), "run the same command again")
	all, err := e.List(t.Context())
	require.NoError(t, err)
	require.Empty(t, all)
}

// What is wrong with another is nothing to wait for, least of all for oneself.
func TestRevokeBesideADamagedOne(t *testing.T) {
	m, e := issuing(t)
	for _, name := range []string{"alice", "bob"} {
		_, err := e.Issue(t.Context(), forClient(name))
		require.NoError(t, err)
	}
	for _, ending := range []string{".pem", ".crt"} {
		require.NoError(t, os.WriteFile(e.folder().IssuedPath("bob", ending), []byte("x"), 0o600))
	}
	e = m.engine()
	e.Say = func(line string) { t.Error(line) }
	e.Timeout = 3 * time.Second // it says so before
	_, changed, err := e.Revoke(t.Context(), "alice")
	require.NoError(t, err)
	require.True(t, changed)
}

// A group that is enabled while a password is asked for makes valid again what would
// be replaced.
func TestIssueLooksAgainAtWhatItReplaces(t *testing.T) {
	m, _ := grouped(t)
	order := forClient("alice")
	order.Group = "ops"
	first, err := m.engine().Issue(t.Context(), order)
	require.NoError(t, err)
	m.changeGroup((*Engine).DisableGroup, "ops")

	order = forClient("alice")
	order.PFX = chain.PFXModern
	order.Password = func() (string, error) {
		m.changeGroup((*Engine).EnableGroup, "ops")
		return "secret", nil
	}
	_, err = m.engine().Issue(t.Context(), order)
	var wrong *UsageError
	require.ErrorAs(t, err, &wrong)
	require.Contains(t, wrong.Problem, "was issued already")
	has, found, err := m.engine().folder().FindIssued("alice")
	require.NoError(t, err)
	require.True(t, found)
	require.True(t, has.Cert().Equal(first.Cert()))
}

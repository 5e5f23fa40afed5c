package page

import (
	"crypto/x509"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/devcert/chain"
)

func TestChain(t *testing.T) {
	m := setUpWith(t, chain.RSA)
	h := m.mustReport().Seen.Folder.Hierarchy
	links := all(one(t, m.page(), "ol.chain"), "li.link")
	require.Len(t, links, 3)
	for i, want := range []struct {
		cert  *x509.Certificate
		parts []string
	}{
		{h.Root, []string{"root, what clients trust", "3653 days left", "2026-11-21 to 2036-11-21", "ECDSA P-256, private key destroyed", "Permits only localhost test", "127.0.0.0/8"}},
		{h.Intermediate.Cert, []string{"intermediate, what makes new leaves", "ECDSA P-256, private key in the state folder", "Permits only"}},
		{h.Leaf.Cert, []string{"leaf, which this page came with", "365 days left", "2026-11-21 to 2027-11-21", "RSA-2048, private key in the state folder", "Names localhost *.dev.localhost"}},
	} {
		got := text(links[i])
		for _, part := range append(want.parts, want.cert.Subject.CommonName, chain.Thumbprint(want.cert), chain.Fingerprint(want.cert)) {
			assert.Contains(t, strings.ReplaceAll(got, " ,", ","), part)
		}
	}
}

func TestChainThatIsNotWhole(t *testing.T) {
	tests := []struct {
		name string
		edit func(*devcert.Report)
		want []string // of root, intermediate, leaf; nil for no picture
	}{
		{"no root", func(r *devcert.Report) { r.Seen.Folder.Hierarchy.Root = nil }, []string{"gone", "", ""}},
		{"no intermediate", func(r *devcert.Report) { r.Seen.Folder.Hierarchy.Intermediate = chain.Pair{} }, []string{"", "gone", ""}},
		{"no leaf", func(r *devcert.Report) { r.Seen.Folder.Hierarchy.Leaf = chain.Pair{} }, []string{"", "", "gone"}},
		{"no leaf key", func(r *devcert.Report) { r.Seen.Folder.Hierarchy.Leaf.Key = nil }, []string{"", "", "private key lost or unreadable"}},
		{"nothing", func(r *devcert.Report) { r.Seen.Folder = something().Seen.Folder }, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := setUp(t)
			m.edit = test.edit
			doc := m.page()
			links := all(doc, "li.link")
			require.Len(t, links, len(test.want))
			for i, want := range test.want {
				if want == "gone" {
					assert.Contains(t, attr(links[i], "class"), "bad gone")
					assert.Contains(t, text(links[i]), "Lost No file of the state folder holds it whole.")
				} else {
					assert.Contains(t, text(links[i]), want)
				}
			}
			if test.want == nil {
				assert.Contains(t, text(one(t, doc, "section#chain")), "There is neither root nor intermediate nor leaf. devcert setup makes them.")
			}
		})
	}
}

func TestStoresAndPrograms(t *testing.T) {
	doc := broken(t).page()
	stores := all(one(t, doc, "ul.stores"), "li")
	got := texts(stores)
	for _, want := range []string{
		"bad|does not have the root /home/anna/.mozilla/firefox/p01zz3bq.work cert9.db has no such root read from the profile",
		"warn|could not be looked into /etc/ssl/certs/java/cacerts open /etc/ssl/certs/java/cacerts: permission denied keystore read",
		"good|has the leaf and its key /home/anna/.dotnet/corefx/cryptography/x509stores/my files compared",
		"good|has the intermediate /home/anna/.dotnet/corefx/cryptography/x509stores/ca files compared",
	} {
		tone, words, _ := strings.Cut(want, "|")
		require.Contains(t, got, words)
		for i := range stores {
			if got[i] == words {
				assert.Equal(t, tone, attr(stores[i], "class"), words)
			}
		}
	}
	programs := all(one(t, doc, "ul.programs"), "li")
	assert.Equal(t, []string{
		"curl will trust it Roots from /etc/ssl/certs/ca-certificates.crt",
		"git will trust it Roots from /etc/ssl/certs/ca-certificates.crt",
		"chromium will trust it Roots from /home/anna/.local/share/pki/nssdb",
		"firefox: default-release will trust it Roots from profile default-release",
		"java 17 not known Roots from /etc/ssl/certs/java/cacerts",
		"kestrel will serve with the leaf Roots from /home/anna/.dotnet/…/x509stores/my",
		`node 20 will refuse it Roots from its own list NODE_EXTRA_CA_CERTS is not set eval "$(devcert env)"`,
		"wget accepts every server Roots from /home/anna/.wgetrc remove check_certificate = off from /home/anna/.wgetrc",
	}, texts(programs))
	tiles := texts(all(one(t, doc, "nav.tiles"), "li"))
	assert.Contains(t, tiles, "Stores 5 of 7 in order")
	assert.Contains(t, tiles, "Programs 5 of 8 will trust it")
}

// A store that nobody asked about lacks nothing.
func TestStoresThatAreNotAskedFor(t *testing.T) {
	for state, want := range map[devcert.PlaceState]string{
		devcert.Trusted: "good|trusts the root, though not asked to", devcert.Missing: "none|does not have the root, and is not asked to",
		devcert.Denied:  "none|has the root and does not trust it, and is not asked to",
		devcert.Stale:   "none|has the root only in part, and is not asked to",
		devcert.Unknown: "none|could not be looked into; nothing is asked of it",
	} {
		v := placeOf(devcert.Place{Part: chain.PartRoot, State: state}, false)
		assert.Equal(t, want, string(v.Tone)+"|"+v.Word)
	}
}

func TestHealthy(t *testing.T) {
	doc := setUp(t).page()
	section := one(t, doc, "section#findings")
	assert.Equal(t, "All is well All is as it was set up on 2026-11-21. There is nothing to mend.", text(section))
	assert.Equal(t, "good", attr(section, "class"))
	assert.Equal(t, "localhost: all is well", text(one(t, doc, "title")))
	assert.Contains(t, text(one(t, doc, "footer")), "Looked at 2026-11-21 12:00:00 UTC")
}

// The tile is no worse than what is found: that a program will not trust the root
// may be only to be known.
func TestProgramsThatAreOnlyToBeKnown(t *testing.T) {
	m := setUp(t)
	m.clients = append(m.clients, devcert.Client{Name: "node 20", Path: "/usr/bin/node", Roots: "its own list", State: devcert.Missing, Evidence: "e", Remedy: "r"})
	tone := func() (string, string) {
		doc := m.page()
		for _, tile := range all(one(t, doc, "nav.tiles"), "a") {
			if attr(tile, "href") == "#programs" {
				return attr(tile, "class"), attr(one(t, doc, "section#findings"), "class")
			}
		}
		return "", ""
	}
	tile, findings := tone()
	assert.Equal(t, "warn", findings)
	assert.Equal(t, "warn", tile)
	m.edit = func(r *devcert.Report) {
		r.Findings = append(r.Findings, devcert.Finding{Kind: "trust-missing", Severity: devcert.Error, Message: "m"})
	}
	tile, _ = tone()
	assert.Equal(t, "bad", tile)
}

// What is copied out of a sentence is what a command takes.
func TestNothingUnseenIsCopied(t *testing.T) {
	for name, m := range machines(t) {
		m.edit = func(r *devcert.Report) {
			r.Findings = append(r.Findings, devcert.Finding{Kind: "binding-missing", Severity: devcert.Error, Message: "ports 44300-44399 since 2026-11-21"})
		}
		if name == "lost" {
			continue // edits what is seen itself
		}
		page := ask(t, newHandler(m.report, time.Now), http.MethodGet, home).Body.String()
		for _, unseen := range []string{"\u2060", "\u200b", "\u00ad", "\ufeff", "\u2011", "&shy;", "&#8288;"} {
			assert.NotContains(t, page, unseen, name)
		}
		assert.Contains(t, page, `ports <span class="unbroken">44300-44399</span> since <span class="unbroken">2026-11-21</span></p>`, name)
	}
}

func TestNeverSetUp(t *testing.T) {
	m := newMachine(t)
	m.host.Stores = []devcert.Store{&store{"system", []devcert.Place{{Path: "/etc/ssl", Part: chain.PartRoot, State: devcert.Missing}}}}
	doc := m.page()
	section := text(one(t, doc, "section#findings"))
	assert.Contains(t, section, "1 thing is wrong")
	assert.Contains(t, section, "devcert has not been set up for this user")
	assert.Contains(t, section, "devcert setup")
	assert.Contains(t, text(one(t, doc, "section#ports")), "No port is bound, and none was asked for.")
	assert.Contains(t, text(one(t, doc, "section#stores")), "does not have the root")
}

func TestClean(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"plain", "devcert root anna@birch", "devcert root anna@birch"},
		{"other scripts", "сертификат 証明書 شهادة é", "сертификат 証明書 شهادة é"},
		{"control characters", "a\x00b\x1b[31mc\x7f", "a�b�[31mc�"},
		{"what turns the direction", "a\u202eb\u2066c\u200f", "a�b�c�"},
		{"what is not seen", "a\u200bb\ufeff\u2060c\u00ad", "a�b��c�"},
		{"no UTF-8", "a\xff\xfeb", "a��b"},
		{"lines", "a\r\nb\tc\u00a0d\n", "a\nb c d"},
		{"as long as may be", strings.Repeat("é", shortText), strings.Repeat("é", shortText)},
		{"too long", strings.Repeat("é", shortText+1), strings.Repeat("é", shortText) + "…"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { assert.Equal(t, test.want, clean(test.in)) })
	}
}

// Whatever a text holds, the page shows it as a text.
func TestHostileTexts(t *testing.T) {
	m := hostile(t)
	m.edit = func(r *devcert.Report) {
		cert := nastyCertificate(t)
		h := &r.Seen.Folder.Hierarchy
		h.Root, h.Intermediate.Cert, h.Leaf.Cert = cert, cert, cert
		r.Findings = append(r.Findings, devcert.Finding{Kind: nasty, Severity: nasty, Where: nasty, Message: nasty, Remedy: "x: devcert " + nasty, Consequence: nasty})
	}
	h := newHandler(m.report, time.Now)
	doc := shown(t, ask(t, h, http.MethodGet, home, func(r *http.Request) { r.TLS.ServerName, r.TLS.NegotiatedProtocol = nasty, nasty }))
	assert.Empty(t, forbidden(doc, h.stylePath))
	assert.Contains(t, text(one(t, doc, "ol.chain")), "</title><script>alert(1)</script>")
	for n := range doc.Descendants() {
		for _, sign := range []string{"\u202e", "\x00", "\x1b", "\ufeff"} {
			assert.NotContains(t, n.Data, sign)
			for _, a := range n.Attr {
				assert.NotContains(t, a.Val, sign)
			}
		}
	}
}

func TestDays(t *testing.T) {
	for left, want := range map[int]string{
		-2: "2 days past its end", -1: "1 day past its end", 0: "0 days left", 1: "1 day left", 365: "365 days left", 12345: "12\u202f345 days left",
	} {
		assert.Equal(t, want, amount(left)+" "+lifeWord(left))
	}
}

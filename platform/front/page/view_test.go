package page

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/devcert/chain"
)

// with is a request on a connection that was answered with cert.
func with(cert *x509.Certificate) func(*http.Request) {
	return func(r *http.Request) {
		*r = *r.WithContext(WithPresented(r.Context(), func() *x509.Certificate { return cert }))
	}
}

func byHost(host string) func(*http.Request) {
	return func(r *http.Request) { r.Host = host }
}

func atPort(port int) func(*http.Request) {
	return func(r *http.Request) {
		addr := &net.TCPAddr{IP: net.IPv6loopback, Port: port}
		*r = *r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, addr))
	}
}

// issued is a leaf of the machine's own for another name, as `devcert issue` makes.
func issued(t *testing.T, m *machine, name string) *x509.Certificate {
	t.Helper()
	pair, err := chain.NewOutside(m.mustReport().Seen.Folder.Hierarchy.Intermediate, name, noon)
	require.NoError(t, err)
	return pair.Cert
}

const (
	opens  = "No warning? Then this browser trusts localhost."
	warns  = "A browser must warn before it shows this page."
	others = "This page came with another certificate than devcert’s."
)

func TestVerdict(t *testing.T) {
	well := setUp(t)
	leaf := well.mustReport().Seen.Folder.Hierarchy.Leaf.Cert
	nobody := setUp(t)
	for _, s := range nobody.host.Stores {
		for i := range s.(*store).places {
			s.(*store).places[i].State = devcert.Missing
		}
	}
	broken := broken(t)
	tests := []struct {
		name  string
		m     *machine
		edits []func(*http.Request)
		tone  string
		title string
		words string
	}{
		{"the leaf", well, []func(*http.Request){with(leaf)}, "good", opens, "with the certificate that devcert made"},
		{"the leaf, by the binding", well, nil, "good", opens, "with the certificate that devcert made"},
		{"before anything was presented", well, []func(*http.Request){with(nil)}, "good", opens, ""},
		{"by an address", well, []func(*http.Request){byHost("127.0.0.1:44300")}, "good", "No warning? Then this browser trusts 127.0.0.1.", ""},
		{"by IPv6", well, []func(*http.Request){byHost("[::1]:44300")}, "good", "No warning? Then this browser trusts ::1.", ""},
		{"by a name below a wildcard", well, []func(*http.Request){byHost("api.dev.localhost")}, "good", "No warning? Then this browser trusts api.dev.localhost.", ""},
		{"by an address that the leaf has not", well, []func(*http.Request){byHost("127.0.0.2")}, "bad", warns, "it is not for 127.0.0.2"},
		{"at a port of which nothing is known", well, []func(*http.Request){atPort(50000)}, "warn", opens, "With which certificate is not known here"},
		{"at another's port", broken, []func(*http.Request){atPort(44378)}, "warn", others, "says nothing about devcert’s root"},
		{"another's certificate", well, []func(*http.Request){with(selfSigned(t, "localhost"))}, "warn", others, "says nothing"},
		{"another's certificate for another name", well, []func(*http.Request){with(selfSigned(t, "other.test"))}, "bad", warns, "it is not for localhost"},
		{"one that was issued for another name", well, []func(*http.Request){with(issued(t, well, "example.com"))}, "bad", warns, "it is not for localhost"},
		{"an expired leaf", expired(t), nil, "bad", warns, "it ended on 2027-11-21"},
		{"a clock before the leaf", early(t), nil, "bad", warns, "it is not valid before 2026-11-21"},
		{"no store trusts it", nobody, nil, "warn", "This browser should have warned.", "no store of this machine"},
		{"a lost intermediate", lost(t), nil, "warn", opens, "lost on this machine"},
		{"never set up", newMachine(t), nil, "warn", others, ""},
		{"never set up, and presented", newMachine(t), []func(*http.Request){with(selfSigned(t, "localhost"))}, "warn", others, ""},
		{"nothing can be seen", blind(t), []func(*http.Request){with(leaf)}, "warn", opens, "could not be looked at"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			hero := one(t, test.m.page(test.edits...), "header")
			assert.Equal(t, "hero "+test.tone, attr(hero, "class"))
			assert.Equal(t, test.title, text(one(t, hero, "h1")))
			assert.Contains(t, strings.ReplaceAll(text(hero), "\u2060", ""), test.words)
			admits := strings.Contains(text(hero), "What no page can see")
			assert.Equal(t, strings.HasPrefix(test.title, "No warning?") || test.name == "no store trusts it", admits)
		})
	}
}

func early(t *testing.T) *machine {
	t.Helper()
	m := setUp(t)
	m.now = noon.AddDate(0, 0, -3)
	return m
}

func selfSigned(t *testing.T, name string) *x509.Certificate {
	t.Helper()
	public, key, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{NotBefore: noon.Add(-time.Hour), NotAfter: noon.Add(time.Hour), DNSNames: []string{name}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return cert
}

func TestChain(t *testing.T) {
	m := setUp(t)
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

func TestPorts(t *testing.T) {
	tests := []struct {
		name   string
		m      *machine
		cells  map[int]string // the class and the words of a port
		legend []string
		tile   string
	}{
		{
			"healthy", setUp(t),
			map[int]string{44300: "bound here|44300 bound, this page", 44399: "bound|44399 bound"},
			[]string{"100 bound", "this page 44300"}, "Ports all 100 bound",
		},
		{
			"asked", live(t),
			map[int]string{
				44300: "live here|44300 serving the bound certificate, this page",
				44377: "foreign|44377 serving another certificate", 44390: "silent|44390 bound, nobody listens",
			},
			[]string{"89 serving the bound certificate", "10 bound, nobody listens", "1 serving another certificate 44377", "this page 44300"},
			"Ports 99 of 100 bound",
		},
		{
			"broken", broken(t),
			map[int]string{
				44333: "lost|44333 lost: no certificate", 44334: "lost|44334 lost: no certificate",
				44378: "foreign|44378 another application’s", 44390: "stale|44390 not bound as it should be",
				44395: "off|44395 excluded by the system",
			},
			[]string{
				"94 bound", "2 lost: no certificate 44333-44334", "1 not bound as it should be 44390",
				"1 another application’s 44378", "2 excluded by the system 44395-44396", "this page 44300",
			},
			"Ports 94 of 100 bound",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			doc := test.m.page()
			section := one(t, doc, "section#ports")
			rows := all(one(t, section, "tbody"), "tr")
			require.Len(t, rows, 10)
			for i, row := range rows {
				assert.Equal(t, fmt.Sprint(44300+10*i), text(one(t, row, "th")))
				assert.Len(t, all(row, "td"), 10)
			}
			for port, want := range test.cells {
				cell := all(rows[(port-44300)/10], "td")[port%10]
				assert.Equal(t, want, attr(cell, "class")+"|"+text(cell))
				assert.True(t, strings.HasPrefix(attr(cell, "title"), fmt.Sprint(port, ": ")))
			}
			assert.Equal(t, test.legend, texts(all(one(t, section, "ul.legend"), "li")))
			assert.Contains(t, texts(all(one(t, doc, "nav.tiles"), "li")), test.tile)
		})
	}
}

// Ports that stand apart, and more of them than a grid has room for.
func TestPortsElsewhere(t *testing.T) {
	m := newMachine(t)
	m.host.Stores = healthyStores()
	_, err := m.engine().Setup(t.Context(), devcert.Request{Ports: "443,5001,5003,44300", Stores: []string{"none"}, Key: "ecdsa"})
	require.NoError(t, err)
	rows := all(one(t, m.page(), "tbody"), "tr")
	assert.Equal(t, []string{"440 443 bound", "5000 5001 bound 5003 bound", "44300 44300 bound, this page"}, texts(rows))

	var far []string
	for i := range 120 {
		far = append(far, fmt.Sprint(20000+10*i))
	}
	_, err = m.engine().Setup(t.Context(), devcert.Request{Ports: strings.Join(far, ",")})
	require.NoError(t, err)
	doc := m.page()
	assert.Len(t, all(one(t, doc, "tbody"), "tr"), mostRows)
	assert.Contains(t, text(one(t, doc, "ul.legend")), "and 23 more, which devcert ports list shows")
}

func TestPortsThatCannotBeRead(t *testing.T) {
	m := setUp(t)
	m.binder.err = fmt.Errorf("the binding table %s/bindings.json cannot be used", m.host.StateDir)
	m.binder.table = nil
	section := text(one(t, m.page(), "section#ports"))
	assert.Contains(t, section, "cannot be used")
	assert.Contains(t, section, "44300 not known")
	assert.NotContains(t, section, "lost", "could not look is not missing")
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

func TestFindings(t *testing.T) {
	m := broken(t)
	report := m.mustReport()
	doc := m.page()
	section := one(t, doc, "section#findings")
	assert.Equal(t, "4 things are wrong, 6 to know", text(one(t, section, "h2")))
	assert.Equal(t, "localhost: 4 things are wrong, 6 to know", text(one(t, doc, "title")))
	assert.Equal(t, "devcert repair mends what it can.", text(one(t, section, "p.cure")))
	items := all(one(t, section, "ol.findings"), "li")
	require.Len(t, items, len(report.Findings))
	for i, f := range report.Findings {
		got := strings.ReplaceAll(text(items[i]), "\u2060", "")
		assert.Contains(t, got, f.Kind)
		assert.Contains(t, got, f.Message)
		assert.Contains(t, got, f.Consequence)
		for _, word := range strings.Fields(f.Remedy) {
			assert.Contains(t, got, word)
		}
		assert.Equal(t, f.Severity == devcert.Error, strings.Contains(got, "· wrong") || strings.Contains(got, f.Kind+" wrong"))
		assert.Contains(t, text(one(t, items[i], "details")), "What "+f.Kind+" means")
	}
}

func TestHealthy(t *testing.T) {
	doc := setUp(t).page()
	section := one(t, doc, "section#findings")
	assert.Equal(t, "All is well All is as it was set up on 2026-11-21. There is nothing to mend.", strings.ReplaceAll(text(section), "\u2060", ""))
	assert.Equal(t, "good", attr(section, "class"))
	assert.Equal(t, "localhost: all is well", text(one(t, doc, "title")))
	assert.Contains(t, text(one(t, doc, "footer")), "Looked at 2026-11-21 12:00:00 UTC")
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

func TestTitleOfFindings(t *testing.T) {
	for want, counts := range map[string][2]int{
		"1 thing is wrong": {1, 0}, "2 things are wrong": {2, 0}, "1 thing to know": {0, 1}, "3 things to know": {0, 3},
		"1 thing is wrong, 1 to know": {1, 1}, "2 things are wrong, 3 to know": {2, 3},
	} {
		var all []devcert.Finding
		for range counts[0] {
			all = append(all, devcert.Finding{Severity: devcert.Error})
		}
		for range counts[1] {
			all = append(all, devcert.Finding{Severity: devcert.Warning})
		}
		assert.Equal(t, want, titleOfFindings(all))
	}
}

func TestRemedyOf(t *testing.T) {
	tests := []struct{ name, in, text, command string }{
		{"none", "", "", ""},
		{"a command", "devcert repair --only trust-missing", "", "devcert repair --only trust-missing"},
		{"a command of the shell", `eval "$(devcert env)"`, "", `eval "$(devcert env)"`},
		{"a command after words", "choose again: devcert setup --stores all", "choose again:", "devcert setup --stores all"},
		{"one with a colon of its own", "see which program listens there: ss -ltnp sport = :44300", "see which program listens there:", "ss -ltnp sport = :44300"},
		{"words that begin like one", "devcert setup --scope machine, or --ports none", "devcert setup --scope machine, or --ports none", ""},
		{"words", "give its owner the right to read it, or remove it", "give its owner the right to read it, or remove it", ""},
		{"two commands", "net stop winnat; net start winnat", "net stop winnat; net start winnat", ""},
		{"what cannot be seen", "devcert \u202esetup", "devcert \ufffdsetup", ""},
		{"what is cut short", "devcert " + strings.Repeat("x", longText), "devcert " + strings.Repeat("x", longText-8) + "…", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			assert.Equal(t, remedy{Text: test.text, Command: command(test.command)}, remedyOf(test.in))
		})
	}
}

// A command is whole again when it is copied.
func TestCommandsAreCopiedWhole(t *testing.T) {
	r := remedyOf("devcert ports bind  44378 --take-over")
	assert.Equal(t, string(r.Command), strings.Join(r.Command.Words(), " "))
	doc := broken(t).page()
	var commands []string
	for _, c := range all(doc, "code.command") {
		commands = append(commands, text(c))
	}
	assert.Contains(t, commands, "devcert ports bind 44378 --take-over")
	assert.Contains(t, commands, "unset SSL_CERT_FILE")
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

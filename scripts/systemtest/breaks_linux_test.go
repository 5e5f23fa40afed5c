package systemtest

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert/chain"
)

// loss is one way in which a healthy machine stops being one.
type loss struct {
	name  string
	how   func(m *machine)
	kinds []string // what status then finds, in its order; a warning with "?"
	// touches is what repair may write, differs what is afterwards not as it was
	// before the loss: see groups. The first includes the second.
	touches, differs []string
	later            time.Duration // how much later than setup it is
	stands           []string      // kinds that repair leaves, since only a person can decide
}

// groups name what a repair may touch.
func (m *machine) groups(names []string) []string {
	paths := []string{m.state("lock")} // says who held it last
	for _, name := range names {
		switch name {
		case "system": // the ledger is written first, with what it says already
			paths = append(paths, "/etc/ssl/certs/…", "/usr/local/share/ca-certificates/…", m.state("ledger.json"))
		case "java":
			paths = append(paths, javaStore)
		case "leaf":
			for _, file := range []string{"current", "generations/…", "localhost.pem", "localhost-key.pem", "localhost.pfx", "bindings.json"} {
				paths = append(paths, m.state(file))
			}
		case "root":
			paths = append(paths, m.groups([]string{"leaf", "system"})...)
			paths = append(paths, m.state("root.pem"), m.state("intermediate.pem"), m.state("bundle.pem"), m.state("config.json"))
		case "copies": // in the same generation
			paths = append(paths, m.state("generations/…"), m.state("localhost.pem"), m.state("localhost-key.pem"), m.state("localhost.pfx"))
		default:
			paths = append(paths, m.state(name))
		}
	}
	return paths
}

const day = 24 * time.Hour

func TestLosses(t *testing.T) {
	for _, row := range slices.Concat(trustLosses, leafLosses, stateLosses) {
		t.Run(row.name, func(t *testing.T) { row.test(healthyMachine(t)) })
	}
}

func (l loss) test(m *machine) {
	t := m.t
	if l.later != 0 {
		m = m.at(time.Now().Add(l.later))
	}
	healthy := m.snapshot()
	l.how(m)
	broken := m.snapshot()
	doc := m.status()
	require.Equal(t, l.kinds, doc.kinds(), "%+v", doc.Findings)
	require.Equal(t, exitFor(l.kinds), doc.Exit)
	require.Equal(t, broken, m.snapshot(), "status changed something")

	r := m.devcert(exitFor(l.stands), "repair")
	repaired := m.snapshot()
	require.Empty(t, beyond(broken.rewritten(repaired), m.groups(l.touches)), "repair wrote more than the loss asks for: %s", r)
	require.Empty(t, beyond(healthy.differing(repaired), append(m.groups(l.differs), "/etc/machine-id")), "not as before the loss")
	doc = m.status()
	require.Equal(t, l.stands, doc.kinds(), "%+v", doc.Findings)
	require.Equal(t, exitFor(l.stands), doc.Exit)
	m.requireOneRoot(doc)
	m.requireUnchanged(func() { m.devcert(exitFor(l.stands), "repair") })
}

// requireOneRoot requires that the machine trusts one root of devcert's, and that
// it is the one that doc shows.
func (m *machine) requireOneRoot(doc document) {
	m.t.Helper()
	m.anchor()
	roots := m.bundled()
	require.Len(m.t, roots, 1)
	require.Equal(m.t, doc.Hierarchy.Root.Fingerprint, chain.Fingerprint(roots[0]))
}

// exitFor is 3 when there is an error among the kinds.
func exitFor(kinds []string) int {
	if slices.ContainsFunc(kinds, func(kind string) bool { return !strings.HasSuffix(kind, "?") }) {
		return 3
	}
	return 0
}

const bundle = "/etc/ssl/certs/ca-certificates.crt"

var system = []string{"system"}

var trustLosses = []loss{
	{name: "anchor deleted and bundle rebuilt", how: func(m *machine) {
		m.remove(m.anchor())
		m.must("update-ca-certificates")
	}, kinds: []string{"trust-missing"}, touches: system, differs: []string{"java"}},
	{name: "anchor deleted and bundle rebuilt afresh", how: func(m *machine) {
		m.remove(m.anchor())
		m.must("update-ca-certificates", "--fresh")
	}, kinds: []string{"trust-missing"}, touches: system, differs: []string{"java"}},
	{name: "anchor deleted, bundle not rebuilt", how: func(m *machine) { m.remove(m.anchor()) },
		kinds: []string{"trust-stale"}, touches: system, differs: []string{"java"}},
	{name: "root cut out of the bundle", how: func(m *machine) {
		m.write(bundle, strings.Replace(m.read(bundle), m.read(m.anchor()), "", 1))
	}, kinds: []string{"trust-stale"}, touches: system, differs: []string{"java"}},
	{name: "hash link removed", how: func(m *machine) { m.remove(m.hashLink()) },
		kinds: []string{"trust-stale"}, touches: system, differs: []string{"java"}},
	{name: "anchor not readable for others", how: func(m *machine) { m.chmod(m.anchor(), 0o600) },
		kinds: []string{"trust-stale"}, touches: system, differs: []string{"java"}},
	{name: "anchor emptied", how: func(m *machine) { m.write(m.anchor(), "") },
		kinds: []string{"trust-stale"}, touches: system, differs: []string{"java"}},
	{name: "anchor overwritten", how: func(m *machine) { m.write(m.anchor(), "# junk\n") },
		kinds: []string{"trust-stale"}, touches: system, differs: []string{"java"}},
	{name: "anchor overwritten and bundle rebuilt", how: func(m *machine) {
		m.write(m.anchor(), "# junk\n")
		m.must("update-ca-certificates")
	}, kinds: []string{"trust-missing"}, touches: system, differs: []string{"java"}},
	{name: "anchor a dangling link", how: func(m *machine) {
		path := m.anchor()
		m.remove(path)
		m.must("ln", "-s", "/nowhere/root.pem", path)
	}, kinds: []string{"trust-stale"}, touches: system, differs: []string{"java"}},
}

var leaf = []string{"leaf"}

var leafLosses = []loss{
	{name: "localhost.pem deleted", how: func(m *machine) { m.remove(m.state("localhost.pem")) },
		kinds: []string{"leaf-missing"}, touches: []string{"localhost.pem"}},
	{name: "leaf key replaced in the copy", how: func(m *machine) {
		m.write(m.state("localhost-key.pem"), newKey(m.t))
	}, kinds: []string{"pair-mismatch"}, touches: []string{"localhost-key.pem"}},
	{name: "leaf key replaced in the generation", how: func(m *machine) {
		m.write(m.generation("leaf-key.pem"), newKey(m.t))
	}, kinds: []string{"pair-mismatch"}, touches: []string{"copies"}},
	{name: "leaf key replaced in both", how: func(m *machine) {
		other := newKey(m.t)
		m.write(m.generation("leaf-key.pem"), other)
		m.write(m.state("localhost-key.pem"), other)
	}, kinds: []string{"pair-mismatch"}, touches: leaf, differs: leaf},
	{name: "leaf expired", later: 366 * day, how: nothing,
		kinds: []string{"leaf-expired"}, touches: leaf, differs: leaf},
	{name: "leaf expiring", later: 310 * day, how: nothing,
		kinds: []string{"leaf-expiring?"}, touches: leaf, differs: leaf},
	{name: "names changed in config.json", how: func(m *machine) {
		m.edit("config.json", `"names": []`, `"names": ["app.dev.internal"]`)
	}, kinds: []string{"leaf-names-differ"}, touches: leaf, differs: append([]string{"config.json"}, leaf...)},
	{name: "leaf key 0644", how: func(m *machine) { m.chmod(m.state("localhost-key.pem"), 0o644) },
		kinds: []string{"file-exposed"}, touches: leaf, differs: leaf},
	{name: "leaf key 0644 in the generation", how: func(m *machine) { m.chmod(m.generation("leaf-key.pem"), 0o644) },
		kinds: []string{"file-exposed"}, touches: leaf, differs: leaf},
	{name: "PFX 0644", how: func(m *machine) { m.chmod(m.state("localhost.pfx"), 0o644) },
		kinds: []string{"file-exposed"}, touches: leaf, differs: leaf},
	{name: "intermediate key 0644", how: func(m *machine) { m.chmod(m.generation("intermediate-key.pem"), 0o644) },
		kinds: []string{"file-exposed"}, stands: []string{"file-exposed"},
		touches: []string{"generations/…", "ledger.json"}, differs: []string{"ledger.json"}},
}

var stateLosses = []loss{
	{name: "binding table emptied", how: func(m *machine) {
		m.write(m.state("bindings.json"), `{"schema": 1, "bindings": []}`)
	}, kinds: []string{"binding-missing"}, touches: []string{"bindings.json"}, differs: nil},
	{name: "binding table deleted", how: func(m *machine) { m.remove(m.state("bindings.json")) },
		kinds: []string{"binding-missing"}, touches: []string{"bindings.json"}},
	{name: "one binding of an old thumbprint", how: func(m *machine) {
		now := m.status().Hierarchy.Leaf.Thumbprint
		m.edit("bindings.json", now, strings.Repeat("A", 40))
	}, kinds: []string{"binding-stale"}, touches: []string{"bindings.json"}},
	{name: "binding table garbage", how: func(m *machine) { m.write(m.state("bindings.json"), "garbage") },
		kinds: []string{"binding-unknown"}, touches: aside("bindings.json"), differs: aside("bindings.json")[1:]},
	{name: "current garbage", how: func(m *machine) { m.write(m.state("current"), "../../..\n") },
		kinds: []string{"state-corrupt"}, touches: []string{"current"}},
	{name: "current deleted", how: func(m *machine) { m.remove(m.state("current")) },
		kinds: []string{"state-corrupt"}, touches: []string{"current"}},
	{name: "ledger garbage", how: func(m *machine) { m.write(m.state("ledger.json"), "{") },
		kinds: []string{"state-corrupt"}, touches: aside("ledger.json"), differs: aside("ledger.json")},
	{name: "config garbage", how: func(m *machine) { m.write(m.state("config.json"), "garbage") },
		kinds: []string{"state-corrupt"}, touches: aside("config.json"), differs: aside("config.json")},
	{name: "folder copied from another machine", how: func(m *machine) {
		m.write("/etc/machine-id", strings.Repeat("0123456789abcdef", 2)+"\n")
	}, kinds: []string{"state-foreign"}, touches: []string{"root"}, differs: []string{"root"}},
	{name: "root with 30 days left", later: 3622 * day, how: nothing, kinds: []string{"leaf-expired", "root-expiring?"},
		touches: leaf, differs: leaf, stands: []string{"root-expiring?"}},
	{name: "root expired", later: 3660 * day, how: nothing,
		kinds: []string{"root-expired", "intermediate-expired", "leaf-expired", "crl-expired?"}, touches: []string{"root"}, differs: []string{"root"}},
}

// aside is a file that is set aside and written anew.
func aside(name string) []string { return []string{name, name + ".damaged-1"} }

func nothing(*machine) {}

func newKey(t *testing.T) string {
	t.Helper()
	h, err := chain.New(chain.Options{Owner: "x@y", Now: time.Now(), Key: chain.ECDSA})
	require.NoError(t, err)
	key, err := chain.EncodeKey(h.Leaf.Key)
	require.NoError(t, err)
	return string(key)
}

// anchor is the one anchor that devcert has made.
func (m *machine) anchor() string {
	m.t.Helper()
	paths := m.anchors()
	require.Len(m.t, paths, 1)
	return paths[0]
}

// hashLink is OpenSSL's link to the anchor, found by what it leads to.
func (m *machine) hashLink() string {
	m.t.Helper()
	links, err := filepath.Glob("/etc/ssl/certs/*.[0-9]")
	require.NoError(m.t, err)
	for _, link := range links {
		if to, err := filepath.EvalSymlinks(link); err == nil && to == m.anchor() {
			return link
		}
	}
	m.t.Fatal("no hash link leads to the anchor")
	return ""
}

func (m *machine) remove(path string) {
	m.t.Helper()
	require.NoError(m.t, os.Remove(path))
}

func (m *machine) chmod(path string, mode os.FileMode) {
	m.t.Helper()
	require.NoError(m.t, os.Chmod(path, mode))
}

// edit puts new for the first old in a file of the state folder.
func (m *machine) edit(name, old, new string) {
	m.t.Helper()
	text := m.read(m.state(name))
	require.Contains(m.t, text, old)
	m.write(m.state(name), strings.Replace(text, old, new, 1))
}

// bundled lists the roots of devcert's profile in the bundle.
func (m *machine) bundled() []*x509.Certificate {
	m.t.Helper()
	var ours []*x509.Certificate
	for rest := []byte(m.read(bundle)); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return ours
		}
		if cert, err := chain.CheckRoot(block.Bytes); err == nil {
			ours = append(ours, cert)
		}
	}
}

func TestABindingTableWithoutRoomSaysSo(t *testing.T) {
	m := newMachine(t)
	m.disk("size=1m")
	args := []string{"--home", m.home() + "/disk/state"}
	m.devcert(0, append([]string{"setup", "--stores=none"}, args...)...)
	m.remove(m.home() + "/disk/state/bindings.json")
	m.fill()
	r := m.devcert(6, append([]string{"repair"}, args...)...)
	require.Contains(t, r.stderr, "writing the binding table "+m.home()+"/disk/state/bindings.json: no space left on device\n"+
		"  see that you may write there and that the disk has room")
}

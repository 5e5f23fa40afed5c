package devcert

import (
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert/chain"
	"devcert/devcert/disk"
)

// sample is the hierarchy that the machines of these tables have.
var sample = sync.OnceValues(func() (*chain.Hierarchy, error) {
	return chain.New(chain.Options{Owner: "alice@pc", Key: chain.ECDSA, Now: noon})
})

// clients is one with an authority for clients.
var clients = sync.OnceValues(func() (*chain.Hierarchy, error) {
	return chain.New(chain.Options{Owner: "alice@pc", ClientCerts: true, Key: chain.ECDSA, Now: noon})
})

// scene is what a table row changes: a wish, and a machine that fulfils it.
type scene struct {
	t      testing.TB
	config *Config
	damage error
	seen   *Observation
}

func newScene(t testing.TB) *scene {
	t.Helper()
	h := must(t, sample)
	c := DefaultConfig()
	c.Key, c.Ports, c.Machine = chain.ECDSA, "44300-44303", "m1"
	s := &scene{t: t, config: c, seen: &Observation{
		Now: noon, Owner: Owner{User: "alice", Host: "pc", Machine: "m1"},
		Folder: &disk.Snapshot{
			Present: true, Current: h.ID + "-1", Ledger: &disk.Ledger{Machine: "m1"},
			Hierarchy: disk.Hierarchy{Root: h.Root, RootCRL: h.RootCRL, Intermediate: h.Intermediate, Leaf: h.Leaf},
		},
	}}
	for _, store := range []string{SystemStore, "firefox"} {
		s.seen.Stores = append(s.seen.Stores, StorePlaces{store, []Place{{Path: "/" + store, Part: chain.PartRoot, State: Trusted}}})
		s.seen.Folder.Ledger.Record(store, h.Root, noon)
	}
	for _, p := range c.PortList() {
		s.seen.Ports.Bindings = append(s.seen.Ports.Bindings, Binding{Port: p, Thumbprint: chain.Thumbprint(h.Leaf.Cert)})
	}
	return s
}

// withClients makes it the machine of that one, which is wanted there.
func (s *scene) withClients() {
	h := must(s.t, clients)
	s.config.ClientCerts = true
	s.seen.Folder.Current = h.ID + "-1"
	s.seen.Folder.Hierarchy = disk.Hierarchy{
		Root: h.Root, RootCRL: h.RootCRL, Intermediate: h.Intermediate, ClientIntermediate: h.ClientIntermediate, Leaf: h.Leaf,
	}
	for i := range s.seen.Ports.Bindings {
		s.seen.Ports.Bindings[i].Thumbprint = chain.Thumbprint(h.Leaf.Cert)
	}
}

// place is the one place of a store: 0 the system's, 1 Firefox's.
func (s *scene) place(n int) *Place { return &s.seen.Stores[n].Places[0] }

func (s *scene) damaged(name string, kind disk.DamageKind, cure string, private bool) {
	d := disk.Damage{Name: name, Kind: kind, Reason: "mode 0644", Private: private}
	if cure != "" {
		d.Cure = []byte(cure)
	}
	s.seen.Folder.Damage = append(s.seen.Folder.Damage, d)
}

func (s *scene) hierarchy() *disk.Hierarchy { return &s.seen.Folder.Hierarchy }

func (s *scene) findings() []Finding { return compare(s.config, s.damage, s.seen) }

func (s *scene) root(of func() (*chain.Hierarchy, error)) *x509.Certificate {
	return must(s.t, of).Root
}

func describe(findings []Finding) []string {
	out := []string{}
	for _, f := range findings {
		line := fmt.Sprintf("%s %s %s", f.Severity, f.Kind, f.Where)
		if !f.Repairable {
			line += " (by hand)"
		}
		out = append(out, line)
	}
	return out
}

func TestFindings(t *testing.T) {
	for _, row := range []struct {
		name   string
		change func(*scene)
		want   []string
	}{
		{"nothing is wrong", func(*scene) {}, nil},
		{"two ports that a plain user may not listen on", func(s *scene) {
			s.seen.Ports.Reserves, s.seen.Ports.Reserved = true, []int{44300, 44302}
		}, []string{"error reservation-missing port 44301", "error reservation-missing port 44303"}},
		{"every port reserved", func(s *scene) {
			s.seen.Ports.Reserves, s.seen.Ports.Reserved = true, s.config.PortList()
		}, nil},
		{"ports that the system keeps for itself, some of them ours", func(s *scene) {
			s.seen.Ports.Excluded = []PortRange{{44200, 44299}, {44302, 44310}, {44311, 50000}}
		}, []string{"warning port-excluded ports 44302-44303 (by hand)"}},
		{"a port that the system keeps for itself", func(s *scene) {
			s.seen.Ports.Excluded = []PortRange{{44301, 44301}}
		}, []string{"warning port-excluded port 44301 (by hand)"}},
		{"never set up", func(s *scene) { s.config = nil }, []string{"error hierarchy-missing state folder (by hand)"}},
		{"never set up, with a former root", func(s *scene) {
			s.config, s.seen.Folder.Hierarchy = nil, disk.Hierarchy{}
			s.place(0).Others = []*x509.Certificate{s.root(former)}
		}, []string{"error hierarchy-missing state folder (by hand)", "warning former-root /system (by hand)"}},
		{"another machine's folder", func(s *scene) { s.seen.Foreign = true }, []string{"error state-foreign state folder"}},
		{"config.json is damaged", func(s *scene) { s.damage = errors.New("garbage") }, []string{"error state-corrupt config.json"}},
		{"config.json is a folder: said once", func(s *scene) {
			s.damage = errors.New("it is missing")
			s.damaged(disk.ConfigFile, disk.Corrupt, "", false)
		}, []string{"error state-corrupt config.json"}},
		{"config.json cannot be read", func(s *scene) { s.damaged(disk.ConfigFile, disk.Unreadable, "", false) },
			[]string{"error state-corrupt config.json (by hand)"}},
		{"the ledger is damaged", func(s *scene) { s.damaged(disk.LedgerFile, disk.Corrupt, "", false) },
			[]string{"error state-corrupt ledger.json"}},
		{"the ledger cannot be read", func(s *scene) { s.damaged(disk.LedgerFile, disk.Unreadable, "", false) },
			[]string{"error state-corrupt ledger.json (by hand)"}},
		{"current is damaged", func(s *scene) { s.damaged(disk.CurrentFile, disk.Corrupt, "x-1\n", false) },
			[]string{"error state-corrupt current"}},
		{"current names nothing, and nothing is there", func(s *scene) {
			s.damaged(disk.CurrentFile, disk.Differs, "", false)
			s.seen.Folder.Current, s.seen.Folder.Hierarchy = "", disk.Hierarchy{}
			s.seen.Ports.Bindings, s.config.Ports = nil, NoPorts
		}, []string{"error hierarchy-missing state folder"}},
		{"localhost.pem is deleted", func(s *scene) { s.damaged(disk.LeafFile, disk.Absent, "pem", false) },
			[]string{"error leaf-missing localhost.pem"}},
		{"localhost-key.pem is garbage", func(s *scene) { s.damaged(disk.LeafKeyFile, disk.Corrupt, "pem", true) },
			[]string{"error leaf-missing localhost-key.pem"}},
		{"localhost-key.pem is another's", func(s *scene) { s.damaged(disk.LeafKeyFile, disk.Differs, "pem", true) },
			[]string{"error pair-mismatch localhost-key.pem"}},
		{"root.pem is deleted", func(s *scene) { s.damaged(disk.RootFile, disk.Absent, "pem", false) },
			[]string{"error state-corrupt root.pem"}},
		{"a file of the hierarchy cannot be read: nothing is called lost", func(s *scene) {
			s.damaged("generations/x-1/intermediate-key.pem", disk.Unreadable, "", true)
			s.hierarchy().Intermediate.Key = nil
		}, []string{"error state-corrupt generations/x-1/intermediate-key.pem (by hand)"}},
		{"the root is lost", func(s *scene) { s.hierarchy().Root = nil }, []string{"error hierarchy-missing generation ID"}},
		{"the intermediate is lost", func(s *scene) { s.hierarchy().Intermediate.Cert = nil }, []string{"error hierarchy-missing generation ID"}},
		{"the intermediate's key is lost", func(s *scene) {
			s.hierarchy().Intermediate.Key = nil
			s.damaged("generations/x-1/intermediate-key.pem", disk.Absent, "", true)
		}, []string{"error hierarchy-missing generation ID"}},
		{"the leaf is lost", func(s *scene) { s.hierarchy().Leaf.Cert = nil; s.config.Ports = NoPorts }, []string{"error leaf-missing generation ID"}},
		{"the leaf's key is lost", func(s *scene) { s.hierarchy().Leaf.Key = nil }, []string{"error pair-mismatch generation ID"}},
		{"the leaf ends in 59 days", func(s *scene) { s.seen.Now = noon.Add(chain.LeafLifetime - 59*24*time.Hour) }, []string{"warning leaf-expiring leaf"}},
		{"the leaf ends in 61 days", func(s *scene) { s.seen.Now = noon.Add(chain.LeafLifetime - 61*24*time.Hour) }, nil},
		{"the leaf has ended", func(s *scene) { s.seen.Now = noon.Add(chain.LeafLifetime + time.Hour) }, []string{"error leaf-expired leaf"}},
		{"the clock is back by two hours", func(s *scene) { s.seen.Now = noon.Add(-2 * time.Hour) },
			[]string{"error not-yet-valid root (by hand)"}},
		{"names were added", func(s *scene) { s.config.Names = []string{"app.test"} }, []string{"error leaf-names-differ leaf"}},
		{"permits were added", func(s *scene) { s.config.Permits = []string{"example.org"} }, []string{"error constraints-differ root"}},
		{"another type of key is wanted", func(s *scene) { s.config.Key = chain.RSA }, []string{"error leaf-key-differs leaf"}},
		{"the root's key is wanted", func(s *scene) { s.config.KeepRootKey = true }, []string{"error key-missing root"}},
		{"the root's key is not wanted", func(s *scene) { s.hierarchy().RootKey = must(s.t, sample).RootKey }, []string{"warning file-exposed root-key.pem"}},
		{"an authority for clients is wanted", func(s *scene) { s.config.ClientCerts = true }, []string{"error key-missing client intermediate"}},
		{"an authority for clients is not wanted", func(s *scene) { s.withClients(); s.config.ClientCerts = false },
			[]string{"warning file-exposed client-intermediate.pem"}},
		{"an authority for clients is another hierarchy's", func(s *scene) {
			s.config.ClientCerts, s.hierarchy().ClientIntermediate = true, must(s.t, clients).ClientIntermediate
		}, []string{"error state-corrupt client intermediate"}},
		{"the key of the authority for clients is lost", func(s *scene) {
			s.withClients()
			s.hierarchy().ClientIntermediate.Key = nil
		}, []string{"error key-missing client intermediate"}},
		{"the authority for clients lacks in a store", func(s *scene) {
			s.withClients()
			s.place(1).Part, s.place(1).State = chain.PartClientIntermediate, Missing
		}, []string{"error intermediate-missing /firefox"}},
		{"the revocation list is lost", func(s *scene) { s.hierarchy().RootCRL = nil }, []string{"warning crl-expired root.crl (by hand)"}},
		{"the system's store lacks the root", func(s *scene) { s.place(0).State = Missing }, []string{"error trust-missing /system"}},
		{"a store distrusts the root", func(s *scene) { s.place(1).State = Denied }, []string{"error trust-denied /firefox"}},
		{"a store has it in part", func(s *scene) { s.place(0).State = Stale }, []string{"error trust-stale /system"}},
		{"the system's store cannot be looked into", func(s *scene) { s.place(0).State = Unknown }, []string{"error trust-unknown /system"}},
		{"a found store cannot be looked into", func(s *scene) { s.place(1).State = Unknown }, []string{"warning trust-unknown /firefox"}},
		{"a named store cannot be looked into", func(s *scene) {
			s.place(1).State, s.config.Stores = Unknown, []string{"firefox"}
		}, []string{"error trust-unknown /firefox"}},
		{"a store that is not wanted", func(s *scene) {
			s.place(0).State, s.place(1).State, s.config.Stores = Missing, Unknown, []string{NoStores}
		}, nil},
		{"the system's store, for a user alone", func(s *scene) { s.place(0).State, s.config.Scope = Missing, ScopeUser }, nil},
		{"a store whose client is not here", func(s *scene) { s.seen.Stores[1].Places = nil }, nil},
		{"a store was asked for that only another system has", func(s *scene) { s.config.Stores = []string{"windows-root"} },
			[]string{"error trust-unknown windows-root (by hand)"}},
		{"a former root that the ledger knows", func(s *scene) {
			s.place(1).Others = []*x509.Certificate{s.root(former)}
			s.seen.Folder.Ledger.Record("firefox", s.root(former), noon)
		}, []string{"warning former-root /firefox"}},
		{"a former root that no ledger knows", func(s *scene) { s.place(1).Others = []*x509.Certificate{s.root(former)} },
			[]string{"warning former-root /firefox (by hand)"}},
		{"another user's root", func(s *scene) { s.place(1).Others = []*x509.Certificate{s.root(stranger)} }, nil},
		{"a variable hides the root", func(s *scene) {
			s.seen.Overrides = []Override{{Name: "SSL_CERT_FILE", Value: "/x", Reason: "it is not there"}, {Name: "SSL_CERT_DIR", Value: "/y", Reason: ""}}
		}, []string{"warning env-override SSL_CERT_FILE (by hand)"}},
		{"a variable, where nothing is trusted anyway", func(s *scene) {
			s.place(0).State, s.place(1).State = Missing, Missing
			s.seen.Overrides = []Override{{Name: "SSL_CERT_FILE", Value: "/x", Reason: "it is not there"}}
		}, []string{"error trust-missing /system", "error trust-missing /firefox"}},
		{"a port is not bound", func(s *scene) { s.seen.Ports.Bindings = s.seen.Ports.Bindings[1:] }, []string{"error binding-missing port 44300"}},
		{"runs of ports are not bound", func(s *scene) { s.seen.Ports.Bindings = s.seen.Ports.Bindings[2:3] },
			[]string{"error binding-missing ports 44300-44301", "error binding-missing port 44303"}},
		{"a port is bound to an old leaf", func(s *scene) { s.seen.Ports.Bindings[1].Thumbprint = "00" }, []string{"error binding-stale port 44301"}},
		{"a port beyond the wanted is bound", func(s *scene) {
			s.seen.Ports.Bindings = append(s.seen.Ports.Bindings, Binding{Port: 9, Thumbprint: "00"})
		}, nil},
		{"the bindings cannot be read", func(s *scene) { s.seen.Ports.Bindings, s.seen.PortsErr = nil, ErrTableDamaged },
			[]string{"error binding-unknown ports 44300-44303"}},
		{"a port answers with its certificate", func(s *scene) {
			s.seen.Answers = []Answer{{Port: 44300, Listener: s.seen.leafThumbprint()}, {Port: 44301}}
		}, nil},
		{"a port answers with another certificate", func(s *scene) { s.seen.Answers = []Answer{{Port: 44300, Listener: "00"}} },
			[]string{"error listener-differs port 44300 (by hand)"}},
		{"a port answers without one", func(s *scene) { s.seen.Answers = []Answer{{Port: 44300, Err: errors.New("EOF")}} },
			[]string{"warning listener-differs port 44300 (by hand)"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newScene(t)
			row.change(s)
			findings := s.findings()
			want := []string{}
			for _, w := range row.want {
				want = append(want, strings.ReplaceAll(w, "generation ID", "generation "+s.seen.Folder.Current))
			}
			require.Equal(t, want, describe(findings))
			for _, f := range findings {
				require.NotEmpty(t, f.Message)
				require.NotEmpty(t, f.Remedy, "%s: every finding says what to do", f.Kind)
				require.NotContains(t, f.Message, "\n")
			}
		})
	}
}

func TestExposedFiles(t *testing.T) {
	for _, row := range []struct {
		name     string
		file     string
		private  bool
		severity Severity
		cure     cure
	}{
		{"the folder", ".", false, Warning, tightenFile},
		{"the leaf's key gets a new leaf", "localhost-key.pem", true, Error, newLeaf},
		{"the leaf's PFX gets a new leaf", "generations/x-1/leaf.pfx", true, Error, newLeaf},
		{"the intermediate's key is closed and remembered", "generations/x-1/intermediate-key.pem", true, Error, tightenFile},
		{"the root's key is closed and remembered", "generations/x-1/root-key.pem", true, Error, tightenFile},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newScene(t)
			s.damaged(row.file, disk.Exposed, "", row.private)
			findings := s.findings()
			require.Len(t, findings, 1)
			require.Equal(t, FileExposed, findings[0].Kind)
			require.Contains(t, findings[0].Message, ": mode 0644", "the reason may also be \"owned by user id 7\"")
			require.Equal(t, row.severity, findings[0].Severity)
			require.Equal(t, row.cure, findings[0].cure)
			require.True(t, findings[0].Repairable)
		})
	}
}

// Taking the right away does not take back what was read.
func TestAnExposedKeyIsRemembered(t *testing.T) {
	s := newScene(t)
	s.seen.Folder.Ledger.Exposed = []string{exposedKey(s.seen, "")}
	require.Equal(t, []string{"error file-exposed intermediate key (by hand)"}, describe(s.findings()))
	s.seen.Folder.Ledger.Exposed = []string{"00ff"}
	require.Empty(t, s.findings(), "that of an older hierarchy is of no use to anybody")
}

func TestExpiredRoot(t *testing.T) {
	s := newScene(t)
	s.seen.Now = must(t, sample).Root.NotAfter.Add(time.Hour)
	kinds := kindsOf(s.findings())
	require.Contains(t, kinds, RootExpired)
	require.Contains(t, kinds, IntermediateExpired)

	s.seen.Now = must(t, sample).Root.NotAfter.Add(-100 * 24 * time.Hour)
	at := slices.IndexFunc(s.findings(), func(f Finding) bool { return f.Kind == RootExpiring })
	require.NotEqual(t, -1, at)
	require.Equal(t, Warning, s.findings()[at].Severity)
	require.Equal(t, "devcert renew --root", s.findings()[at].Remedy)
}

func TestForeign(t *testing.T) {
	for _, row := range []struct {
		name, config, ledger, here string
		want                       bool
	}{
		{"all the same", "m1", "m1", "m1", false},
		{"the configuration is another's", "m2", "m1", "m1", true},
		{"the ledger is another's", "m1", "m2", "m1", true},
		{"nobody knows who this is", "m2", "m2", "", false},
		{"made where nobody knew", "", "", "m1", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newScene(t)
			s.config.Machine, s.seen.Folder.Ledger.Machine, s.seen.Owner.Machine = row.config, row.ledger, row.here
			require.Equal(t, row.want, foreign(s.config, s.seen))
		})
	}
}

// A lost configuration is rebuilt from what shows what was asked for.
func TestRebuildConfig(t *testing.T) {
	permit, err := chain.ParsePermit("example.org")
	require.NoError(t, err)
	h, err := chain.New(chain.Options{
		Owner: "alice@pc", Key: chain.ECDSA, Now: noon, Permits: chain.DefaultPermits().With(permit),
		Names: append(chain.DefaultNames(), "www.example.org", "app.test"),
	})
	require.NoError(t, err)
	s := newScene(t)
	s.seen.Folder.Config = []byte("garbage")
	*s.hierarchy() = disk.Hierarchy{Root: h.Root, RootKey: h.RootKey, Intermediate: h.Intermediate, Leaf: h.Leaf}
	s.seen.Ports.Bindings = []Binding{{Port: 8443}, {Port: 8444}}
	c, damage, err := configOf(s.seen)
	require.NoError(t, err)
	require.Error(t, damage)
	require.Equal(t, []string{"app.test", "www.example.org"}, c.Names)
	require.Equal(t, []string{"example.org"}, c.Permits)
	require.Equal(t, "8443-8444", c.Ports)
	require.Equal(t, chain.ECDSA, c.Key)
	require.True(t, c.KeepRootKey)

	s.seen.Folder.Config = nil
	_, damage, err = configOf(s.seen)
	require.NoError(t, err)
	require.EqualError(t, damage, "it is missing")

	s.seen.Folder.Config = []byte(`{"schema":7}`)
	_, _, err = configOf(s.seen)
	require.ErrorIs(t, err, disk.ErrSchema, "a newer one is neither replaced nor guessed at")
}

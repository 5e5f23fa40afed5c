package devcert

import (
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/devcert/chain"
	"devcert/devcert/disk"
)

func (s *scene) report() *Report {
	s.t.Helper()
	if s.seen.Folder.Config == nil {
		had, err := clone(s.config).Encode()
		require.NoError(s.t, err)
		s.seen.Folder.Config = had
	}
	return &Report{Config: s.config, Seen: s.seen, Findings: s.findings()}
}

// inWords lists steps: what is done, with what, and in which role.
func inWords(steps []Step) []string {
	verbs := map[action]string{
		saveConfig: "save config", rebuild: "rebuild", restore: "restore", tighten: "tighten", create: "make hierarchy",
		reissue: "reissue", deploy: "deploy", switchTo: "switch", bind: "bind", unbind: "unbind", withdraw: "withdraw", remove: "remove",
	}
	out := []string{}
	for _, s := range steps {
		words := []string{verbs[s.action]}
		switch {
		case s.damage != nil:
			words = append(words, s.damage.Name)
		case len(s.ports) > 0:
			words = append(words, FormatPorts(s.ports))
		case s.store != "":
			words = append(words, s.store)
		}
		if s.config {
			words = append(words, "with config")
		}
		if s.staged {
			words = append(words, "staged")
		}
		out = append(out, strings.Join(words, " "))
	}
	return out
}

func TestPlans(t *testing.T) {
	for _, row := range []struct {
		name   string
		change func(*scene)
		want   []string
	}{
		{"nothing", func(*scene) {}, nil},
		{"a file", func(s *scene) { s.damaged(disk.LeafFile, disk.Absent, "pem", false) }, []string{"restore localhost.pem"}},
		{"only the ports that are named", func(s *scene) { s.seen.Ports.Bindings = s.seen.Ports.Bindings[1:3] }, []string{"bind 44300,44303"}},
		{"bindings that cannot be read", func(s *scene) { s.seen.Ports.Bindings, s.seen.PortsErr = nil, ErrTableDamaged },
			[]string{"rebuild bindings.json", "bind 44300-44303"}},
		{"one store", func(s *scene) { s.place(1).State = Missing }, []string{"deploy firefox"}},
		{"a store and a port", func(s *scene) {
			s.place(0).State, s.seen.Ports.Bindings = Stale, s.seen.Ports.Bindings[1:]
		}, []string{"deploy system", "bind 44300"}},
		{"a former root of ours", func(s *scene) {
			s.place(1).Others = []*x509.Certificate{s.root(former)}
			s.seen.Folder.Ledger.Record("firefox", s.root(former), noon)
		}, []string{"withdraw firefox"}},
		{"former roots of nobody knows whom are left alone", func(s *scene) {
			s.place(1).Others = []*x509.Certificate{s.root(former), s.root(stranger)}
		}, nil},
		{"config and ledger", func(s *scene) {
			s.damage = errors.New("garbage")
			s.damaged(disk.LedgerFile, disk.Corrupt, "", false)
		}, []string{"rebuild config.json", "rebuild ledger.json"}},
		{"a new leaf takes its ports along", func(s *scene) {
			s.config.Names = []string{"app.test"}
			s.seen.Ports.Bindings = append(s.seen.Ports.Bindings, Binding{Port: 9, Thumbprint: s.seen.leafThumbprint()}, Binding{Port: 10, Thumbprint: "00"})
		}, []string{"reissue", "bind 9,44300-44303"}},
		{"a new leaf makes restoring needless", func(s *scene) {
			s.damaged(disk.LeafFile, disk.Absent, "pem", false)
			s.damaged(disk.LeafKeyFile, disk.Exposed, "", true)
		}, []string{"reissue", "bind 44300-44303"}},
		{"an exposed intermediate key", func(s *scene) { s.damaged("generations/x-1/intermediate-key.pem", disk.Exposed, "", true) },
			[]string{"tighten generations/x-1/intermediate-key.pem"}},
		{"a new root makes folders private and leaves files that go", func(s *scene) {
			s.config.Permits, s.config.Stores, s.config.Ports = []string{"example.org"}, []string{NoStores}, NoPorts
			s.place(0).State, s.place(1).State, s.seen.Folder.Ledger.Entries = Missing, Missing, nil
			s.damaged("generations/x-1/intermediate-key.pem", disk.Exposed, "", true)
			s.damaged("generations", disk.Exposed, "", false)
		}, []string{"tighten generations", "make hierarchy"}},
		{"a new root on a healthy machine is staged", func(s *scene) { s.config.Permits = []string{"example.org"} }, []string{
			"make hierarchy staged", "deploy system staged", "deploy firefox staged", "switch",
			"bind 44300-44303", "withdraw system", "withdraw firefox",
		}},
		{"a new root where none is trusted", func(s *scene) {
			s.config.Permits, s.place(0).State, s.place(1).State = []string{"example.org"}, Missing, Missing
			s.seen.Folder.Ledger.Entries = nil
		}, []string{"make hierarchy", "deploy system", "deploy firefox", "bind 44300-44303"}},
		{"a new root that is wanted in fewer stores", func(s *scene) {
			s.config.Permits, s.config.Stores = []string{"example.org"}, []string{SystemStore}
		}, []string{
			"make hierarchy staged", "deploy system staged", "switch", "bind 44300-44303", "withdraw system", "withdraw firefox",
		}},
		{"a new root leaves out what is not on the machine", func(s *scene) {
			s.config.Permits, s.seen.Stores[1].Places, s.config.Ports = []string{"example.org"}, nil, NoPorts
			s.seen.Folder.Ledger.Forget("firefox", s.root(sample))
		}, []string{"make hierarchy staged", "deploy system staged", "switch", "withdraw system"}},
		{"a new root and a damaged table", func(s *scene) {
			s.config.Permits, s.seen.Ports.Bindings, s.seen.PortsErr = []string{"example.org"}, nil, ErrTableDamaged
		}, []string{
			"rebuild bindings.json", "make hierarchy staged", "deploy system staged", "deploy firefox staged", "switch",
			"bind 44300-44303", "withdraw system", "withdraw firefox",
		}},
		{"everything is lost", func(s *scene) {
			*s.hierarchy(), s.seen.Folder.Current, s.seen.Ports.Bindings = disk.Hierarchy{}, "", nil
			s.place(0).State, s.place(1).State = Missing, Missing
		}, []string{"make hierarchy", "deploy system", "deploy firefox", "bind 44300-44303"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newScene(t)
			row.change(s)
			want := append([]string{}, row.want...)
			require.Equal(t, want, inWords(plan(s.config, s.seen, s.findings())))
		})
	}
}

// What is wanted is saved in the stroke that makes it true.
func TestPlansOfSetup(t *testing.T) {
	same := func(c *Config) (*Config, error) { return c, nil }
	for _, row := range []struct {
		name   string
		change func(*scene) // of the wish, after the configuration on disk was written
		want   []string
	}{
		{"nothing new", func(*scene) {}, nil},
		{"another wish for the stores", func(s *scene) { s.config.Stores = []string{SystemStore} }, []string{"save config"}},
		{"more ports", func(s *scene) { s.config.Ports = "44300-44305" }, []string{"save config", "bind 44304-44305"}},
		{"fewer ports", func(s *scene) { s.config.Ports = "44300" }, []string{"save config", "unbind 44301-44303"}},
		{"another name", func(s *scene) { s.config.Names = []string{"app.test"} }, []string{"reissue with config", "bind 44300-44303"}},
		{"another name and fewer ports", func(s *scene) {
			s.config.Names, s.config.Ports = []string{"app.test"}, "44300"
		}, []string{"reissue with config", "bind 44300", "unbind 44301-44303"}},
		{"another permit", func(s *scene) { s.config.Permits, s.config.Ports = []string{"example.org"}, "44300" }, []string{
			"make hierarchy staged", "deploy system staged", "deploy firefox staged", "switch with config",
			"bind 44300", "unbind 44301-44303", "withdraw system", "withdraw firefox",
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newScene(t)
			s.report()
			row.change(s)
			require.Equal(t, append([]string{}, row.want...), inWords(goal{want: same}.steps(s.report())))
			require.NotContains(t, inWords(goal{}.steps(s.report())), "save config", "repair does not save wishes")
		})
	}
}

func TestPlansOfOnlySomeKinds(t *testing.T) {
	for _, row := range []struct {
		only []string
		want []string
	}{
		{nil, []string{"restore localhost.pem", "deploy system", "bind 44300", "withdraw firefox"}},
		{[]string{TrustMissing}, []string{"deploy system"}},
		{[]string{BindingMissing}, []string{"bind 44300"}},
		{[]string{FormerRoot, LeafMissing}, []string{"restore localhost.pem", "withdraw firefox"}},
		{[]string{RootExpired}, nil},
	} {
		t.Run(fmt.Sprint(row.only), func(t *testing.T) {
			s := newScene(t)
			s.damaged(disk.LeafFile, disk.Absent, "pem", false)
			s.place(0).State, s.seen.Ports.Bindings = Missing, s.seen.Ports.Bindings[1:]
			s.place(1).Others = []*x509.Certificate{s.root(former)}
			s.seen.Folder.Ledger.Record("firefox", s.root(former), noon)
			e := &Engine{Only: row.only}
			require.Equal(t, append([]string{}, row.want...), inWords(goal{pick: e.only}.steps(s.report())))
		})
	}
}

func TestPlanOfNoSetup(t *testing.T) {
	s := newScene(t)
	s.seen.Folder.Config = []byte("x")
	r := s.report()
	r.Config = nil
	require.Empty(t, goal{}.steps(r), "without setup there is nothing to go back to")
}

func TestPlansOfUninstall(t *testing.T) {
	for _, row := range []struct {
		name   string
		all    bool
		change func(*scene)
		want   []string
	}{
		{"a healthy machine", false, func(*scene) {}, []string{"unbind 44300-44303", "withdraw system", "withdraw firefox", "remove"}},
		{"a root that other hands took out: what came with it is removed", false, func(s *scene) { s.place(0).State = Missing },
			[]string{"unbind 44300-44303", "withdraw system", "withdraw firefox", "remove"}},
		{"nothing", false, func(s *scene) {
			*s.hierarchy(), s.seen.Ports.Bindings, s.seen.Folder.Present = disk.Hierarchy{}, nil, false
			s.seen.Folder.Ledger, s.place(0).State, s.place(1).State = &disk.Ledger{}, Missing, Missing
		}, nil},
		{"a root that only the ledger knows", false, func(s *scene) {
			s.place(1).Others = []*x509.Certificate{s.root(former)}
			s.seen.Folder.Ledger.Record("firefox", s.root(former), noon)
		}, []string{"unbind 44300-44303", "withdraw system", "withdraw firefox", "withdraw firefox", "remove"}},
		{"roots that no ledger knows stay", false, func(s *scene) {
			s.place(1).Others = []*x509.Certificate{s.root(former), s.root(stranger)}
		}, []string{"unbind 44300-44303", "withdraw system", "withdraw firefox", "remove"}},
		{"with all, this user's go, and no other's", true, func(s *scene) {
			s.place(1).Others = []*x509.Certificate{s.root(former), s.root(stranger)}
		}, []string{"unbind 44300-44303", "withdraw system", "withdraw firefox", "withdraw firefox", "remove"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newScene(t)
			row.change(s)
			steps := removal(s.report(), row.all)
			require.Equal(t, append([]string{}, row.want...), inWords(steps))
			for _, step := range steps {
				require.False(t, step.cert != nil && step.cert.Equal(s.root(stranger)))
			}
		})
	}
}

// A step of a store names the places that it is about to change, and no others.
func TestDeploysNameWhatChanges(t *testing.T) {
	two := func(s *scene, change func(first, second *Place)) {
		places := []Place{{Path: "/a", Part: chain.PartRoot, State: Trusted}, {Path: "/b", Part: chain.PartRoot, State: Trusted}}
		change(&places[0], &places[1])
		s.seen.Stores[1].Places = places
	}
	for _, row := range []struct {
		name   string
		change func(s *scene)
		want   []string
	}{
		{"one of two", func(s *scene) { two(s, func(_, b *Place) { b.State = Missing }) }, []string{"/b"}},
		{"both", func(s *scene) { two(s, func(a, b *Place) { a.State, b.State = Missing, Denied }) }, []string{"/a, /b"}},
		{"one is a person's to mend", func(s *scene) {
			two(s, func(a, b *Place) { a.State, a.Remedy, b.State = Missing, "its password", Missing })
		}, []string{"/b"}},
		{"both are", func(s *scene) {
			two(s, func(a, b *Place) { a.State, a.Remedy, b.State, b.Remedy = Missing, "x", Missing, "x" })
		}, nil},
		{"a new leaf", func(s *scene) {
			s.config.Names = []string{"new.test"}
			two(s, func(a, _ *Place) { a.Part = chain.PartLeaf })
		}, []string{"/a"}},
		{"a new root, and all that a named store has is a person's to mend", func(s *scene) {
			s.config.Stores, s.config.Permits = []string{"firefox"}, []string{"example.org"}
			two(s, func(a, b *Place) { a.State, a.Remedy, b.State, b.Remedy = Missing, "x", Missing, "x" })
		}, []string{"/a, /b"}},
		{"a store that was not there", func(s *scene) {
			s.config.Stores, s.seen.Stores[1].Places = []string{SystemStore, "firefox"}, nil
		}, []string{"it is not on this machine"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newScene(t)
			row.change(s)
			var where []string
			for _, step := range plan(s.config, s.seen, s.findings()) {
				if step.action == deploy {
					where = append(where, step.Where)
				}
			}
			require.Equal(t, row.want, where)
		})
	}
}

package systemtest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert/chain"
)

func TestUninstallLeavesTheMachineAsItWas(t *testing.T) {
	m := newMachine(t)
	pristine := m.snapshot()
	m.devcert(0, "setup")
	m.devcert(0, "setup", "--permit", "example.org", "--name", "app.example.org", "--yes")
	m.remove(m.anchor())
	m.devcert(0, "repair")
	m.write(m.state("ledger.json"), "garbage")
	m.devcert(0, "repair")
	m.devcert(0, "renew", "--root", "--yes")
	m.remove(m.hashLink())
	r := m.devcert(0, "uninstall", "--yes")
	require.Contains(t, r.stdout, "Nothing of devcert's is left.")
	m.requireGone(pristine)
}

func TestUninstallAfterTheAnchorWasLost(t *testing.T) {
	for _, row := range []struct {
		name string
		lose func(m *machine)
	}{
		{"anchor deleted", func(m *machine) { m.remove(m.anchor()) }},
		{"anchor deleted and bundle rebuilt", func(m *machine) {
			m.remove(m.anchor())
			m.must("update-ca-certificates")
		}},
		{"anchor renamed", func(m *machine) {
			require.NoError(m.t, os.Rename(m.anchor(), filepath.Join(filepath.Dir(m.anchor()), "mine.crt")))
			m.must("update-ca-certificates")
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			m := healthyMachine(t)
			others := m.othersBundle()
			row.lose(m)
			m.devcert(0, "uninstall", "--yes")
			require.Empty(t, m.bundled())
			require.Empty(t, m.danglingLinks())
			require.Equal(t, others, m.read(bundle))
		})
	}
}

func TestUninstallWhereNothingIs(t *testing.T) {
	m := newMachine(t)
	m.requireUnchanged(func() {
		for _, args := range [][]string{{"uninstall"}, {"uninstall", "--yes"}, {"uninstall", "--all", "--yes"}} {
			require.Contains(t, m.devcert(0, args...).stdout, "Nothing to remove")
		}
	})
}

func TestUninstallKeepsWhatDevcertDidNotMake(t *testing.T) {
	m := healthyMachine(t)
	m.write(m.state("notes.txt"), "mine")
	r := m.devcert(0, "uninstall", "--yes")
	require.Contains(t, r.stdout, "notes.txt")
	require.Equal(t, "mine", m.read(m.state("notes.txt")))
	require.NoFileExists(t, m.state("localhost-key.pem"))
}

func TestUninstallKeepsWhatLiesAmongDevcertsFiles(t *testing.T) {
	m := healthyMachine(t)
	theirs := []string{m.generation("notes.txt"), m.state("issued/list.txt"), m.state("config.json/somebody's")}
	m.remove(m.state("config.json"))
	m.must("mkdir", m.state("issued"), m.state("config.json"))
	for _, path := range theirs {
		m.write(path, "precious")
	}
	m.devcert(0, "repair")
	theirs[2] = m.state("config.json.damaged-1/somebody's")
	r := m.devcert(0, "uninstall", "--yes")
	for _, path := range theirs {
		require.Contains(t, r.stdout, "did not make it: "+path+"\n")
		require.Equal(t, "precious", m.read(path))
	}
	require.Len(t, strings.Fields(m.must("find", m.state(), "-type", "f")), len(theirs))
	m.requireUnchanged(func() { require.Contains(t, m.devcert(0, "uninstall", "--yes").stdout, "Nothing to remove") })
	m.devcert(0, "setup")
	m.requireHealthy()
}

// TestUninstallOfALinkedFolder reaches the folder by a link that is the user's.
func TestUninstallOfALinkedFolder(t *testing.T) {
	for _, row := range []struct {
		name string
		user user
	}{{"root", root}, {"sudo devcert", anna}} {
		t.Run(row.name, func(t *testing.T) {
			m := newMachine(t)
			m.sudoers(withoutAsking)
			m = m.as(row.user)
			target := m.home() + "/dotfiles"
			m.must("mkdir", "-p", target, filepath.Dir(m.state()))
			m.must("ln", "-s", target, m.state())
			m.devcert(0, "setup")
			r := m.devcert(0, "uninstall", "--yes")
			require.Contains(t, r.stdout, "did not make it: "+target+"\n")
			require.Empty(t, m.must("find", target, "-mindepth", "1"))
			require.Equal(t, target+"\n", m.must("readlink", m.state()))
			m.requireUnchanged(func() { require.Contains(t, m.devcert(0, "uninstall", "--yes").stdout, "Nothing to remove") })
			m.devcert(0, "setup")
			m.requireHealthy()
		})
	}
}

func TestUninstallOnAFullDisk(t *testing.T) {
	m := newMachine(t)
	m.disk("size=1m")
	args := []string{"--home", m.home() + "/disk/state"}
	m.devcert(0, append([]string{"setup"}, args...)...)
	m.fill()
	r := m.devcert(0, append([]string{"uninstall", "--yes"}, args...)...)
	require.Contains(t, r.stdout, "Nothing of devcert's is left.")
	require.NoDirExists(t, m.home()+"/disk/state")
	require.Empty(t, m.bundled())
}

func TestARootWhoseStateIsLostIsAFormerRoot(t *testing.T) {
	m := healthyMachine(t)
	require.NoError(t, os.RemoveAll(m.state()))
	doc := m.status()
	require.Equal(t, []string{"hierarchy-missing", "former-root?"}, doc.kinds())
	require.Contains(t, doc.Findings[1].Remedy, "uninstall --all")
	m.requireUnchanged(func() {
		require.Contains(t, m.devcert(0, "uninstall", "--yes").stdout, "former-root")
	})

	lost := m.bundled()
	m.devcert(0, "setup")
	doc = m.status()
	require.Equal(t, []string{"former-root?"}, doc.kinds())
	require.Len(t, m.bundled(), 2)
	m.requireUnchanged(func() { m.devcert(0, "repair") })
	m.devcert(0, "uninstall", "--yes")
	require.Equal(t, lost, m.bundled(), "what no ledger knows is for --all")

	m.devcert(0, "uninstall", "--all", "--yes")
	require.Empty(t, m.bundled())
	require.Empty(t, m.anchors())
	require.Empty(t, m.danglingLinks())
}

func TestAnotherUsersRootIsNobodysBusiness(t *testing.T) {
	m := healthyMachine(t)
	h, err := chain.New(chain.Options{Owner: "bert@birch", Key: chain.ECDSA, Now: time.Now()})
	require.NoError(t, err)
	theirs := "/usr/local/share/ca-certificates/devcert-" + h.ID + ".crt"
	m.write(theirs, string(chain.EncodeCertificates(h.Root)))
	m.must("update-ca-certificates")
	m.requireHealthy()
	m.devcert(0, "setup", "--permit", "example.org", "--yes")
	m.devcert(0, "uninstall", "--all", "--yes")
	m.requireUnchanged(func() { m.devcert(0, "uninstall", "--all", "--yes") })
	require.FileExists(t, theirs)
	require.Len(t, m.bundled(), 1)
	require.True(t, m.bundled()[0].Equal(h.Root))
}

package devcert

import (
	"crypto/x509"
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/devcert/chain"
)

// Scope user leaves ports that only an administrator may bind, and says so.
func TestScopeUserLeavesPorts(t *testing.T) {
	s := newScene(t)
	s.config.Scope, s.seen.Ports.Machine, s.place(0).Machine = ScopeUser, true, true
	require.Empty(t, s.findings(), "they are bound as they should be")
	s.seen.Ports.Bindings[1].Thumbprint = "00"
	require.Equal(t, []string{"warning binding-missing ports 44301 (by hand)"}, describe(s.findings()))
	require.Empty(t, bindablePorts(s.config, s.seen))
	s.config.Scope = ScopeMachine
	require.Equal(t, []string{"error binding-stale port 44301"}, describe(s.findings()))
}

// What uninstall --all is named for as a remedy, it removes: whatever part it is.
func TestUninstallAllRemovesFormerParts(t *testing.T) {
	s := newScene(t)
	leaf := must(t, former).Leaf.Cert
	s.place(1).Part, s.place(1).Others = chain.PartLeaf, []*x509.Certificate{leaf, must(t, stranger).Leaf.Cert}
	findings := s.findings()
	require.Equal(t, []string{"warning rival-certificate /firefox (by hand)"}, describe(findings))
	require.Equal(t, "devcert uninstall --all", findings[0].Remedy)
	gone := func(all bool) bool {
		for _, step := range removal(s.report(), all) {
			if step.cert != nil && step.cert.Equal(leaf) {
				return true
			}
		}
		return false
	}
	require.True(t, gone(true))
	require.False(t, gone(false))
}

// A table that is not a file of the state folder is not rebuilt as one.
func TestUnreadTableOfTheSystem(t *testing.T) {
	s := newScene(t)
	s.seen.Ports.Bindings, s.seen.PortsErr = nil, ErrNeedsAdmin
	require.Equal(t, []string{"bind 44300-44303"}, inWords(plan(s.config, s.seen, s.findings())))
	s.seen.PortsErr = ErrTableDamaged
	require.Equal(t, []string{"rebuild bindings.json", "bind 44300-44303"}, inWords(plan(s.config, s.seen, s.findings())))
}

package systemtest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// distribution is how one family of distributions keeps its roots: the folders
// that are there, those of Debian that are not, and its tool.
type distribution struct {
	name            string
	anchors, ext    string
	bundle          string
	tool, arguments string
	marks           []string
}

var debianLike = distribution{
	name: "Debian", anchors: "/usr/local/share/ca-certificates", ext: ".crt", tool: updateTool, bundle: bundle,
}

var distributions = []distribution{
	{name: "Fedora", anchors: "/etc/pki/ca-trust/source/anchors", ext: ".pem", tool: "/usr/bin/update-ca-trust", arguments: "extract",
		bundle: "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem"},
	{name: "Arch", anchors: "/etc/ca-certificates/trust-source/anchors", ext: ".crt", tool: "/usr/bin/trust", arguments: "extract-compat",
		bundle: "/etc/ca-certificates/extracted/tls-ca-bundle.pem"},
	{name: "openSUSE", anchors: "/usr/share/pki/trust/anchors", ext: ".crt", tool: "/usr/sbin/update-ca-certificates",
		bundle: "/var/lib/ca-certificates/ca-bundle.pem"},
	{name: "Alpine", anchors: "/usr/local/share/ca-certificates", ext: ".crt", tool: "/usr/sbin/update-ca-certificates",
		bundle: "/etc/ssl/certs/ca-certificates.crt", marks: []string{"/etc/alpine-release"}},
}

// standIn makes the bundle of the distribution's own roots and the anchors. It
// takes exactly the arguments that the real tool is called with. Alpine's also
// makes the hash links.
const standIn = `#!/bin/sh -e
if [ "$*" != "@ARGUMENTS@" ]; then echo "unexpected arguments: $*" >&2; exit 64; fi
cat /etc/base.pem >/etc/bundle.new
for file in @ANCHORS@/*@EXT@; do
	if [ -f "$file" ]; then cat "$file" >>/etc/bundle.new; fi
done
chmod 0644 /etc/bundle.new
mv -f /etc/bundle.new @BUNDLE@
if [ @NAME@ = Alpine ]; then
	rm -f /etc/ssl/certs/ca-cert-*.pem
	for file in @ANCHORS@/*@EXT@; do
		if [ -f "$file" ]; then ln -s "$file" /etc/ssl/certs/ca-cert-$(basename "$file" .crt).pem; fi
	done
	openssl rehash /etc/ssl/certs >/dev/null 2>&1
fi
`

// become turns a Debian machine into one of the distribution.
func (d distribution) become(m *machine) {
	m.t.Helper()
	require.NoError(m.t, hide(javas))
	base := m.read(bundle)
	for _, path := range []string{"/usr/local/share/ca-certificates", "/etc/ssl/certs", "/etc/ca-certificates", "/etc/ca-certificates.conf",
		"/etc/debian_version", "/usr/sbin/update-ca-certificates", "/etc/pki"} {
		require.NoError(m.t, os.RemoveAll(path))
	}
	for _, dir := range []string{d.anchors, filepath.Dir(d.bundle), "/etc/ssl/certs"} {
		require.NoError(m.t, os.MkdirAll(dir, 0o755))
	}
	for _, mark := range d.marks {
		m.write(mark, "")
	}
	m.write("/etc/base.pem", base)
	script := strings.NewReplacer("@ARGUMENTS@", d.arguments, "@ANCHORS@", d.anchors, "@EXT@", d.ext,
		"@BUNDLE@", d.bundle, "@NAME@", d.name).Replace(standIn)
	m.write(d.tool, script)
	m.chmod(d.tool, 0o755)
	m.must(d.tool, strings.Fields(d.arguments)...)
}

func TestDistributions(t *testing.T) {
	for _, d := range distributions {
		t.Run(d.name, func(t *testing.T) {
			m := newMachine(t, "/usr/sbin", "/usr/bin", "/usr/share")
			d.become(m)
			d.cycle(m)
		})
	}
}

// TestDistributionsWithoutAFolderOfAnchors is a small image, or a machine where
// somebody cleaned up: the folder comes with the root and goes with it.
func TestDistributionsWithoutAFolderOfAnchors(t *testing.T) {
	for _, d := range append(distributions, debianLike) {
		t.Run(d.name, func(t *testing.T) {
			m := newMachine(t, "/usr/sbin", "/usr/bin", "/usr/share")
			if d.name != debianLike.name {
				d.become(m)
			}
			require.NoError(t, os.RemoveAll(d.anchors))
			if d.name == debianLike.name {
				m.must(d.tool, "--fresh") // without the machine's own
			}
			d.cycle(m)
			require.NoDirExists(t, d.anchors)
			require.NoDirExists(t, machineFolder)
		})
	}
}

// cycle is setup, a look, two losses with their repair, a new root and uninstall.
func (d distribution) cycle(m *machine) {
	t := m.t
	pristine := m.snapshot("/etc", "/usr/local/share", filepath.Dir(d.anchors), filepath.Dir(d.bundle))
	m.devcert(0, "setup")
	doc := m.requireHealthy()
	require.Equal(t, d.bundle, doc.Stores[0].Path)
	anchor := filepath.Join(d.anchors, "devcert-"+doc.Hierarchy.ID+d.ext)
	d.requireVerified(m, 0)
	m.requireUnchanged(func() { m.devcert(0, "setup") })

	m.remove(anchor)
	require.Equal(t, []string{"trust-stale"}, m.status().kinds())
	m.devcert(0, "repair")
	m.requireHealthy()
	m.remove(anchor)
	m.must(d.tool, strings.Fields(d.arguments)...)
	require.Equal(t, []string{"trust-missing"}, m.status().kinds())
	d.requireVerified(m, 2)
	m.devcert(0, "repair")
	m.requireHealthy()
	d.requireVerified(m, 0)

	m.devcert(0, "setup", "--permit", "example.org", "--yes")
	require.NoFileExists(t, anchor)
	d.requireVerified(m, 0)
	m.devcert(0, "uninstall", "--yes")
	after := m.snapshot("/etc", "/usr/local/share", filepath.Dir(d.anchors), filepath.Dir(d.bundle))
	require.Empty(t, beyond(pristine.differing(after), []string{javaStore}))
	require.Empty(t, m.danglingLinks())
}

// requireVerified has OpenSSL verify the leaf by the family's own bundle; code is
// how openssl ends, 2 when it finds no trusted root.
func (d distribution) requireVerified(m *machine, code int) {
	m.t.Helper()
	r := m.run("openssl", "verify", "-no-CApath", "-no-CAstore", "-CAfile", d.bundle,
		"-untrusted", m.state("localhost.pem"), "-verify_hostname", "localhost", m.state("localhost.pem"))
	require.Equal(m.t, code, r.code, "%s", r)
}

// TestWithoutTheTool is a small image on which nobody has installed the package.
func TestWithoutTheTool(t *testing.T) {
	m := newMachine(t, "/usr/sbin")
	require.NoError(t, hide(javas))
	m.remove(updateTool)
	for _, path := range []string{"/usr/local/share/ca-certificates", "/etc/ca-certificates.conf"} {
		require.NoError(t, os.RemoveAll(path))
	}
	m.requireUnchanged(func() {
		r := m.devcert(6, "setup")
		require.Contains(t, r.stderr, "install the package ca-certificates")
	}, "/etc", "/usr/local/share", "/var/lib")
}

package systemtest

import (
	"crypto/tls"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// TestJavaConnects is the whole story of an HttpsURLConnection, in every Java.
func TestJavaConnects(t *testing.T) {
	homes := javaHomes(t)
	m := newMachine(t)
	pristine, aliases := m.snapshot(), m.javaAliases()
	m.devcert(0, "setup", "--stores", "none")
	thief := map[string]*tls.Certificate{permitted: m.steal(permitted), forbidden: m.steal(forbidden)}
	port := serve(t, byName(present(m.pair()), thief))
	requireAll := func(trusted bool, names ...string) {
		for _, home := range homes {
			for _, name := range names {
				require.Equal(t, trusted, m.javaTrusts(home, name, port), "%s and %s", home, name)
			}
		}
	}
	requireAll(false, ours)
	m.devcert(0, "setup", "--stores", "all")
	m.requireHealthy()
	requireAll(true, ours, permitted)
	requireAll(false, forbidden)

	m.devcert(0, "uninstall", "--yes")
	requireAll(false, ours, permitted)
	require.ElementsMatch(t, aliases, m.javaAliases())
	m.requireGone(pristine)
}

// TestDebiansHookLeavesItsEntry is why uninstall looks for the root itself, under
// whatever alias: the hook of ca-certificates-java takes none back.
func TestDebiansHookLeavesItsEntry(t *testing.T) {
	homes := javaHomes(t)
	m := healthyMachine(t)
	port := serve(t, m.copies())
	alias := "debian:devcert-" + m.requireHealthy().Hierarchy.ID + ".pem"
	m.remove(m.anchor())
	m.must("update-ca-certificates", "--fresh")
	if !slices.Contains(m.javaAliases(), alias) { // another version of the hook
		m.keytool("-importcert", "-noprompt", "-alias", alias, "-file", m.state("root.pem"))
	}
	require.True(t, m.javaTrusts(homes[0], ours, port))
	pair := m.pair()
	m.devcert(0, "uninstall", "--yes")
	require.NotContains(t, m.javaAliases(), alias)
	require.False(t, m.javaTrusts(homes[0], ours, serve(t, present(pair))))
}

// replaceStore does what a package's update does: another file takes the place.
func (m *machine) replaceStore(data string) {
	m.t.Helper()
	m.write(javaStore+".dpkg-new", data)
	require.NoError(m.t, os.Rename(javaStore+".dpkg-new", javaStore))
}

// keytool changes the machine's keystore by hand.
func (m *machine) keytool(args ...string) {
	m.t.Helper()
	m.must("keytool", append(args, "-keystore", javaStore, "-storepass", "changeit")...)
}

func (m *machine) forgetRoot() {
	m.t.Helper()
	m.keytool("-delete", "-alias", "debian:devcert-"+m.status().Hierarchy.ID+".pem")
}

// importByHand does what the remedy says; keytool then asks for the password.
func (m *machine) importByHand() {
	m.t.Helper()
	command, ok := strings.CutPrefix(m.status().Findings[0].Remedy, "run by hand: sudo ")
	require.True(m.t, ok)
	m.must("sh", "-c", "cd / && "+command+" -storepass another")
}

// javaBreak is a break and whether Java then trusts localhost, and still does not
// after repair.
type javaBreak struct {
	runtimeBreak
	trusts, lost bool
}

var javaBreaks = []javaBreak{
	{runtimeBreak: runtimeBreak{name: "root removed with keytool", how: changed((*machine).forgetRoot),
		finds: []string{"trust-missing"}, says: javaStore, touches: []string{javaStore}}},
	{runtimeBreak: runtimeBreak{name: "root removed, and the keystore read-only", how: changed(func(m *machine) {
		m.forgetRoot()
		m.chmod(javaStore, 0o444)
	}), finds: []string{"trust-missing?"}, says: "it is read-only", remedy: "make " + javaStore + " writable", stands: []string{"trust-missing?"}, mend: func(m *machine) { m.chmod(javaStore, 0o644) }}, lost: true},
	{runtimeBreak: runtimeBreak{name: "root removed, and another password", how: changed(func(m *machine) {
		m.forgetRoot()
		m.keytool("-storepasswd", "-new", "another")
	}), finds: []string{"trust-missing?"}, says: `a password other than "changeit"`, remedy: "keytool -importcert", stands: []string{"trust-missing?"}, mend: (*machine).importByHand}, lost: true},
	{runtimeBreak: runtimeBreak{name: "another password, with the root", how: changed(func(m *machine) {
		m.keytool("-storepasswd", "-new", "another")
	})}, trusts: true},
	{runtimeBreak: runtimeBreak{name: "a broken JAVA_HOME", how: set("JAVA_HOME=/usr/lib/jvm/gone"),
		finds: []string{"trust-unknown?"}, says: "/usr/lib/jvm/gone", remedy: "set JAVA_HOME", stands: []string{"trust-unknown?"}}, trusts: true},
}

// TestJavaBreaks asks a real Java whenever status has said what is wrong.
func TestJavaBreaks(t *testing.T) {
	home := javaHomes(t)[0]
	for _, b := range javaBreaks {
		t.Run(b.name, func(t *testing.T) {
			m := healthyMachine(t)
			port := serve(t, m.copies())
			b.breakAndRepair(m, func(m *machine, repaired bool) {
				require.Equal(t, b.trusts || repaired && !b.lost, m.javaTrusts(home, ours, port))
			})
		})
	}
}

// TestAPackageReplacesCacerts restores what the distribution made.
func TestAPackageReplacesCacerts(t *testing.T) {
	home := javaHomes(t)[0]
	m := newMachine(t)
	packaged := m.read(javaStore)
	m.devcert(0, "setup")
	port := serve(t, m.copies())
	b := runtimeBreak{how: changed(func(m *machine) { m.replaceStore(packaged) }),
		finds: []string{"trust-missing"}, says: javaStore, touches: []string{javaStore}}
	b.breakAndRepair(m, func(m *machine, repaired bool) {
		require.Equal(t, repaired, m.javaTrusts(home, ours, port))
	})
}

// TestKeystoreOnAReadOnlyDisk: all else is done, and the person is told.
func TestKeystoreOnAReadOnlyDisk(t *testing.T) {
	home := javaHomes(t)[0]
	m := newMachine(t)
	folder := filepath.Dir(javaStore)
	require.NoError(t, unix.Mount(folder, folder, "", unix.MS_BIND, ""))
	require.NoError(t, unix.Mount("", folder, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, ""))
	before := m.read(javaStore)
	r := m.run(m.bin, "setup")
	require.Contains(t, r.stderr+r.stdout, javaStore)
	require.Contains(t, r.stderr+r.stdout, "make "+folder+" writable")
	doc := m.status()
	require.Equal(t, []string{"trust-missing?"}, doc.kinds(), "%+v", doc.Findings)
	require.Zero(t, r.code, "%s", r)
	require.Equal(t, before, m.read(javaStore))
	port := serve(t, m.copies())
	require.False(t, m.javaTrusts(home, ours, port))
	m.survey(port, ours).require(t, ours)

	require.NoError(t, unix.Unmount(folder, unix.MNT_DETACH))
	m.devcert(0, "repair")
	m.requireHealthy()
	require.True(t, m.javaTrusts(home, ours, port))
}

// jdk makes a Java of the user's own in a folder where nobody looks unless
// JAVA_HOME says so. It has the programs of a real one, and a keystore that is a
// copy of the machine's.
func (m *machine) jdk(real, folder string) (home, keystore string) {
	m.t.Helper()
	home = filepath.Join(m.home(), folder)
	own := filepath.Join(m.home(), folder+".security")
	for _, dir := range []string{home, own} {
		require.NoError(m.t, os.Mkdir(dir, 0o755))
		require.NoError(m.t, os.Chown(dir, int(m.user.id), int(m.user.id)))
	}
	m.must("cp", "-rLT", filepath.Join(real, "lib/security"), own)
	require.NoError(m.t, unix.Mount(real, home, "", unix.MS_BIND, ""))
	require.NoError(m.t, unix.Mount(own, filepath.Join(home, "lib/security"), "", unix.MS_BIND, ""))
	return home, filepath.Join(home, "lib/security/cacerts")
}

// keystores are what status lists as the Javas'.
func (d document) keystores() []string {
	var paths []string
	for _, s := range d.Stores {
		if s.Name == "java" {
			paths = append(paths, s.Path)
		}
	}
	return paths
}

// TestASecondJava has a link to the same keystore, and a Java with its own.
func TestASecondJava(t *testing.T) {
	homes := javaHomes(t)
	m := healthyMachine(t)
	require.Equal(t, []string{javaStore}, m.status().keystores(), "one keystore of %d Javas", len(homes))
	link := filepath.Join(m.home(), "linked")
	require.NoError(t, os.Symlink(homes[0], link))
	require.Equal(t, []string{javaStore}, m.with("JAVA_HOME="+link).requireHealthy().keystores())

	port := serve(t, m.copies())
	m.forgetRoot() // so that the copy has it not
	home, keystore := m.jdk(homes[0], "copied")
	m.devcert(0, "repair")
	second := m.with("JAVA_HOME=" + home)
	b := runtimeBreak{how: changed(nothing), finds: []string{"trust-missing"}, says: keystore,
		touches: []string{keystore, "HOME/copied.security/cacerts", m.state("java.json")}}
	b.breakAndRepair(second, func(m *machine, repaired bool) {
		require.Equal(t, repaired, m.javaTrusts(home, ours, port))
		require.True(t, m.javaTrusts(homes[0], ours, port))
	})
	require.ElementsMatch(t, []string{keystore, javaStore}, second.status().keystores())
	m.devcert(0, "uninstall", "--yes") // nobody names the second one any more
	out, err := exec.Command("keytool", "-list", "-keystore", keystore, "-storepass", "changeit").Output()
	require.NoError(t, err)
	require.NotContains(t, strings.ToLower(string(out)), "devcert")
}

// TestJavaHomeUnderSudo: sudo leaves JAVA_HOME behind unless it is told. What it
// then leads to is changed as the user who called; nothing there is run as root.
func TestJavaHomeUnderSudo(t *testing.T) {
	homes := javaHomes(t)
	m := newMachine(t)
	m.sudoers(withoutAsking)
	user := m.as(anna)
	home, keystore := user.jdk(homes[0], "jdk")
	theirs := user.with("JAVA_HOME=" + home)

	theirs.must("sudo", m.bin, "setup")
	doc := theirs.status()
	require.Equal(t, []string{"trust-missing"}, doc.kinds(), "%+v", doc.Findings)
	require.Equal(t, keystore, doc.Findings[0].Where)
	port := serve(t, user.copies())
	require.False(t, user.javaTrusts(home, ours, port))
	theirs.devcert(0, "repair")
	theirs.requireHealthy()
	require.True(t, user.javaTrusts(home, ours, port))

	m.must("cp", "-f", javaStore, keystore) // anna's file stays anna's
	theirs.must("keytool", "-delete", "-alias", "debian:devcert-"+doc.Hierarchy.ID+".pem", "-keystore", keystore, "-storepass", "changeit")
	require.Equal(t, []string{"trust-missing"}, theirs.status().kinds())
	theirs.must("sudo", "--preserve-env=JAVA_HOME", m.bin, "repair")
	theirs.requireHealthy()

	// Everything of it is anna's: what she runs there runs as her.
	tool, ran := filepath.Join(anna.home(), "evil/bin/keytool"), filepath.Join(anna.home(), "ran")
	user.must("mkdir", "-p", filepath.Dir(tool), filepath.Join(anna.home(), "evil/lib/security"))
	user.must("cp", keystore, filepath.Join(anna.home(), "evil/lib/security/cacerts"))
	user.must("sh", "-c", `printf '#!/bin/sh\nid -u >>`+ran+`\nexit 1\n' >"$1" && chmod 755 "$1" && cp "$1" "${1%keytool}java"`, "sh", tool)
	evil := user.with("JAVA_HOME=" + filepath.Join(anna.home(), "evil"))
	r := evil.run("sudo", "--preserve-env=JAVA_HOME", m.bin, "uninstall", "--yes")
	require.Equal(t, 6, r.code, "%s", r)
	require.Contains(t, r.stderr, "run by hand: "+tool)
	for line := range strings.Lines(m.read(ran)) {
		require.Equal(t, "2001\n", line)
	}
	require.NoError(t, unix.Unmount(filepath.Dir(keystore), 0))
	require.NoError(t, unix.Unmount(home, 0))
	user.requireOwned()
}

package systemtest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestMistakesOnTheCommandLine has for each mistake the words that must be in the
// message: what was wrong, or what to write instead.
func TestMistakesOnTheCommandLine(t *testing.T) {
	m := healthyMachine(t)
	label := strings.Repeat("a", 70)
	for _, row := range []struct {
		args  string
		words []string
	}{
		{"frobnicate", []string{"frobnicate", "setup"}},
		{"setup --frobnicate", []string{"frobnicate"}},
		{"setup --yes=perhaps", []string{"perhaps"}},
		{"setup something", []string{"something"}},
		{"setup localhost --key ecdsa", []string{"localhost", "--name"}},
		{"status now", []string{"now"}},
		{"uninstall everything", []string{"everything"}},
		{"setup --stores systm", []string{"systm", "system"}},
		{"setup --stores system,firefix", []string{"firefix"}},
		{"setup --stores all,system", []string{"all"}},
		{"setup --stores=", []string{"--stores"}},
		{"setup --key dsa", []string{"dsa", "ecdsa"}},
		{"setup --scope world", []string{"world", "machine"}},
		{"setup --ports 0", []string{"0", "65535"}},
		{"setup --ports 65536", []string{"65536"}},
		{"setup --ports 44399-44300", []string{"44399-44300"}},
		{"setup --ports http", []string{"http"}},
		{"setup --ports -1", []string{"-1"}},
		{"setup --ports=", []string{"--ports"}},
		{"ports", []string{"list", "bind", "unbind"}},
		{"ports bind", []string{"44300-44399"}},
		{"ports bind 70000", []string{"70000"}},
		{"ports bind 44300 --cert other", []string{"other", "localhost"}},
		{"ports bind --cert other 44300", []string{"other", "localhost"}},
		{"ports unbind", []string{"--all"}},
		{"ports list none", []string{"none"}},
		{"setup --name a..b", []string{"a..b", "empty label"}},
		{"setup --name " + label + ".test", []string{label, "63"}},
		{"setup --name *", []string{`"*"`}},
		{"setup --name *.com", []string{"*.com"}},
		{"setup --name *.localhost", []string{"*.localhost"}},
		{"setup --name app.example.com", []string{"app.example.com", "setup --permit example.com --name app.example.com"}},
		{"setup --name 10.0.0.1", []string{"10.0.0.1", "--permit 10.0.0.1"}},
		{"setup --name fe80::1%eth0", []string{"fe80::1%eth0", "zone"}},
		{"setup --name https://a.test/", []string{"https://a.test/"}},
		{"setup --name a_b.test", []string{"a_b.test", "hyphen"}},
		{"setup --name=", []string{"--name has no value"}},
		{"setup --remove-name localhost", []string{"localhost"}},
		{"setup --remove-name other.test", []string{"other.test"}},
		{"setup --permit com", []string{`"com"`, "public suffix"}},
		{"setup --permit co.uk", []string{"co.uk", "public suffix"}},
		{"setup --permit 0.0.0.0/0", []string{"0.0.0.0/0"}},
		{"setup --permit ::/0", []string{"::/0"}},
		{"setup --permit 1.0.0.0/4", []string{"1.0.0.0/4"}},
		{"setup --permit *.example.org", []string{"example.org"}},
		{"repair --only nonsense", []string{"nonsense"}},
		{"repair --only trust-mising", []string{"trust-missing"}},
		{"explain nonsense", []string{"nonsense"}},
		{"status --timeout 0s", []string{"--timeout"}},
		{"status --timeout soon", []string{"soon"}},
		{"status --home=", []string{"--home"}},
	} {
		m.requireRefused(strings.Fields(row.args), row.words)
	}
	m.requireRefused([]string{"setup", "--name", "a b.test"}, []string{"a b.test", "space"})
	m.requireHealthy()
}

// requireRefused requires exit code 2, one line that says what is wrong with the
// words in it, at most a few lines of hint, and that nothing has changed.
func (m *machine) requireRefused(args, words []string) {
	m.t.Helper()
	m.requireUnchanged(func() {
		r := m.devcert(2, args...)
		require.Empty(m.t, r.stdout, "%s", r)
		requireShort(m.t, r)
		for _, word := range words {
			require.Contains(m.t, r.stderr, word, "%s", r)
		}
	})
}

// requireShort requires one line of error, with hints below it that are indented.
func requireShort(t *testing.T, r result) {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(r.stderr, "\n"), "\n")
	require.True(t, strings.HasPrefix(lines[0], "devcert: "), "%s", r)
	for _, line := range lines[1:] {
		require.True(t, strings.HasPrefix(line, "  "), "%s", r)
	}
}

func TestUnusualNamesThatAreFine(t *testing.T) {
	m := healthyMachine(t)
	host := strings.Repeat("b", 58) + ".test" // 63
	long := "c." + host                       // 65, longer than a common name may be
	m.devcert(0, "setup", "--name", "bücher.test", "--name", "BÜCHER.test", "--name", "a.test", "--name", "A.test",
		"--name", host+"", "--name", long, "--name", strings.Repeat("d", 59)+".test")
	doc := m.requireHealthy()
	require.ElementsMatch(t, []string{
		"localhost", "*.dev.localhost", "*.dev.internal", "host.docker.internal", "host.containers.internal", "127.0.0.1", "::1",
		"xn--bcher-kva.test", "a.test", host, long, strings.Repeat("d", 59) + ".test",
	}, doc.Hierarchy.Leaf.Names)
	require.Len(t, strings.Repeat("d", 59)+".test", 64)
	m.requireUnchanged(func() { m.devcert(0, "setup", "--name", "bücher.test") })
	m.must("openssl", "verify", "-x509_strict", "-CAfile", m.state("root.pem"), "-untrusted", m.state("localhost.pem"),
		"-verify_hostname", "xn--bcher-kva.test", m.state("localhost.pem"))
}

// TestFoldersThatCannotBeUsed has for each the exit code and what the message
// must name. HOME stands for the user's home.
func TestFoldersThatCannotBeUsed(t *testing.T) {
	for _, row := range []struct {
		name    string
		user    user
		prepare func(m *machine)
		home    string
		words   []string
	}{
		{"a file", root, func(m *machine) { m.write(m.home()+"/file", "") }, "HOME/file", []string{"/file", "not a folder"}},
		{"below a file", root, func(m *machine) { m.write(m.home()+"/file", "") }, "HOME/file/state", []string{"/file", "not a "}},
		{"not writable", anna, nothing, "/etc/devcert", []string{"/etc/devcert", "permission denied"}},
		{"somebody else's", anna, func(m *machine) { m.as(root).must("mkdir", "-m", "700", m.home()+"/state") },
			"HOME/state", []string{"/state", "permission denied"}},
		{"somebody else's, open to all", anna, func(m *machine) { m.as(root).must("mkdir", "-m", "777", m.home()+"/state") },
			"HOME/state", []string{"/state", "not permitted"}},
		{"a link to nowhere", anna, func(m *machine) { m.must("ln", "-s", m.home()+"/nowhere", m.home()+"/state") },
			"HOME/state", []string{"/nowhere, which is not there", "make the folder that the link leads to"}},
		{"below a link to nowhere", anna, func(m *machine) { m.must("ln", "-s", m.home()+"/nowhere", m.home()+"/link") },
			"HOME/link/state", []string{"/nowhere, which is not there"}},
		{"a full disk", root, func(m *machine) { m.disk("size=64k"); m.fill() }, "HOME/disk/state", []string{"/disk/state", "no space left"}},
		{"a disk that is read-only", root, func(m *machine) { m.disk("ro") }, "HOME/disk/state", []string{"/disk/state", "read-only"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			m := newMachine(t).as(row.user)
			row.prepare(m)
			home := strings.Replace(row.home, "HOME", m.home(), 1)
			m.requireUnchanged(func() {
				r := m.devcert(1, "setup", "--home", home)
				requireShort(t, result{line: r.line, stderr: r.stderr[strings.Index(r.stderr, "devcert: "):]})
				for _, word := range row.words {
					require.Contains(t, r.stderr, word, "%s", r)
				}
			}, "/etc", "/usr/local/share")
			require.Empty(t, m.bundled())
		})
	}
}

// disk mounts a small disk in the user's home.
func (m *machine) disk(options string) {
	m.t.Helper()
	m.must("mkdir", m.home()+"/disk")
	m.must("mount", "-t", "tmpfs", "-o", options, "disk", m.home()+"/disk")
}

func (m *machine) fill() {
	m.t.Helper()
	require.NotZero(m.t, m.run("dd", "if=/dev/zero", "of="+m.home()+"/disk/full").code)
}

// TestADiskThatFillsUp lets ever more bytes be free: whatever was written before
// there were no more, the next run ends in a healthy state or with an error.
func TestADiskThatFillsUp(t *testing.T) {
	for _, pages := range []string{"1", "2", "4", "6", "8", "10", "12", "14", "16", "20", "24"} {
		t.Run(pages+" pages", func(t *testing.T) {
			m := newMachine(t)
			m.disk("nr_blocks=" + pages)
			args := []string{"setup", "--stores=none", "--home", m.home() + "/disk/state"}
			r := m.run(m.bin, args...)
			if r.code != 0 {
				require.Contains(t, []int{1, 6}, r.code, "%s", r) // 6: only the ports had no room
				require.Contains(t, r.stderr, "no space left", "%s", r)
			}
			m.must("mount", "-o", "remount,nr_blocks=1000", m.home()+"/disk")
			m.devcert(0, args...)
			m.devcert(0, "status", "--home", m.home()+"/disk/state")
			left := m.must("find", m.home()+"/disk", "-name", "*.new")
			require.Empty(t, left, "left half written")
		})
	}
}

func TestABundleThatIsADanglingLink(t *testing.T) {
	m := healthyMachine(t)
	m.remove(bundle)
	m.must("ln", "-s", "/nowhere/bundle.crt", bundle)
	doc := m.status()
	require.Equal(t, []string{"trust-stale"}, doc.kinds())
	require.Contains(t, doc.Findings[0].Message, "/nowhere/bundle.crt")
	m.devcert(0, "repair")
	m.requireHealthy()
}

// TestToolsOfAThief puts programs first in PATH that record that they were run.
func TestToolsOfAThief(t *testing.T) {
	for _, row := range []struct {
		name string
		user user
	}{{"root", root}, {"a user with sudo", anna}} {
		t.Run(row.name, func(t *testing.T) {
			m := newMachine(t)
			m.sudoers(withoutAsking)
			user := m.as(row.user)
			thief, record := user.home()+"/thief", user.home()+"/record"
			user.must("mkdir", thief)
			for _, tool := range []string{"update-ca-certificates", "sudo", "tee", "rm", "env", "openssl", "getent", "sh", "run-parts", "cat"} {
				m.write(thief+"/"+tool, "#!/bin/sh\necho "+tool+" >>"+record+"\nexit 0\n")
				m.chmod(thief+"/"+tool, 0o755)
			}
			user = user.with("PATH=" + thief + ":" + systemPath)
			user.must(thief + "/tee") // the control: a thief's tool that runs leaves its mark
			user.must("/bin/rm", record)
			user.devcert(0, "setup")
			user.requireHealthy()
			user.devcert(0, "uninstall", "--yes")
			require.NoFileExists(t, record)
		})
	}
}

package platform

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/devcert/chain"
)

// TestMain makes the test program the devcert that it starts: the privileged
// child and the split begin here as they do in main. The words after these run
// as the command itself.
func TestMain(m *testing.M) {
	if code, done := Start(os.Args); done {
		os.Exit(code)
	}
	if len(os.Args) > 1 && os.Args[1] == "command" {
		os.Exit(command(os.Args[2:]))
	}
	os.Exit(m.Run())
}

// command is a devcert of one line: it trusts or distrusts the root in a file.
func command(words []string) int {
	host, err := NewHost(devcert.HostOptions{
		Env: os.Environ(), Interactive: os.Getenv("CI") == "", Now: time.Now,
		Say: func(line string) { fmt.Println(line) },
	})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer host.Close()
	switch words[0] {
	case "who":
		here, _ := os.Getwd()
		fmt.Println(os.Getuid(), os.Getgid(), host.Owner.User, host.StateDir, here)
		fmt.Println(strings.Join(os.Environ(), "\n"))
		return 7
	case "sleep":
		fmt.Println("sleeping")
		time.Sleep(time.Minute)
		return 1
	}
	data, err := os.ReadFile(words[1])
	if err == nil {
		var certs []*x509.Certificate
		if certs, err = chain.ParseCertificates(data); err == nil {
			err = act(host.Stores[0], words[0], certs[0])
		}
	}
	switch {
	case err == nil:
		return 0
	case errors.Is(err, devcert.ErrNeedsAdmin):
		fmt.Println(err)
		return 4
	case errors.Is(err, devcert.ErrDeclined):
		fmt.Println(err)
		return 5
	}
	fmt.Println(err)
	return 1
}

func act(store devcert.Store, verb string, root *x509.Certificate) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := store.Ready(ctx); err != nil {
		return err
	}
	if verb == "trust" {
		return store.Deploy(ctx, devcert.Material{Root: root})
	}
	return store.Withdraw(ctx, root)
}

// machine skips the test unless the machine's own stores may be used. The
// scripts that say so have made a mount namespace for it.
func machine(t *testing.T) {
	t.Helper()
	if os.Getenv("DEVCERT_TEST_MACHINE") != "1" {
		t.Skip("changes the machine's stores: only with DEVCERT_TEST_MACHINE=1")
	}
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
}

func output(t *testing.T, want int, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		require.IsType(t, &exec.ExitError{}, err, string(out))
	}
	code := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	}
	require.Equal(t, want, code, string(out))
	return string(out)
}

func writeRoot(t *testing.T, dir string) (*x509.Certificate, string) {
	t.Helper()
	h, err := chain.New(chain.Options{Owner: "anna@birch", Key: chain.ECDSA, Now: time.Now()})
	require.NoError(t, err)
	path := filepath.Join(dir, "root.pem")
	require.NoError(t, os.WriteFile(path, chain.EncodeCertificates(h.Root), 0o644))
	return h.Root, path
}

// stores is a fingerprint of every file and link where trust is kept.
func stores(t *testing.T) map[string]string {
	t.Helper()
	all := make(map[string]string)
	for _, dir := range []string{"/etc/ssl", "/etc/pki", "/etc/ca-certificates", "/usr/local/share/ca-certificates"} {
		filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || filepath.Base(path) == "cacerts" {
				return nil // Java's store has dates in it
			}
			if to, err := os.Readlink(path); err == nil {
				all[path] = "-> " + to
				return nil
			}
			data, err := os.ReadFile(path)
			require.NoError(t, err)
			sum := sha256.Sum256(data)
			all[path] = hex.EncodeToString(sum[:])
			return nil
		})
	}
	return all
}

func javaHas(t *testing.T, root *x509.Certificate) bool {
	t.Helper()
	out, err := exec.Command("keytool", "-list", "-cacerts", "-storepass", "changeit", "-alias",
		"debian:devcert-"+chain.HierarchyID(root)+".pem").CombinedOutput()
	return err == nil && bytes.Contains(out, []byte("trustedCertEntry"))
}

func look(t *testing.T, root *x509.Certificate) devcert.Place {
	t.Helper()
	host, err := NewHost(devcert.HostOptions{Env: []string{"HOME=" + t.TempDir()}, Now: time.Now})
	require.NoError(t, err)
	places := host.Stores[0].Look(t.Context(), devcert.Material{Root: root})
	require.Len(t, places, 1)
	return places[0]
}

func TestMachineTrustCycleAsRoot(t *testing.T) {
	machine(t)
	root, path := writeRoot(t, t.TempDir())
	output(t, 0, "update-ca-certificates") // so that only our own change shows
	before := stores(t)
	require.Equal(t, devcert.Missing, look(t, root).State)

	output(t, 0, os.Args[0], "command", "trust", path)
	require.Equal(t, devcert.Trusted, look(t, root).State)
	output(t, 0, "openssl", "verify", "-CApath", "/etc/ssl/certs", "-no-CAfile", "-no-CAstore", path)
	output(t, 0, "openssl", "verify", "-CAfile", "/etc/ssl/certs/ca-certificates.crt", "-no-CApath", "-no-CAstore", path)
	_, java := exec.LookPath("keytool")
	if java == nil {
		require.True(t, javaHas(t, root))
	}

	output(t, 0, os.Args[0], "command", "distrust", path)
	require.Equal(t, devcert.Missing, look(t, root).State)
	require.Equal(t, before, stores(t), "byte for byte, and no link left over")
	if java == nil {
		require.False(t, javaHas(t, root), "Debian's hook would keep it")
	}
}

// The account is made for a test and removed after it; where one of that name
// exists, the test fails and leaves it alone.
const (
	annaName = "devcert-test"
	annaHome = "/home/" + annaName
)

// anna is a plain user with a copy of this program and a root to have trusted.
type anna struct {
	t                   *testing.T
	home, program, path string
	root                *x509.Certificate
}

func newAnna(t *testing.T, sudoers string) *anna {
	machine(t)
	if _, err := exec.LookPath("sudo"); err != nil {
		t.Skip("sudo is not installed")
	}
	output(t, 0, "useradd", "-m", "-s", "/bin/sh", annaName)
	t.Cleanup(func() { exec.Command("userdel", "-r", annaName).Run() })
	require.NoError(t, os.WriteFile("/etc/sudoers.d/"+annaName, []byte(sudoers), 0o440))
	t.Cleanup(func() { os.Remove("/etc/sudoers.d/" + annaName) })
	a := &anna{t: t, home: annaHome, program: annaHome + "/devcert"}
	data, err := os.ReadFile(os.Args[0])
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(a.program, data, 0o755))
	a.root, a.path = writeRoot(t, a.home)
	return a
}

// run runs a shell line in anna's login and expects an exit code.
func (a *anna) run(want int, line string) string {
	a.t.Helper()
	return output(a.t, want, "su", "-", annaName, "-c", "CI=true; export CI; "+line)
}

func TestMachinePlainUser(t *testing.T) {
	a := newAnna(t, "")
	before := stores(t)
	a.run(4, a.program+" command trust "+a.path)
	out := a.run(1, a.program+" privileged")
	require.Contains(t, out, "not started as root")
	a.run(1, "DEVCERT_PRIVILEGED_FD=3,4 "+a.program+" command trust "+a.path)
	a.run(1, "DEVCERT_PRIVILEGED_FD=3,4 "+a.program+" command trust "+a.path+" 3</dev/null 4>/dev/null")
	out = a.run(7, "SUDO_UID=0 SUDO_USER=root "+a.program+" command who")
	require.Contains(t, out, annaName+" "+annaHome+"/.local/share/devcert "+annaHome+"\n")
	require.Equal(t, before, stores(t))
}

func TestMachineSudoWithoutAsking(t *testing.T) {
	a := newAnna(t, annaName+" ALL=(root) NOPASSWD: ALL\n")
	a.run(0, a.program+" command trust "+a.path)
	require.Equal(t, devcert.Trusted, look(t, a.root).State)
	a.run(0, a.program+" command distrust "+a.path)
	require.Equal(t, devcert.Missing, look(t, a.root).State)
}

// Where only our own child needs no password, `sudo -n true` would have said no.
func TestMachineSudoForTheChildOnly(t *testing.T) {
	a := newAnna(t, annaName+" ALL=(root) NOPASSWD: "+annaHome+"/devcert privileged\n")
	a.run(0, a.program+" command trust "+a.path)
	a.run(0, a.program+" command distrust "+a.path)
	require.Equal(t, devcert.Missing, look(t, a.root).State)
}

func TestMachineUnderSudo(t *testing.T) {
	a := newAnna(t, annaName+" ALL=(root) NOPASSWD: SETENV: ALL\n")
	out := a.run(7, "cd /tmp && sudo -E HOME=/root XDG_DATA_HOME=/root LD_X=y DEVCERT_PRIVILEGED_FD=3,4 "+a.program+" command who")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	require.Regexp(t, `^\d+ \d+ `+annaName+" "+annaHome+`/.local/share/devcert /tmp$`, lines[0])
	require.False(t, strings.HasPrefix(lines[0], "0 "))
	for _, line := range lines[1:] {
		require.NotRegexp(t, `^(SUDO_|LD_|XDG_DATA_HOME)`, line)
	}
	require.Contains(t, lines, "HOME="+annaHome)

	a.run(0, "sudo "+a.program+" command trust "+a.path)
	require.Equal(t, devcert.Trusted, look(t, a.root).State)
	a.run(0, "sudo "+a.program+" command distrust "+a.path)
	require.Equal(t, devcert.Missing, look(t, a.root).State)

	require.NoError(t, os.Mkdir("/etc/closed", 0o700))
	defer os.Remove("/etc/closed")
	out = output(t, 7, "sh", "-c", "cd /etc/closed && SUDO_UID=$(id -u "+annaName+") SUDO_USER="+annaName+" exec "+a.program+" command who")
	require.Contains(t, out, annaName+" "+annaHome+"/.local/share/devcert "+annaHome+"\n", "where she may not be, she is at home")

	out = a.run(1, "sudo SUDO_USER=root sh -c 'SUDO_USER=root "+a.program+" command who'")
	require.Contains(t, out, "is "+annaName)
	require.NoError(t, os.Rename(a.home, annaHome+"-moved"))
	out = output(t, 1, "sh", "-c", "SUDO_UID=$(id -u "+annaName+") SUDO_USER="+annaName+" exec "+annaHome+"-moved/devcert command who")
	require.Contains(t, out, `no home folder at "`+annaHome+`"`)
	require.NoError(t, os.Rename(annaHome+"-moved", a.home))
}

func TestMachineSignalsUnderSudo(t *testing.T) {
	a := newAnna(t, annaName+" ALL=(root) NOPASSWD: ALL\n")
	cmd := exec.Command("sh", "-c", "SUDO_UID=$(id -u "+annaName+") SUDO_USER="+annaName+" exec "+a.program+" command sleep")
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	_, err = out.Read(make([]byte, 64))
	require.NoError(t, err)
	require.NoError(t, cmd.Process.Signal(os.Interrupt)) // the terminal's business
	time.Sleep(100 * time.Millisecond)
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	cmd.Wait()
	require.Equal(t, 128+15, cmd.ProcessState.ExitCode())
	require.NotContains(t, output(t, 0, "ps", "-eo", "args"), a.program)
}

// A person at a terminal is told why, then asked by sudo itself.
func TestMachineSudoAsks(t *testing.T) {
	a := newAnna(t, annaName+" ALL=(root) ALL\n")
	cmd := exec.Command("chpasswd")
	cmd.Stdin = strings.NewReader(annaName + ":right\n")
	require.NoError(t, cmd.Run())
	for _, row := range []struct {
		name, typed string
		want        int
		state       devcert.PlaceState
	}{
		{"the right password", "right\n", 0, devcert.Trusted},
		{"a wrong one", "wrong\nwrong\nwrong\n", 5, devcert.Missing},
		{"Ctrl-D", "\x04", 5, devcert.Missing},
		{"Ctrl-C", "\x03", 5, devcert.Missing},
	} {
		t.Run(row.name, func(t *testing.T) {
			defer output(t, 0, os.Args[0], "command", "distrust", a.path)
			a.run(0, "sudo -K") // forget the password of the row before
			line := "exec setpriv --reuid " + annaName + " --regid " + annaName + " --init-groups env -i HOME=" + annaHome + " " +
				a.program + " command trust " + a.path
			cmd := exec.Command("script", "-qec", line, "/dev/null")
			keys, err := cmd.StdinPipe()
			require.NoError(t, err)
			var seen bytes.Buffer
			cmd.Stdout, cmd.Stderr = &seen, &seen
			require.NoError(t, cmd.Start())
			for _, key := range strings.SplitAfter(row.typed, "\n") {
				time.Sleep(3 * time.Second) // sudo discards what is typed before it asks
				keys.Write([]byte(key))
			}
			cmd.Wait()
			require.Equal(t, row.want, cmd.ProcessState.ExitCode(), seen.String())
			require.Contains(t, seen.String(), "sudo may ask for your password")
			require.Equal(t, row.state, look(t, a.root).State)
		})
	}
}

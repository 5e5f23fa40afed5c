package systemtest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"devcert/scripts/systemtest/stop"
)

// systemPath is the PATH of everything that the tests start: that of a fresh
// login, without what the person who runs the tests has added.
const systemPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// suite is what all tests share. It is made once, before the first.
var suite struct {
	dir            string // in memory, everyone may enter it
	devcert, clock string // the program, and the one whose clock can be set
	goClient       string
	goTool         string
	python         string // the interpreter that PATH leads to, "" for none
	checkout       string // the source's folder
	modules, cache string // Go's caches
}

func TestMain(m *testing.M) {
	stop.Main()
	if os.Getenv("DEVCERT_TEST_MACHINE") != "1" || os.Geteuid() != 0 {
		os.Exit(m.Run()) // every test skips
	}
	code, err := withSuite(m.Run)
	if err != nil {
		fmt.Fprintln(os.Stderr, "systemtest:", err)
		code = 1
	}
	os.Exit(code)
}

func withSuite(run func() int) (code int, err error) {
	dir, err := os.MkdirTemp("", "systemtest-")
	if err != nil {
		return 0, err
	}
	defer os.Remove(dir)
	if err := unix.Mount("systemtest", dir, "tmpfs", 0, "mode=0755"); err != nil {
		return 0, fmt.Errorf("mount %s: %w", dir, err)
	}
	defer unix.Unmount(dir, unix.MNT_DETACH)
	suite.dir = dir
	if err := build(); err != nil {
		return 0, err
	}
	if err := os.Setenv("PATH", systemPath); err != nil {
		return 0, err
	}
	return run(), nil
}

// build makes the programs and finds what only the person's own PATH has.
func build() error {
	bin := filepath.Join(suite.dir, "bin")
	suite.devcert, suite.clock = filepath.Join(bin, "devcert"), filepath.Join(bin, "clock")
	suite.goClient = filepath.Join(bin, "goclient")
	var err error
	if suite.goTool, err = exec.LookPath("go"); err != nil {
		return err
	}
	if suite.python, err = output("python3", "-c", "import sys; print(sys.executable)"); err != nil {
		suite.python = ""
	}
	gomod, err := output(suite.goTool, "env", "GOMOD")
	if err != nil {
		return err
	}
	suite.checkout = filepath.Dir(gomod)
	caches, err := output(suite.goTool, "env", "GOMODCACHE", "GOCACHE")
	if err != nil {
		return err
	}
	suite.modules, suite.cache, _ = strings.Cut(caches, "\n")
	if err := os.Mkdir(bin, 0o755); err != nil {
		return err
	}
	_, err = output(suite.goTool, "build", "-o", bin+"/", "devcert",
		"devcert/scripts/systemtest/clock", "devcert/scripts/systemtest/goclient")
	return err
}

// output is what a command prints, without the line's end.
func output(name string, args ...string) (string, error) {
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out)), nil
}

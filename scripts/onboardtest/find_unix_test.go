//go:build unix

package onboardtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestWhichDevcert has where it is looked for, the first that counts before what
// would count too.
func TestWhichDevcert(t *testing.T) {
	for _, row := range []struct {
		name string
		env  []string // below HOME and DIR
		have []string
		want string
	}{
		{"DEVCERT", []string{"DEVCERT=DIR/mine"}, []string{"DIR/mine", "HOME/go/bin/devcert"}, "DIR/mine"},
		{"DEVCERT, relative", []string{"DEVCERT=./mine"}, []string{"DIR/mine"}, "DIR/mine"},
		{"DEVCERT, below", []string{"DEVCERT=a b/mine"}, []string{"DIR/a b/mine"}, "DIR/a b/mine"},
		{"PATH", []string{"PATH=HOME/none:HOME/bin:HOME/too:" + toolPath}, []string{"HOME/bin/devcert", "HOME/too/devcert"}, "HOME/bin/devcert"},
		{"PATH before GOBIN", []string{"PATH=HOME/bin:" + toolPath, "GOBIN=HOME/gobin"}, []string{"HOME/bin/devcert", "HOME/gobin/devcert"}, "HOME/bin/devcert"},
		{"GOBIN", []string{"GOBIN=HOME/gobin", "GOPATH=HOME/gopath"}, []string{"HOME/gobin/devcert", "HOME/gopath/bin/devcert"}, "HOME/gobin/devcert"},
		{"GOPATH", []string{"GOPATH=HOME/gopath:HOME/other"}, []string{"HOME/gopath/bin/devcert", "HOME/go/bin/devcert"}, "HOME/gopath/bin/devcert"},
		{"the usual GOPATH", nil, []string{"HOME/go/bin/devcert"}, "HOME/go/bin/devcert"},
		{"where a download is kept", nil, []string{"HOME/.local/bin/devcert"}, "HOME/.local/bin/devcert"},
		{"no PATH at all", []string{"PATH="}, []string{"HOME/go/bin/devcert"}, "HOME/go/bin/devcert"},
	} {
		t.Run(row.name, func(t *testing.T) {
			p := newPlace(t)
			for _, path := range row.have {
				p.program(p.expand(path), "#!/bin/sh\n")
			}
			p = p.alone()
			var env []string
			for _, pair := range row.env {
				env = append(env, p.expand(pair))
			}
			for _, shell := range shells(t) {
				p.shell = shell
				r := p.with(env...).which()
				require.Equal(t, result{0, p.expand(row.want) + "\n", ""}, r, "%s", shell)
			}
		})
	}
}

func (p *place) expand(text string) string {
	return os.Expand(replaceWords(text), func(name string) string {
		return map[string]string{"HOME": p.home, "DIR": p.dir}[name]
	})
}

var homeOrDir = regexp.MustCompile(`\b(HOME|DIR)/`)

// replaceWords turns HOME/ and DIR/ into what os.Expand knows.
func replaceWords(text string) string {
	return homeOrDir.ReplaceAllString(text, "$${$1}/")
}

// alone has a copy of the script in a folder that is no checkout of devcert's.
func (p *place) alone() *place {
	p.t.Helper()
	text, err := os.ReadFile(script(p.t))
	require.NoError(p.t, err)
	p.program(p.copied(), string(text))
	return p
}

func (p *place) copied() string { return filepath.Join(p.home, "copied", "onboard.sh") }

func (p *place) which() result {
	p.t.Helper()
	return p.run(append(append([]string{}, p.shell...), p.copied(), "--which")...)
}

func TestBesideTheScript(t *testing.T) {
	p := newPlace(t).alone()
	p.program(filepath.Join(p.home, "bin/devcert"), "#!/bin/sh\n")
	beside := p.program(filepath.Join(p.home, "copied/devcert"), "#!/bin/sh\n")
	p = p.with("PATH=" + p.home + "/bin:" + toolPath)
	require.Equal(t, result{0, beside + "\n", ""}, p.which())

	links := filepath.Join(p.dir, "links")
	require.NoError(t, os.Mkdir(links, 0o755))
	require.NoError(t, os.Symlink("../../a home/copied/onboard.sh", filepath.Join(links, "first")))
	require.NoError(t, os.Symlink("first", filepath.Join(links, "second")))
	require.Equal(t, result{0, beside + "\n", ""}, p.run(filepath.Join(links, "second"), "--which"))
}

// TestTheCurrentFolderIsNotAsked has programs there that leave a mark, and a PATH
// that leads to them in every way that depends on the folder.
func TestTheCurrentFolderIsNotAsked(t *testing.T) {
	for _, path := range []string{".:" + toolPath, ":" + toolPath, toolPath + ":", "./:" + toolPath, toolPath + "::/nowhere", "a:..:" + toolPath, "."} {
		p := newPlace(t).alone()
		for _, name := range []string{"devcert", "sh", "mktemp", "id", "cat", "rm", "tr", "dirname", "go", "env", "a/devcert", "../devcert"} {
			p.program(name, "#!/bin/sh\n: >'"+p.home+"/mark'\n")
		}
		right := p.program(filepath.Join(p.home, "go/bin/devcert"), "#!/bin/sh\n")
		r := p.with("PATH=" + path).which()
		require.Equal(t, result{0, right + "\n", ""}, r, path)
		require.NoFileExists(t, p.home+"/mark", path)
	}
}

// TestWhatIsNoProgramIsPassedBy: a folder or a file that cannot be executed.
func TestWhatIsNoProgramIsPassedBy(t *testing.T) {
	p := newPlace(t).alone()
	require.NoError(t, os.MkdirAll(filepath.Join(p.home, "folder", "devcert"), 0o755))
	file := p.program(filepath.Join(p.home, "file/devcert"), "text")
	require.NoError(t, os.Chmod(file, 0o644))
	right := p.program(filepath.Join(p.home, "go/bin/devcert"), "#!/bin/sh\n")
	p = p.with("PATH=" + p.home + "/folder:" + p.home + "/file:" + toolPath)
	require.Equal(t, result{0, right + "\n", ""}, p.which())

	for _, path := range []string{"nothing", filepath.Dir(file), file} {
		r := p.with("DEVCERT=" + path).which()
		require.Equal(t, result{1, "", "onboard: DEVCERT=" + path + " names no program\n"}, r)
	}
}

func TestNoDevcertAnywhere(t *testing.T) {
	for _, path := range []string{"/usr/local/bin/devcert", "/usr/bin/devcert"} {
		if _, err := exec.LookPath(path); err == nil {
			t.Skip("a devcert is installed on this machine")
		}
	}
	p := newPlace(t).alone()
	r := p.which()
	require.Equal(t, 1, r.code)
	require.Empty(t, r.stdout)
	require.Regexp(t, `\Aonboard: no devcert found: .*DEVCERT_URL.*\n\z`, r.stderr)
}

// TestGoEnvKnows is a GOBIN that go env -w has set.
func TestGoEnvKnows(t *testing.T) {
	p := newPlace(t).alone()
	tool, err := exec.LookPath("go")
	if err != nil {
		t.Skip("there is no Go to ask")
	}
	p.program(filepath.Join(p.home, "goenv"), "GOBIN="+p.home+"/kept\n")
	right := p.program(filepath.Join(p.home, "kept/devcert"), "#!/bin/sh\n")
	p = p.with("PATH="+toolPath+":"+filepath.Dir(tool), "GOENV="+p.home+"/goenv")
	require.Equal(t, result{0, right + "\n", ""}, p.which())
}

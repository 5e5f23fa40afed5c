package systemtest

import (
	"encoding/hex"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/stretchr/testify/require"
)

// call is one system call of devcert or of what it starts, as strace prints it.
type call struct {
	name    string
	paths   []string // of descriptors and of folders, as -y names them
	strings []string // its arguments that are text or bytes
	flags   string   // the line without its strings
}

// traced runs devcert, or a line that starts it, and lists the calls by which it
// and its children write, open files and start programs. With a user's name the
// line is that user's; sudo works below it.
func (m *machine) traced(line ...string) (result, []call) {
	m.t.Helper()
	trace := filepath.Join(m.t.TempDir(), "trace")
	const which = "write,pwrite64,writev,pwritev,sendto,sendmsg,execve,open,openat,creat,mkdir,mkdirat," +
		"chmod,fchmod,fchmodat,?fchmodat2,copy_file_range,sendfile,splice,link,linkat,symlink,symlinkat,memfd_create"
	args := []string{"-f", "-y", "-v", "-qq", "-xx", "-s", "1000000", "-e", "trace=" + which, "-e", "signal=none", "-o", trace}
	tracer := *m
	if m.user.id == 0 {
		args = append(args, "--seccomp-bpf") // quick, and keeps sudo from its rights
	} else {
		args, tracer.user = append(args, "-u", m.user.name), root
		tracer = *tracer.with("HOME="+m.home(), "USER="+m.user.name, "LOGNAME="+m.user.name)
		tracer.dir = m.home()
	}
	r := tracer.run("strace", append(args, line...)...)
	require.FileExists(m.t, trace, "%s", r)
	var calls []call
	for line := range strings.Lines(m.read(trace)) {
		if c := parseCall(line); c.name != "" {
			calls = append(calls, c)
		}
	}
	require.NotEmpty(m.t, calls, "%s", r)
	return r, calls
}

var (
	callName = regexp.MustCompile(`^(?:\d+ +)?([a-z_0-9]+)\(`)
	hexText  = regexp.MustCompile(`"((?:\\x[0-9a-f]{2})*)"`)
	hexPath  = regexp.MustCompile(`<((?:\\x[0-9a-f]{2})+)>`)
)

func parseCall(line string) call {
	name := callName.FindStringSubmatch(line)
	if name == nil {
		return call{}
	}
	c := call{name: name[1], flags: hexText.ReplaceAllString(line, `""`)}
	for _, m := range hexText.FindAllStringSubmatch(line, -1) {
		c.strings = append(c.strings, unhex(m[1]))
	}
	for _, m := range hexPath.FindAllStringSubmatch(line, -1) {
		c.paths = append(c.paths, unhex(m[1]))
	}
	return c
}

func unhex(text string) string {
	raw, err := hex.DecodeString(strings.ReplaceAll(text, `\x`, ""))
	if err != nil {
		panic(err) // the expressions above take nothing else
	}
	return string(raw)
}

// file is the path of an opened file, or what else a descriptor is.
func (c call) file() string {
	if len(c.paths) == 0 {
		return ""
	}
	return c.paths[0]
}

var modeArgument = regexp.MustCompile(`, (0[0-7]*)\)? +(?:=|<unf)`)

// mode is that with which the call makes a file or folder, or that it gives one.
func (c call) mode() (int64, bool) {
	m := modeArgument.FindStringSubmatch(c.flags)
	if m == nil {
		return 0, false
	}
	mode, err := strconv.ParseInt(m[1], 8, 32)
	return mode, err == nil
}

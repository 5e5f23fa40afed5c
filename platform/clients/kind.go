package clients

import (
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"devcert/devcert"
	"devcert/platform/run"
)

// kind is a sort of client.
type kind struct {
	// name is what its clients are called, or how their names begin, before a blank
	// or colon.
	name string
	// find looks for clients, of this kind or of others as well; nil where another
	// kind's finds them. It is fast and starts nothing.
	find func(s *searcher) []devcert.Client
	// unasked is why clients of the kind are only found; "" where they are asked.
	unasked string
	// version are the arguments with which a client says its version; nil where it
	// is not asked for that.
	version []string
	// prepare puts into the client's folder what it must find there before it is
	// run at all; nil for nothing.
	prepare func(q *question) error
	// ask says how a client is made to open the question's page. It must be made
	// to end with a failure where it does not trust the server; it is run in the
	// question's folder.
	ask func(q *question) (call, error)
	// serves says that it is a server: it writes to portFile where it listens, and
	// is asked by coming to it.
	serves bool
	// mute says that its exit code does not tell whether it got the page, and
	// that what it says is of other things: a browser ends well with an error
	// page. What the server saw is then all there is.
	mute bool
	// last says that the reason of a failure is the last line of what it says, and
	// not the first.
	last bool
}

// called is how a client is run, after all that it needs was prepared.
func (k kind) called(q *question) (call, error) {
	if err := k.prepared(q); err != nil {
		return call{}, err
	}
	return k.ask(q)
}

func (k kind) prepared(q *question) error {
	if k.prepare == nil {
		return nil
	}
	return k.prepare(q)
}

// call is how a client is run, beyond its path and what every client gets.
type call struct {
	args  []string
	env   []string // more variables, NAME=value; they win
	stdin string
}

// question is one page that one client is asked to open.
type question struct {
	client devcert.Client
	name   string // of the server
	port   int    // where it listens, on 127.0.0.1; it is an HTTP proxy as well
	path   string // of the page, with a slash in front; none where the client serves
	direct bool   // name leads to this machine by itself
	dir    string // the client's own folder, which is its HOME
	user   *searcher
}

// url is the page.
func (q *question) url() string { return "https://" + q.authority() + q.path }

// authority is the server by its name, HOST:PORT.
func (q *question) authority() string { return net.JoinHostPort(q.name, strconv.Itoa(q.port)) }

// address is the server by its address, HOST:PORT.
func (q *question) address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(q.port)) }

// proxy leads a client to the server that resolves names otherwise; "" when the
// name needs none. It refuses to lead anywhere else.
func (q *question) proxy() string {
	if q.direct {
		return ""
	}
	return "http://" + q.address()
}

// write puts a file into the client's folder and returns its path.
func (q *question) write(name string, data []byte) (string, error) {
	path := filepath.Join(q.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", fmt.Errorf("prepare what a client reads: %w", err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		return "", fmt.Errorf("prepare what a client reads: %w", err)
	}
	return path, nil
}

// maxCopy is the largest file that is copied for a client; the databases of
// browsers have some hundred KiB.
const maxCopy = 64 << 20

// copy copies files from the user's home to the same place of the client's. Those
// that are not there are left out. A name may be a pattern.
func (q *question) copy(names ...string) error {
	for _, name := range names {
		found, err := filepath.Glob(filepath.Join(q.user.home, name))
		if err != nil {
			return fmt.Errorf("copy what a client reads: %w", err)
		}
		for _, path := range found {
			to := filepath.Join(filepath.Dir(name), filepath.Base(path))
			if err := q.copyFile(path, to); err != nil {
				return err
			}
		}
	}
	return nil
}

// copyFile copies one file, also through a link, to a name in the client's folder.
func (q *question) copyFile(from, name string) error {
	file, err := os.Open(from)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("copy what a client reads: %w", err)
	}
	defer func() { _ = file.Close() }()
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		return err // a folder or device of that name is no setting
	}
	data, err := io.ReadAll(io.LimitReader(file, maxCopy+1))
	if err == nil && len(data) > maxCopy {
		err = fmt.Errorf("%s: more than %d bytes", from, maxCopy)
	}
	if err != nil {
		return fmt.Errorf("copy what a client reads: %w", err)
	}
	_, err = q.write(name, data)
	return err
}

// command is the call as a process.
func (q *question) command(c call) run.Command {
	return run.Command{
		Path: q.client.Path, Args: c.args, Dir: q.dir,
		Env: merge(environment(q.user.env, q.user.home, q.dir), c.env), Stdin: strings.NewReader(c.stdin),
	}
}

// escaped is text for a place in a URL's path.
func escaped(text string) string { return url.PathEscape(strings.ReplaceAll(text, "/", "-")) }

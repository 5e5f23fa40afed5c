package nss

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"devcert/devcert/lazy"
	"devcert/platform/run"
)

// home is a folder in which browsers keep one NSS database. There may be two, as
// Chromium moved it: the old place is used while its folder exists, even empty,
// and the new one otherwise, since version 146.
type home struct {
	old, new string
	// private says that it is of a snap or Flatpak application, and that
	// the programs of the system do not read it.
	private bool
}

// databases are the folders of all databases of the home.
func (h home) databases() []string {
	var all []string
	for _, dir := range []string{h.old, h.new} {
		if exists(filepath.Join(dir, certFile)) {
			all = append(all, dir)
		}
	}
	return all
}

// next is the folder which a browser of the home uses, or makes when it starts. A
// confined one without a database gets the old one, which every version reads.
func (h home) next() string {
	if info, err := os.Stat(h.old); err == nil && info.IsDir() {
		return h.old
	}
	if h.private && !exists(filepath.Join(h.new, certFile)) {
		return h.old
	}
	return h.new
}

// homes are the user's own and those of the confined browsers that have run.
func homes(env []string) []home {
	user := lookup(env, "HOME")
	if !filepath.IsAbs(user) {
		return nil
	}
	data := lookup(env, "XDG_DATA_HOME")
	if !filepath.IsAbs(data) {
		data = filepath.Join(user, ".local", "share")
	}
	all := []home{{old: filepath.Join(user, ".pki", "nssdb"), new: filepath.Join(data, "pki", "nssdb")}}
	for _, k := range kinds {
		for _, name := range k.snaps {
			all = appendConfined(all, filepath.Join(user, "snap", name, "current"), ".local/share")
		}
		for _, id := range k.flatpaks {
			all = appendConfined(all, filepath.Join(user, ".var", "app", id), "data")
		}
	}
	return all
}

func appendConfined(all []home, dir, data string) []home {
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return all
	}
	return append(all, home{
		old: filepath.Join(dir, ".pki", "nssdb"), new: filepath.Join(dir, data, "pki", "nssdb"), private: true,
	})
}

// moved is the first version that makes its database in the new place.
const moved = 146

var version = lazy.Regexp(`\b(\d{1,4})\.\d+\.\d+\.\d+\b`)

// place decides where to make a database that all browsers of the home will
// read. The old place is read by every version; only where each is known to look
// into the new one is that used, as they would themselves.
func (h home) place(ctx context.Context, root string) string {
	if h.next() == h.old {
		return h.old
	}
	known := false
	for _, k := range kinds {
		program := k.inSystem(root)
		if program == "" {
			continue
		}
		if major(ctx, program) < moved {
			return h.old
		}
		known = true
	}
	if !known {
		return h.old
	}
	return h.new
}

// major is the first number of a browser's version, 0 where it does not tell.
func major(ctx context.Context, program string) int {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	// It gets no home: Debian's script tidies up there first.
	out, err := run.Command{Path: program, Args: []string{"--version"}, Env: append(run.Environment(), "HOME=/nonexistent")}.Run(ctx)
	if err != nil {
		return 0
	}
	m := version().FindSubmatch(out)
	if m == nil {
		return 0
	}
	n, err := strconv.Atoi(string(m[1]))
	if err != nil {
		return 0
	}
	return n
}

// lookup returns the value of name in env. An empty variable counts as none.
func lookup(env []string, name string) string {
	for _, pair := range env {
		if have, value, _ := strings.Cut(pair, "="); have == name {
			return value
		}
	}
	return ""
}

package platform

import (
	"errors"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strings"

	"devcert/devcert"
	"devcert/platform/elevate"
	"devcert/platform/front"
	"devcert/platform/notify"
	"devcert/platform/run"
	"devcert/platform/securefile"
	"devcert/platform/teamfile"
	"devcert/platform/watch"
)

// NewHost makes the host of this machine. It starts nothing and writes nothing.
func NewHost(o devcert.HostOptions) (*devcert.Host, error) {
	stateDir := o.StateDir
	if stateDir == "" {
		var err error
		if stateDir, err = defaultStateDir(func(name string) string { return lookup(o.Env, name) }); err != nil {
			return nil, err
		}
	}
	if !filepath.IsAbs(stateDir) {
		return nil, errors.New("the state folder " + stateDir + " is not an absolute path")
	}
	// A link there is the owner's way of keeping the folder elsewhere, and stays
	// theirs; inside the folder none is followed.
	link := ""
	if info, err := os.Lstat(stateDir); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		link = stateDir
	}
	if real, err := filepath.EvalSymlinks(stateDir); err == nil {
		stateDir = real
	}
	self, err := findSelf(os.Args[0])
	if err != nil {
		return nil, err
	}
	files := securefile.Files{}
	host := &devcert.Host{
		Owner:     elevate.Owner(),
		StateDir:  filepath.Clean(stateDir),
		Files:     files,
		Link:      link,
		Binder:    front.New(stateDir, files),
		Self:      self,
		Transient: transient(self),
		Elsewhere: elsewhere(stateDir),
		Close:     func() {},
	}
	if err := equip(host, o); err != nil {
		return nil, err
	}
	host.List = front.List
	host.Team = teamfile.Files{Home: home(o.Env), Sudo: elevate.UnderSudo(o.Env)}
	host.Watch, host.Teller = watch.New, &notify.Teller{Env: o.Env}
	host.Server = &front.Server{StateDir: host.StateDir, Files: files, Binder: host.Binder}
	return host, nil
}

// elsewhere says whether another process of the same owner, sudo's above all,
// would look for the state folder in another place: one that only a flag or
// variable of this process led to.
func elsewhere(stateDir string) bool {
	me, err := user.Current()
	if err != nil {
		return true
	}
	usual, err := defaultStateDir(func(name string) string {
		return map[string]string{"HOME": me.HomeDir, "LOCALAPPDATA": os.Getenv("LOCALAPPDATA")}[name]
	})
	if err != nil {
		return true
	}
	if real, err := filepath.EvalSymlinks(usual); err == nil {
		usual = real
	}
	return stateDir != usual
}

// home is the user's folder; "" where the environment does not say.
func home(env []string) string {
	if dir := lookup(env, "HOME"); dir != "" {
		return dir
	}
	return lookup(env, "USERPROFILE") // Windows
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

// findSelf returns the absolute path by which this program was called, which a
// person knows and which may be a link that outlives an update; the path of the
// image when that name leads elsewhere by now.
func findSelf(called string) (string, error) {
	image, err := os.Executable()
	if err != nil {
		return "", err
	}
	path, err := run.Called(called)
	if err != nil || !sameFile(path, image) {
		return image, nil
	}
	return path, nil
}

func sameFile(a, b string) bool {
	one, err := os.Stat(a)
	if err != nil {
		return false
	}
	other, err := os.Stat(b)
	return err == nil && os.SameFile(one, other)
}

// transient says whether path is `go run`'s: below a folder go-buildNNN for
// temporary files, or in the build cache since Go 1.24.
func transient(path string) bool {
	for _, name := range strings.Split(filepath.ToSlash(filepath.Dir(path)), "/") {
		if strings.HasPrefix(name, "go-build") {
			return true
		}
	}
	return false
}

//go:build linux || darwin

package elevate

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// RefuseOthersHome returns an error when we are root and dir is in the home of
// another account, where su or sudo can have left HOME: files of root's there
// would lock that user out of them. Nobody has said whose files are meant, as
// sudo does by SUDO_UID, so nobody's are written. A folder whose owner the
// machine does not know, as containers mount them, is nobody's home.
func RefuseOthersHome(dir string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	return othersHome(dir, ownerOf, system())
}

// othersHome looks at the folder and all above it: one of root's own there can
// be what an earlier accident made.
func othersHome(dir string, owner func(path string) (uid string, ok bool), db database) error {
	for path := dir; path != "/"; path = filepath.Dir(path) {
		uid, ok := owner(path)
		if !ok || uid == "0" {
			continue
		}
		who, err := db.byUID(uid)
		if err == nil && who.Uid != "0" && filepath.IsAbs(who.HomeDir) && strings.HasPrefix(path+"/", filepath.Clean(who.HomeDir)+"/") {
			return &homeError{dir, who.Username}
		}
	}
	return nil
}

func ownerOf(path string) (uid string, ok bool) {
	var stat syscall.Stat_t
	if syscall.Stat(path, &stat) != nil {
		return "", false
	}
	return strconv.FormatUint(uint64(stat.Uid), 10), true
}

type homeError struct{ dir, user string }

func (e *homeError) Error() string {
	return fmt.Sprintf("the state folder %s is in the home of %s, and this is root", e.dir, e.user)
}

// Remedy says what a person can do.
func (e *homeError) Remedy() string {
	return fmt.Sprintf("run devcert as %s, or with root's own HOME, as a login of root's has it", e.user)
}

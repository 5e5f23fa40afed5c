package firefox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// unfit says why devcert leaves a folder alone that a list of profiles names; nil
// where it is a profile of this user's. A profile may lie anywhere and be a link, as
// people do who keep theirs in memory. But a list can name any folder: one of
// another user's is theirs, and one where Firefox has never been gets no database.
func (p found) unfit() *problem {
	info, err := os.Stat(p.Path)
	if err == nil {
		stat, ok := info.Sys().(*syscall.Stat_t)
		switch {
		case !ok || int(stat.Uid) != os.Geteuid():
			err = fmt.Errorf("it belongs to another user, number %d", stat.Uid)
		case !p.below() && !isUsed(p.Path):
			err = errors.New("it is outside of that folder, and nothing of Firefox's is in it")
		}
	}
	if err == nil {
		return nil
	}
	list := filepath.Join(p.base, "profiles.ini")
	return &problem{
		"use " + p.Path + ", which " + list + " names as a Firefox profile", err,
		"see in " + list + " whether " + p.Path + " is meant, and take it out if not" + again,
	}
}

// below says whether the profile is in the folder that has the list, without
// regard to links.
func (p found) below() bool { return strings.HasPrefix(p.Path, filepath.Clean(p.base)+"/") }

// isUsed says whether Firefox has been in a folder: it writes times.json when it
// makes a profile, and the others when it starts with it.
func isUsed(dir string) bool {
	for _, name := range []string{"times.json", "compatibility.ini", "prefs.js", "cert9.db"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return true
		}
	}
	return false
}

//go:build linux || darwin

package elevate

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"strings"
	"syscall"
	"time"

	"devcert/platform/run"
)

// account is a user as the account database has them.
type account struct {
	name, home string
	credential syscall.Credential
}

// database looks accounts up; tests bring their own.
type database struct {
	byUID  func(uid string) (*user.User, error)
	groups func(*user.User) ([]string, error)
}

// invoker returns the account that called sudo, nil when it was not sudo or
// when root called it. sudo sets SUDO_UID and SUDO_USER; that both name the same
// existing account keeps a stray variable from choosing whose files are written.
func invoker(env []string, db database) (*account, error) {
	uid := lookup(env, "SUDO_UID")
	if uid == "" || uid == "0" {
		return nil, nil
	}
	who, err := db.byUID(uid)
	if err != nil {
		return nil, fmt.Errorf("act as the user who called sudo: SUDO_UID=%s: %w", uid, err)
	}
	if name := lookup(env, "SUDO_USER"); name != who.Username {
		return nil, fmt.Errorf("act as the user who called sudo: SUDO_USER=%s, but SUDO_UID=%s is %s", name, uid, who.Username)
	}
	if info, err := os.Stat(who.HomeDir); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("act as %s, who called sudo: no home folder at %q", who.Username, who.HomeDir)
	}
	return db.account(who)
}

func (db database) account(who *user.User) (*account, error) {
	ids := []string{who.Uid, who.Gid}
	groups, err := db.groups(who)
	if err != nil {
		return nil, fmt.Errorf("act as %s: find the groups: %w", who.Username, err)
	}
	numbers := make([]uint32, 0, len(ids)+len(groups))
	for _, id := range append(ids, groups...) {
		n, err := strconv.ParseUint(id, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("act as %s: id %q: %w", who.Username, id, err)
		}
		numbers = append(numbers, uint32(n))
	}
	if numbers[0] == 0 {
		return nil, errors.New("act as the user who called sudo: that is root")
	}
	held := numbers[2:]
	return &account{name: who.Username, home: who.HomeDir, credential: syscall.Credential{
		Uid: numbers[0], Gid: numbers[1], Groups: held[:min(len(held), maxGroups)],
	}}, nil
}

// system is the machine's own database. On Linux a binary built without cgo reads
// /etc/passwd only; accounts of a directory service are then asked of getent.
func system() database {
	return database{
		byUID: func(uid string) (*user.User, error) {
			if who, err := user.LookupId(uid); err == nil {
				return who, nil
			}
			return getent(uid)
		},
		groups: func(who *user.User) ([]string, error) {
			groups, err := who.GroupIds()
			if err != nil {
				groups = []string{who.Gid} // a directory's account: its own group suffices
			}
			return groups, nil
		},
	}
}

func getent(uid string) (*user.User, error) {
	if _, err := strconv.ParseUint(uid, 10, 32); err != nil {
		return nil, user.UnknownUserError(uid)
	}
	path, err := run.Finder{}.Find("getent")
	if err != nil {
		return nil, user.UnknownUserError(uid)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	line, err := run.Command{Path: path, Args: []string{"passwd", uid}}.Run(ctx)
	if err != nil {
		return nil, err
	}
	return parseAccount(string(line), uid)
}

// parseAccount reads a line of passwd(5).
func parseAccount(line, uid string) (*user.User, error) {
	fields := strings.Split(strings.TrimSpace(line), ":")
	if len(fields) != 7 || fields[2] != uid {
		return nil, user.UnknownUserError(uid)
	}
	return &user.User{Username: fields[0], Uid: fields[2], Gid: fields[3], HomeDir: fields[5]}, nil
}

// lookup returns the value of name in env, "" when it is not there.
func lookup(env []string, name string) string {
	for _, pair := range env {
		if have, value, _ := strings.Cut(pair, "="); have == name {
			return value
		}
	}
	return ""
}

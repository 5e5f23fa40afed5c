//go:build unix

package elevate

import (
	"os"
	"os/user"
	"strconv"
)

// whoami returns the login name and the id of this process's user.
func whoami() (name, id string) {
	if me, err := user.Current(); err == nil {
		return me.Username, me.Uid
	}
	id = strconv.Itoa(os.Getuid())
	return "uid-" + id, id // an account without an entry, as in containers
}

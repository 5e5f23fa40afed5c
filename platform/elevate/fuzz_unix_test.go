//go:build linux || darwin

package elevate

import (
	"os/user"
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/scripts/fuzzlimit"
)

// FuzzAccount reads what getent says: never another account than was asked for, and
// never root's.
func FuzzAccount(f *testing.F) {
	f.Add("anna:x:1000:1000:Anna:/home/anna:/bin/sh\n", "1000", "27")
	f.Add("root:x:0:0::/root:/bin/sh", "0", "0")
	f.Add("a:b:1:2:3:4:5:6", "1", "-1")
	fuzzlimit.Fuzz(f, func(t *testing.T, line, uid, group string) {
		who, err := parseAccount(line, uid)
		if err != nil {
			require.Nil(t, who)
			return
		}
		require.Equal(t, uid, who.Uid)
		db := database{groups: func(*user.User) ([]string, error) { return []string{group}, nil }}
		if a, err := db.account(who); err == nil {
			require.NotZero(t, a.credential.Uid)
		}
	})
}

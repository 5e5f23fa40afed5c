package elevate

import (
	"errors"
	"os"
	"os/user"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func accounts(home string) database {
	return database{
		byUID: func(uid string) (*user.User, error) {
			switch uid {
			case "1000":
				return &user.User{Username: "anna", Uid: "1000", Gid: "1000", HomeDir: home}, nil
			case "1001":
				return &user.User{Username: "lost", Uid: "1001", Gid: "1001", HomeDir: home + "/nothing"}, nil
			case "1002": // another spelling of root
				return &user.User{Username: "toor", Uid: "0", Gid: "0", HomeDir: home}, nil
			}
			return nil, user.UnknownUserError(uid)
		},
		groups: func(*user.User) ([]string, error) { return []string{"1000", "27"}, nil },
	}
}

func TestInvoker(t *testing.T) {
	home := t.TempDir()
	for _, row := range []struct {
		name, uid, user string
		want, refused   string
	}{
		{"no sudo", "", "", "", ""},
		{"root called sudo", "0", "root", "", ""},
		{"anna called sudo", "1000", "anna", "anna", ""},
		{"the variables disagree", "1000", "bob", "", "SUDO_UID=1000 is anna"},
		{"only half of them", "1000", "", "", "SUDO_UID=1000 is anna"},
		{"no such account", "4242", "anna", "", "unknown user"},
		{"not a number", "1000x", "anna", "", "unknown user"},
		{"negative", "-1", "anna", "", "unknown user"},
		{"no home", "1001", "lost", "", "no home folder"},
		{"root by another name", "1002", "toor", "", "that is root"},
	} {
		t.Run(row.name, func(t *testing.T) {
			env := []string{"SUDO_UID=" + row.uid, "SUDO_USER=" + row.user}
			who, err := invoker(env, accounts(home))
			if row.refused != "" {
				require.ErrorContains(t, err, row.refused)
				return
			}
			require.NoError(t, err)
			if row.want == "" {
				require.Nil(t, who)
				return
			}
			require.Equal(t, row.want, who.name)
			require.Equal(t, uint32(1000), who.credential.Uid)
			require.Equal(t, []uint32{1000, 27}, who.credential.Groups)
		})
	}
	bad := accounts(home)
	bad.groups = func(*user.User) ([]string, error) { return nil, errors.New("no") }
	_, err := invoker([]string{"SUDO_UID=1000", "SUDO_USER=anna"}, bad)
	require.ErrorContains(t, err, "find the groups")
}

func TestEnvironment(t *testing.T) {
	home := t.TempDir()
	who := &account{name: "anna", home: home}
	who.credential.Uid = uint32(os.Geteuid())
	got := environment([]string{
		"HOME=/root", "USER=root", "LOGNAME=root", "SUDO_UID=1000", "SUDO_USER=anna", "SUDO_COMMAND=x",
		"LD_PRELOAD=/tmp/x.so", "TMPDIR=/tmp/x", "DPKG_ROOT=/x", channelVariable + "=7,8",
		"PATH=/usr/bin", "TERM=xterm", "LANG=de_DE.UTF-8", "LC_TIME=C", "NO_COLOR=1", "CI=true",
		"DEVCERT_HOME=/srv/d", "DEVCERT_PASSWORD=open-sesame", "XDG_DATA_HOME=" + home, "SSL_CERT_FILE=/x.pem",
	}, who)
	require.Equal(t, []string{
		"HOME=" + home, "USER=anna", "LOGNAME=anna", channelVariable + "=" + channelValue,
		"PATH=/usr/bin", "TERM=xterm", "LANG=de_DE.UTF-8", "LC_TIME=C", "NO_COLOR=1", "CI=true",
		"DEVCERT_HOME=/srv/d", "DEVCERT_PASSWORD=open-sesame", "XDG_DATA_HOME=" + home, "SSL_CERT_FILE=/x.pem",
	}, got)

	who.credential.Uid++
	for _, foreign := range []string{home, "relative", home + "/nothing"} {
		got = environment([]string{"XDG_DATA_HOME=" + foreign}, who)
		require.NotContains(t, strings.Join(got, "\n"), "XDG_DATA_HOME", "root's folder is not the user's")
	}
}

func TestForgedChannel(t *testing.T) {
	_, ok := announced([]string{channelVariable + "=0,1"})
	require.False(t, ok, "only the one value that the split uses")
	_, ok = announced(nil)
	require.False(t, ok)
	_, ok = announced([]string{channelVariable + "=" + channelValue})
	require.True(t, ok)

	file, err := os.Create(t.TempDir() + "/file")
	require.NoError(t, err)
	defer file.Close()
	fd := int(file.Fd())
	_, err = inherited(t.Context(), [2]int{fd, fd})
	require.ErrorContains(t, err, "not a pipe")
	_, err = inherited(t.Context(), [2]int{9999, 9999})
	require.ErrorContains(t, err, "descriptor 9999")
}

package front

import (
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"devcert/scripts/fuzzlimit"
)

const socketTable = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:AD0C 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 101 1 0000000000000000 100 0 0 10 0
   1: 00000000:AD0D 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 102 1 0000000000000000 100 0 0 10 0
   2: 0200000A:AD0E 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 103 1 0000000000000000 100 0 0 10 0
   3: 0100007F:AD0F 0100007F:1388 01 00000000:00000000 00:00000000 00000000  1000        0 104 1 0000000000000000 100 0 0 10 0
   4: 0100007F:AD10 0100007F:1388 06 00000000:00000000 03:00000000 00000000     0        0 0 3 0000000000000000
   5: 00000000000000000000000001000000:AD11 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 105 1 0000000000000000 100 0 0 10 0
   6: 00000000000000000000000000000000:AD12 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 106 1 0000000000000000 100 0 0 10 0
   7: 0100007F:AD13 0100007F:1388 01 00000000:00000000 00:00000000 00000000  1000        0 107 1 0000000000000000 100 0 0 10 0
   8: 0000000000000000FFFF00000100007F:AD13 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 108 1 0000000000000000 100 0 0 10 0
`

func TestHolding(t *testing.T) {
	all := parseSockets(socketTable)
	require.Len(t, all, 9)
	for _, row := range []struct{ name, place, want string }{
		{"listens there", "127.0.0.1:44300", "101"},
		{"on the other address", "[::1]:44300", ""},
		{"listens on all addresses", "127.0.0.1:44301", "102"},
		{"another address of the machine", "127.0.0.1:44302", ""},
		{"a connection that goes out from there", "127.0.0.1:44303", "104"},
		{"one that is over, and nobody's", "127.0.0.1:44304", ""},
		{"IPv6", "[::1]:44305", "105"},
		{"all IPv6 addresses", "[::1]:44306", "106"},
		{"who listens comes before a connection", "127.0.0.1:44307", "108"},
		{"nobody", "127.0.0.1:44399", ""},
	} {
		assert.Equal(t, row.want, holding(all, netip.MustParseAddrPort(row.place)), row.name)
	}
}

func FuzzParseSockets(f *testing.F) {
	f.Add(socketTable)
	f.Add("0: 0100007F:AD0C 0 0A 0 0 0 0 0 7")
	fuzzlimit.Fuzz(f, func(t *testing.T, table string) {
		for _, s := range parseSockets(table) {
			if !s.local.Addr().IsValid() || strings.Trim(s.inode, "0123456789") != "" || s.inode == "" {
				t.Fatalf("%+v", s)
			}
		}
	})
}

func TestHoldersAreNamed(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	place := netip.MustParseAddrPort(l.Addr().String())
	nobody := netip.AddrPortFrom(place.Addr(), 1)
	assert.Equal(t, map[netip.AddrPort]string{place: self()}, holders([]netip.AddrPort{place, nobody}))
}

func TestAProcessMayCallItselfAnything(t *testing.T) {
	dir := t.TempDir() + "/4242"
	require.NoError(t, os.Mkdir(dir, 0o700))
	for comm, want := range map[string]string{
		"node\n": "node (pid 4242)", "\x1b[2J\xffevil\n": "[2Jevil (pid 4242)", "\n": "pid 4242",
	} {
		require.NoError(t, os.WriteFile(dir+"/comm", []byte(comm), 0o600))
		assert.Equal(t, want, processName(dir))
	}
	assert.Equal(t, "pid 4243", processName("/nowhere/4243"), "it has ended meanwhile")
}

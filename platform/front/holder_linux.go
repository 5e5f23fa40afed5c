package front

import (
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unicode"
)

// holders names the processes that have places, as "node (pid 4242)", as far as
// this user may see them: other users' processes only root may.
func holders(places []netip.AddrPort) map[netip.AddrPort]string {
	inodes := map[netip.AddrPort]string{}
	wanted := map[string]string{} // inode → process
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		data, err := os.ReadFile(table)
		if err != nil {
			continue
		}
		all := parseSockets(string(data))
		for _, place := range places {
			if inode := holding(all, place); inode != "" && inodes[place] == "" {
				inodes[place], wanted[inode] = inode, ""
			}
		}
	}
	nameProcesses("/proc", wanted)
	out := map[netip.AddrPort]string{}
	for place, inode := range inodes {
		if name := wanted[inode]; name != "" {
			out[place] = name
		}
	}
	return out
}

// holding is the inode of the socket that keeps place from being listened on: one
// that listens there or on all addresses, else a connection that goes out from
// there, as they do from 443xx.
func holding(all []socket, place netip.AddrPort) string {
	found := ""
	for _, s := range all {
		if s.local.Port() != place.Port() || s.inode == "0" || !inTheWay(s.local.Addr(), place.Addr()) {
			continue
		}
		if s.listens {
			return s.inode
		}
		found = s.inode
	}
	return found
}

// inTheWay says that a socket at has keeps another one from wants.
func inTheWay(has, wants netip.Addr) bool {
	has = has.Unmap()
	return has == wants || has.IsUnspecified()
}

// nameProcesses enters for each wanted inode a process that has it open.
func nameProcesses(proc string, wanted map[string]string) {
	fds, _ := filepath.Glob(filepath.Join(proc, "[0-9]*", "fd"))
	left := len(wanted)
	for _, dir := range fds {
		if left == 0 {
			return
		}
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue // another user's, or gone
		}
		for _, e := range entries {
			link, _ := os.Readlink(filepath.Join(dir, e.Name()))
			inode := strings.TrimSuffix(strings.TrimPrefix(link, "socket:["), "]")
			if name, is := wanted[inode]; is && name == "" {
				wanted[inode] = processName(filepath.Dir(dir))
				left--
			}
		}
	}
}

// processName is the name that a process gives itself, which may be anything.
func processName(dir string) string {
	data, _ := os.ReadFile(filepath.Join(dir, "comm"))
	name := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == unicode.ReplacementChar {
			return -1
		}
		return r
	}, strings.TrimSpace(string(data)))
	pid := "pid " + filepath.Base(dir)
	if name == "" {
		return pid
	}
	return name + " (" + pid + ")"
}

// socket is one line of /proc/net/tcp or tcp6.
type socket struct {
	local   netip.AddrPort
	listens bool
	inode   string
}

// parseSockets reads the table as proc_pid_net(5) describes it. A line that it
// cannot read is left out: nothing but a name in a message hangs on it.
func parseSockets(table string) []socket {
	var out []socket
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		if len(fields) < 10 {
			continue
		}
		local, ok := parsePlace(fields[1])
		if _, err := strconv.ParseUint(fields[9], 10, 64); err != nil || !ok {
			continue
		}
		out = append(out, socket{local: local, listens: fields[3] == "0A", inode: fields[9]})
	}
	return out
}

// parsePlace reads an address and a port in hex. The kernel prints each 32 bits
// of an address as a number of the machine's own byte order.
func parsePlace(s string) (netip.AddrPort, bool) {
	address, port, _ := strings.Cut(s, ":")
	raw, err := hex.DecodeString(address)
	if err != nil || len(raw)%4 != 0 {
		return netip.AddrPort{}, false
	}
	for word := raw; len(word) > 0; word = word[4:] {
		binary.NativeEndian.PutUint32(word, binary.BigEndian.Uint32(word))
	}
	a, ok := netip.AddrFromSlice(raw)
	n, err := strconv.ParseUint(port, 16, 16)
	return netip.AddrPortFrom(a, uint16(n)), ok && err == nil
}

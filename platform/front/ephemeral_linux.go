package front

import (
	"os"
	"strconv"
	"strings"

	"devcert/devcert"
)

// Ephemeral reads what the kernel is told of ports (ip-sysctl.rst): those of IPv6
// too. A setting that cannot be read is one that says nothing.
func Ephemeral() devcert.Ephemeral {
	span, _ := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	reserved, _ := os.ReadFile("/proc/sys/net/ipv4/ip_local_reserved_ports")
	return parseEphemeral(string(span), string(reserved))
}

// parseEphemeral reads "32768	60999" and "44300-44399,8443".
func parseEphemeral(span, reserved string) devcert.Ephemeral {
	var e devcert.Ephemeral
	if ends := strings.Fields(span); len(ends) == 2 {
		e.Range = portRange(ends[0], ends[1])
	}
	for _, item := range strings.Split(strings.TrimSpace(reserved), ",") {
		first, last, found := strings.Cut(item, "-")
		if !found {
			last = first
		}
		if r := portRange(first, last); r.First > 0 {
			e.Reserved = append(e.Reserved, r)
		}
	}
	return e
}

// portRange is the zero value unless both ends are ports in order.
func portRange(first, last string) devcert.PortRange {
	a, errA := strconv.Atoi(first)
	b, errB := strconv.Atoi(last)
	if errA != nil || errB != nil || a < 1 || b > 65535 || a > b {
		return devcert.PortRange{}
	}
	return devcert.PortRange{First: a, Last: b}
}

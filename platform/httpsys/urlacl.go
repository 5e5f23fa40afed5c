package httpsys

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"devcert/devcert/lazy"
)

// Everyone is the access list that lets any user listen.
const Everyone = "D:(A;;GX;;;WD)"

// Reservation says who may listen on a URL without being an administrator.
type Reservation struct {
	URL  string `json:"url"`
	SDDL string `json:"sddl"`
}

// Reserved is the reservation a standard user needs to serve https on port.
func Reserved(port int) Reservation {
	return Reservation{URL: fmt.Sprintf("https://localhost:%d/", port), SDDL: Everyone}
}

// ParseReservations reads what `netsh http show urlacl` printed.
func ParseReservations(out []byte) ([]Reservation, error) {
	lines, err := section(out, reservations, 1)
	if err != nil {
		return nil, err
	}
	list, err := parseReservations(lines)
	if err != nil {
		return nil, unreadable(reservations, err.Error(), out)
	}
	if len(list) == 0 && said(lines) > 0 {
		return nil, unreadable(reservations, "it lists nothing, and says something else", out)
	}
	return list, nil
}

var (
	urlShape  = lazy.Regexp(`^(?i:https?)://[^\s/:\[\]]*(\[[0-9A-Fa-f:.]+\])?:[0-9]{1,5}(/\S*)?$`)
	sddlShape = lazy.Regexp(`^(O:[0-9A-Za-z-]+)?(G:[0-9A-Za-z-]+)?D:[A-Z]*(\([^()]*(\([^()]*\)[^()]*)*\))+$`)
	aceShape  = lazy.Regexp(`\(([A-Z]+);[A-Z]*;([0-9A-Zx-]*);[^;()]*;[^;()]*;([0-9A-Z-]+)\)`)
)

// parseReservations reads URLs, each with the access list that follows it. The
// users and their yes and no between the two are translated; the list is not.
func parseReservations(lines []string) ([]Reservation, error) {
	var list []Reservation
	open := false // the last one has no access list yet
	for _, line := range lines {
		last := word(line)
		if urlShape().MatchString(last) {
			if open {
				break
			}
			list, open = append(list, Reservation{URL: last}), true
			continue
		}
		sddl, ok := accessList(line)
		switch {
		case ok && !open:
			return nil, fmt.Errorf("access list %s has no URL", sddl)
		case ok:
			list[len(list)-1].SDDL, open = sddl, false
		}
	}
	if open {
		return nil, fmt.Errorf("%s has no access list", list[len(list)-1].URL)
	}
	return list, nil
}

// accessList is the SDDL behind a label. It may have blanks, in a condition.
func accessList(line string) (string, bool) {
	for _, start := range []string{" O:", " G:", " D:"} {
		if i := strings.Index(line, start); i >= 0 && sddlShape().MatchString(line[i+1:]) {
			return line[i+1:], true
		}
	}
	return line, sddlShape().MatchString(line)
}

// users are the groups every person at this machine is in: Everyone, Users,
// Interactive, Authenticated Users.
var users = []string{
	"WD", "BU", "IU", "AU", "S-1-1-0", "S-1-5-32-545", "S-1-5-4", "S-1-5-11",
}

// AnyUser says whether any person at this machine may listen.
func (r Reservation) AnyUser() bool {
	allowed := false
	for _, ace := range aceShape().FindAllStringSubmatch(r.SDDL, -1) {
		if !slices.Contains(users, ace[3]) || !listens(ace[2]) {
			continue
		}
		switch ace[1] {
		case "A":
			allowed = true
		case "D":
			return false
		}
	}
	return allowed
}

// listens reads the rights of an entry: to listen is GENERIC_EXECUTE, as a
// pair of letters or as a bit.
func listens(rights string) bool {
	if mask, err := strconv.ParseUint(rights, 0, 32); err == nil {
		return mask&0x3000_0000 != 0
	}
	for ; len(rights) >= 2; rights = rights[2:] {
		if rights[:2] == "GX" || rights[:2] == "GA" {
			return true
		}
	}
	return false
}

// Check refuses what must not get into a script.
func (r Reservation) Check() error {
	if err := checkURL(r.URL); err != nil {
		return err
	}
	if !sddlShape().MatchString(r.SDDL) || strings.ContainsAny(r.SDDL, blank+"\n\"'&|<>^%") || !ascii(r.SDDL) {
		return fmt.Errorf("%s: %q is no access list", r.URL, r.SDDL)
	}
	return nil
}

func checkURL(text string) error {
	plain := strings.Trim(strings.ToLower(text), "abcdefghijklmnopqrstuvwxyz0123456789:/.[]+*_-") == ""
	if _, err := url.Parse(strings.NewReplacer("//+:", "//a:", "//*:", "//a:").Replace(text)); err != nil ||
		!plain || !urlShape().MatchString(text) || !strings.HasSuffix(text, "/") {
		return fmt.Errorf("%q is no URL that can be reserved", text)
	}
	return nil
}

func ascii(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f }) < 0
}

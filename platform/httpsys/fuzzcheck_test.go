package httpsys

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// These are shapes as a person sees them, and not the ones that the parser goes
// by: a value that was overlooked is one that the parser takes for nothing.
var (
	seenHash = regexp.MustCompile(`^(?i)[0-9a-f]{40}([0-9a-f]{24})?$`)
	seenGUID = regexp.MustCompile(`^\{(?i)[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\}$`)
	seenURL  = regexp.MustCompile(`^(?i)https?://(\[[0-9a-f:]+\]|[a-z0-9.*+-]+):[0-9]{1,5}(/[a-z0-9/_-]*)?$`)
	seenACL  = regexp.MustCompile(`(^| )D:(\([A-Z]+;[A-Z]*;[0-9A-Zx]*;;;[0-9A-Z-]+\))+$`)
	seenRow  = regexp.MustCompile(`^[0-9]+[ \t]+[0-9]+([ \t]|$)`)
)

// under is what stands between two of the rules of an output, which is none of
// it where there are fewer.
func under(out []byte, rule int) []string {
	lines := split(out)
	at, _ := rules(lines)
	if rule >= len(at) {
		return nil
	}
	if rule+1 < len(at) {
		return lines[at[rule]+1 : at[rule+1]]
	}
	return lines[at[rule]+1:]
}

// ends lists the last words of lines that look so.
func ends(lines []string, look func(string) bool) (found []string) {
	for _, line := range lines {
		if fields := strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(blank, r) }); len(fields) > 0 {
			if last := fields[len(fields)-1]; look(last) {
				found = append(found, last)
			}
		}
	}
	return found
}

// checkComplete says that nothing was overlooked in an answer that was taken
// for readable: every address, every hash and every URL in it belongs to an
// entry, in this order. So an answer that shows a binding is never an empty
// table, nor one without that binding.
func checkComplete(t *testing.T, lines []string, records []Record) {
	t.Helper()
	var addresses, hashes []string
	for _, r := range records {
		if r.Kind == IP {
			addresses = append(addresses, r.Address)
		}
		if r.Thumbprint != "" {
			hashes = append(hashes, r.Thumbprint)
		}
	}
	isAddress := func(word string) bool {
		a, err := netip.ParseAddrPort(word)
		return err == nil && a.Port() != 0
	}
	seen := ends(lines, seenHash.MatchString)
	for i := range seen {
		seen[i] = strings.ToUpper(seen[i])
	}
	require.Equal(t, ends(lines, isAddress), addresses)
	require.Equal(t, seen, hashes)
	ids := ends(lines, seenGUID.MatchString)
	for i := range ids {
		ids[i] = strings.ToLower(ids[i])
	}
	for _, r := range records { // a list of issuers may be named by one, too
		at := slices.Index(ids, r.AppID)
		require.GreaterOrEqual(t, at, 0, r)
		ids = ids[at+1:]
	}
	require.True(t, len(records) > 0 || len(ids) == 0, "an application was overlooked: %s", ids)
}

func checkReservations(t *testing.T, lines []string, list []Reservation) {
	t.Helper()
	var urls []string
	for _, r := range list {
		if seenURL.MatchString(r.URL) {
			urls = append(urls, r.URL)
		}
	}
	require.Equal(t, ends(lines, seenURL.MatchString), urls)
	lists := 0
	for _, line := range lines {
		if seenACL.MatchString(line) {
			lists++
		}
	}
	require.LessOrEqual(t, lists, len(list), "an access list was overlooked")
}

func checkRanges(t *testing.T, lines []string, ranges []Range) {
	t.Helper()
	rows := 0
	for _, line := range lines {
		if seenRow.MatchString(line) {
			rows++
		}
	}
	require.Equal(t, rows, len(ranges), "a range was overlooked")
}

// checkReprinted says that what was read is all there is to it: written in the
// layout of Server 2019, it reads as the same.
func checkReprinted(t *testing.T, s State) {
	t.Helper()
	usual := Bound(1, theirs, IISExpress)
	for slices.ContainsFunc(s.Records, usual.Is) {
		usual = Bound(usual.Port+1, theirs, IISExpress)
	}
	known := slices.ContainsFunc(s.Records, func(r Record) bool {
		return r.Revocation+r.CachedOnly+r.UsageCheck+r.Mapper+r.Negotiate != ""
	})
	records := s.Records
	if known { // what on and off are called, the usual one beside them shows
		usual.Settings = Settings{Revocation: On, CachedOnly: Off, UsageCheck: On, Mapper: Off, Negotiate: Off}
		records = append([]Record{usual}, records...)
	}
	out := printed(State{Records: records, Reservations: s.Reservations, Excluded: s.Excluded})
	again, err := ParseLook([]byte(out))
	require.NoError(t, err, "%q", out)
	if known {
		require.Equal(t, usual, again.Records[0])
		again.Records = again.Records[1:]
	}
	require.Equal(t, s, again, "%q", out)
}

func printed(s State) string {
	var out strings.Builder
	out.WriteString("\nSSL Certificate bindings:\n-------------------------\n")
	for _, r := range s.Records {
		out.WriteString(printedRecord(r))
	}
	out.WriteString("\nURL Reservations:\n-----------------\n")
	for _, r := range s.Reservations {
		fmt.Fprintf(&out, "\n    Reserved URL            : %s \n        User: \\Everyone\n            SDDL: %s \n", r.URL, r.SDDL)
	}
	out.WriteString("\nProtocol tcp Port Exclusion Ranges\n\nStart Port    End Port\n----------    --------\n")
	for _, r := range s.Excluded {
		star := ""
		if r.Administered {
			star = "*"
		}
		fmt.Fprintf(&out, "%10d  %10d     %s\n", r.From, r.To, star)
	}
	return out.String() + "\n* - Administered port exclusions.\n"
}

func printedRecord(r Record) string {
	or := func(text string) string {
		if text == "" {
			return null
		}
		return text
	}
	values := []string{r.Address, or(strings.ToLower(r.Thumbprint)), r.AppID, r.Store}
	if r.Settings != (Settings{}) {
		word := func(s Switch, place int) string {
			if s == "" {
				return "?" + strconv.Itoa(place) // two that are not known need not be the same
			}
			return map[Switch]string{On: "Enabled", Off: "Disabled"}[s]
		}
		values = append(values, word(r.Revocation, 0), word(r.CachedOnly, 1), word(r.UsageCheck, 2),
			strconv.Itoa(r.Freshness), strconv.Itoa(r.Timeout), or(r.CTLIdentifier), or(r.CTLStore),
			word(r.Mapper, 3), word(r.Negotiate, 4))
	}
	text := "\n"
	for _, value := range values {
		text += "    Label                        : " + value + "\n"
	}
	return text
}

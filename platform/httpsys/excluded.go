package httpsys

import (
	"fmt"
	"strconv"
	"strings"

	"devcert/devcert/lazy"
)

// Range is a range of ports that Windows gives to nobody who does not ask for
// the range as a whole: Hyper-V and its relatives take them at every start.
type Range struct {
	From, To int
	// Administered says that a person or program set it aside on purpose.
	Administered bool
}

// Has says whether port lies in the range.
func (r Range) Has(port int) bool { return r.From <= port && port <= r.To }

// ParseExcluded reads what `netsh int ipv4 show excludedportrange` printed.
func ParseExcluded(out []byte) ([]Range, error) {
	lines, err := section(out, excluded, 2)
	if err != nil {
		return nil, err
	}
	ranges, err := parseExcluded(lines)
	if err != nil {
		return nil, unreadable(excluded, err.Error(), out)
	}
	return ranges, nil
}

var (
	rowShape   = lazy.Regexp(`^([0-9]+)[ \t]+([0-9]+)(?:[ \t]+(\*))?$`)
	twoNumbers = lazy.Regexp(`^[0-9]+[ \t]+[0-9]+([ \t]|$)`)
)

// parseExcluded reads two numbers a row. Beside them only a footnote is
// expected, which a star begins.
func parseExcluded(lines []string) ([]Range, error) {
	var ranges []Range
	stray := ""
	for _, line := range lines {
		row := rowShape().FindStringSubmatch(line)
		if row == nil && twoNumbers().MatchString(line) {
			return nil, fmt.Errorf("%q is no range of ports", visible(line))
		}
		if row == nil {
			if line != "" && !strings.HasPrefix(line, "*") && stray == "" {
				stray = line
			}
			continue
		}
		from, err1 := strconv.ParseUint(row[1], 10, 16)
		to, err2 := strconv.ParseUint(row[2], 10, 16)
		if err1 != nil || err2 != nil || from > to {
			return nil, fmt.Errorf("%q is no range of ports", line)
		}
		ranges = append(ranges, Range{From: int(from), To: int(to), Administered: row[3] != ""})
	}
	if len(ranges) == 0 && stray != "" {
		return nil, fmt.Errorf("it lists nothing, and says %q", visible(stray))
	}
	return ranges, nil
}

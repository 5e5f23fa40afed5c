package httpsys

import (
	"fmt"
	"slices"
	"strings"
)

// Change is what one script does to the table.
type Change struct {
	// Remove holds records as they were seen, so that one that has changed
	// since is recognised and left alone by a second attempt.
	Remove    []Record
	Add       []Record
	Unreserve []Reservation
	Reserve   []Reservation
}

// meets says whether r lets those listen whom wanted lets.
func (r Reservation) meets(wanted Reservation) bool {
	return r.SDDL == wanted.SDDL || wanted.AnyUser() && r.AnyUser()
}

// Empty says that there is nothing to do.
func (c Change) Empty() bool {
	return len(c.Remove)+len(c.Add)+len(c.Unreserve)+len(c.Reserve) == 0
}

// Lines are the netsh commands of the change, in the order in which they must
// run. There is no "update" before Server 2016, hence removing and adding. An
// error names a value that has not the shape it must have; no line is then
// returned.
func (c Change) Lines() ([]string, error) {
	var lines []string
	var bad error
	write := func(err error, line string) {
		if err != nil && bad == nil {
			bad = err
		}
		lines = append(lines, line)
	}
	for _, r := range c.Remove {
		write(r.checkPlace(), "http delete sslcert "+r.key())
	}
	for _, r := range c.Unreserve {
		write(checkURL(r.URL), "http delete urlacl url="+r.URL)
	}
	for _, r := range c.Add {
		write(r.Check(), r.addLine())
	}
	for _, r := range c.Reserve {
		write(r.Check(), "http add urlacl url="+r.URL+" sddl="+r.SDDL)
	}
	if bad != nil {
		return nil, fmt.Errorf("write a netsh script: %w", bad)
	}
	return lines, nil
}

// key is the parameter that names the place of a record.
func (r Record) key() string {
	switch r.Kind {
	case Hostname:
		return "hostnameport=" + r.Address
	case ScopedCCS:
		return "scopedccs=" + r.Address
	case CCS:
		return "ccs=" + r.Address
	default:
		return "ipport=" + r.Address
	}
}

// addLine is the command that makes the record, or puts it back as it was.
func (r Record) addLine() string {
	line := "http add sslcert " + r.key()
	if r.Thumbprint != "" {
		line += " certhash=" + strings.ToLower(r.Thumbprint)
	}
	line += " appid=" + r.AppID
	if r.Thumbprint != "" {
		line += " certstorename=" + quoted(r.Store)
	}
	return line + r.parameters()
}

// parameters are the settings that differ from what HTTP.sys does by itself.
// Those that could not be told are not mentioned.
func (s Settings) parameters() (text string) {
	words := map[Switch]string{On: "enable", Off: "disable"}
	for _, set := range []struct {
		name       string
		state, odd Switch
	}{
		{"verifyclientcertrevocation", s.Revocation, Off},
		{"verifyrevocationwithcachedclientcertonly", s.CachedOnly, On},
		{"usagecheck", s.UsageCheck, Off},
		{"dsmapperusage", s.Mapper, On},
		{"clientcertnegotiation", s.Negotiate, On},
	} {
		if set.state == set.odd {
			text += " " + set.name + "=" + words[set.state]
		}
	}
	if s.Freshness != 0 {
		text += fmt.Sprintf(" revocationfreshnesstime=%d", s.Freshness)
	}
	if s.Timeout != 0 {
		text += fmt.Sprintf(" urlretrievaltimeout=%d", s.Timeout)
	}
	if s.CTLIdentifier != "" {
		text += " sslctlidentifier=" + quoted(s.CTLIdentifier)
	}
	if s.CTLStore != "" {
		text += " sslctlstorename=" + quoted(s.CTLStore)
	}
	return text
}

// quoted is for names that have passed Check: they may have blanks.
func quoted(name string) string {
	if strings.Contains(name, " ") {
		return `"` + name + `"`
	}
	return name
}

// Rest is what of the change s does not show: nothing when it has succeeded. A
// record that somebody else has put there in between is not removed.
func (c Change) Rest(s State) Change {
	rest := Change{Add: s.Lacks(c.Add)}
	wanted := map[string]Record{}
	for _, r := range c.Add {
		wanted[r.place()] = r
	}
	there := map[string]Record{}
	for _, r := range s.Records {
		there[r.place()] = r
	}
	for _, r := range c.Remove {
		now, ok := there[r.place()]
		w, replaced := wanted[r.place()]
		done := replaced && now.Same(w)
		if ok && now == r && !done {
			rest.Remove = append(rest.Remove, r)
		}
	}
	for _, r := range c.Reserve {
		if now, ok := s.Reservation(r.URL); !ok || !now.meets(r) {
			rest.Reserve = append(rest.Reserve, r)
		}
	}
	for _, r := range c.Unreserve {
		now, ok := s.Reservation(r.URL)
		reserved := func(w Reservation) bool { return strings.EqualFold(w.URL, r.URL) && now.meets(w) }
		if ok && now == r && !slices.ContainsFunc(c.Reserve, reserved) {
			rest.Unreserve = append(rest.Unreserve, r)
		}
	}
	return rest
}

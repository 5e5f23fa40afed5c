package httpsys

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// ParseRecords reads what `netsh http show sslcert` printed. An empty table is
// believed only when nothing but the heading is there.
func ParseRecords(out []byte) ([]Record, error) {
	lines, err := section(out, bindings, 1)
	if err != nil {
		return nil, err
	}
	records, err := parseRecords(lines)
	if err != nil {
		return nil, unreadable(bindings, err.Error(), out)
	}
	if len(records) == 0 && said(lines) > 0 {
		return nil, unreadable(bindings, "it lists nothing, and says something else", out)
	}
	return records, nil
}

// reader collects records line by line.
type reader struct {
	records []Record
	raw     [][]string // of each record, the values after the store's name
	pending *Record    // has its address, and not yet all that a record needs
	hashed  bool       // the pending one has its hash, or none to have
}

func parseRecords(lines []string) ([]Record, error) {
	// Blank lines say nothing, and there are more of them in newer systems.
	lines = slices.DeleteFunc(slices.Clone(lines), func(line string) bool { return line == "" })
	r := &reader{}
	for i, line := range lines {
		if err := r.line(line, lines[i+1:]); err != nil {
			return nil, err
		}
	}
	if r.pending != nil {
		return nil, fmt.Errorf("the record of %s is not complete", r.pending.Address)
	}
	on, off := switchWords(r.raw)
	seen := map[string]bool{}
	for i := range r.records {
		record := &r.records[i]
		if seen[record.place()] {
			return nil, fmt.Errorf("%s is listed twice", record.Address)
		}
		seen[record.place()] = true
		record.Settings = settings(r.raw[i], on, off)
	}
	return r.records, nil
}

func (r *reader) line(line string, following []string) error {
	last := word(line)
	if start, ok := begins(last, following); ok && (start.Kind != CCS || !r.counts()) {
		if r.pending != nil {
			return fmt.Errorf("the record of %s is not complete", r.pending.Address)
		}
		r.pending, r.hashed = &start, start.Kind == CCS
		return nil
	}
	if hashShape().MatchString(last) {
		if r.pending == nil || r.hashed {
			return fmt.Errorf("hash %s has no address", last)
		}
		r.pending.Thumbprint, r.hashed = strings.ToUpper(last), true
		return nil
	}
	switch {
	case r.pending == nil:
		return r.setting(line, last)
	case !r.hashed:
		r.central(last)
	case r.pending.AppID == "":
		if guidShape().MatchString(last) {
			r.pending.AppID = strings.ToLower(last)
		}
	default:
		r.store(line)
	}
	return nil
}

// counts says whether a setting that is a number comes next. It may look like
// the port of a central store, where the list of issuers behind it is named by
// an id.
func (r *reader) counts() bool {
	if r.pending != nil || len(r.raw) == 0 {
		return false
	}
	at := len(r.raw[len(r.raw)-1])
	return at == atFreshness || at == atTimeout
}

// setting keeps a value of the last record. Every record has an application
// id: one where no list is named shows that the beginning of a record has not
// been recognised, and it must not pass for part of the one before.
func (r *reader) setting(line, last string) error {
	n := len(r.raw)
	at := -1
	if n > 0 {
		at = len(r.raw[n-1])
	}
	if guidShape().MatchString(last) && at != atCTLIdentifier && at != atCTLStore {
		return fmt.Errorf("application id %s has no address", last)
	}
	if n > 0 && at < settingLines {
		text, _ := value(line)
		r.raw[n-1] = append(r.raw[n-1], text)
	}
	return nil
}

// central takes a record without a hash. A name has none where its certificate
// comes from a central store.
func (r *reader) central(last string) {
	if last != null {
		return
	}
	r.hashed = true
	if r.pending.Kind == Hostname {
		r.pending.Kind = ScopedCCS
	}
}

// store ends what a record needs. The store's name has no shape; it is what
// the line after the application id has behind its label.
func (r *reader) store(line string) {
	name, ok := value(line)
	if !ok || name == "" {
		return
	}
	if name == null || strings.EqualFold(name, My) {
		name = My
	}
	r.pending.Store = name
	r.records = append(r.records, *r.pending)
	r.raw = append(r.raw, nil)
	r.pending = nil
}

// begins says whether a record starts with this value. For a central store it
// is a mere port, as other numbers are; an application id soon after it tells.
func begins(last string, following []string) (Record, bool) {
	if kind, port, ok := parseAddress(last); ok {
		return Record{Kind: kind, Address: last, Port: port}, true
	}
	port, ok := parsePort(strings.TrimPrefix(last, "*:"))
	if !ok || len(following) == 0 {
		return Record{}, false
	}
	next := word(following[0])
	if next == null && len(following) > 1 {
		next = word(following[1])
	}
	return Record{Kind: CCS, Address: strconv.Itoa(port), Port: port}, guidShape().MatchString(next)
}

// The settings follow the store's name in this order in every version since
// Windows Vista; newer ones only append.
const (
	atRevocation = iota
	atCachedOnly
	atUsageCheck
	atFreshness
	atTimeout
	atCTLIdentifier
	atCTLStore
	atMapper
	atNegotiate
	settingLines
)

// switchWords finds out what on and off are called. Everywhere but in rare
// records revocation and usage are checked, and the other two are off: a record
// that has two words in that pattern shows both. Records that contradict each
// other show nothing.
func switchWords(raw [][]string) (on, off string) {
	for _, v := range raw {
		if len(v) < settingLines || v[atRevocation] != v[atUsageCheck] || v[atCachedOnly] != v[atMapper] ||
			v[atRevocation] == v[atCachedOnly] {
			continue
		}
		if on == "" {
			on, off = v[atRevocation], v[atCachedOnly]
		}
		if on != v[atRevocation] || off != v[atCachedOnly] {
			return "", ""
		}
	}
	return on, off
}

// settings reads the values after the store's name; what is not where it is
// expected leaves all of them unknown.
func settings(v []string, on, off string) (s Settings) {
	if len(v) < settingLines {
		return s
	}
	freshness, err1 := strconv.ParseUint(v[atFreshness], 10, 31)
	timeout, err2 := strconv.ParseUint(v[atTimeout], 10, 31)
	if err1 != nil || err2 != nil {
		return s
	}
	state := func(word string) Switch {
		switch {
		case on == "":
			return ""
		case word == on:
			return On
		case word == off:
			return Off
		}
		return ""
	}
	set := func(text string) string {
		if text == null {
			return ""
		}
		return text
	}
	return Settings{
		Revocation: state(v[atRevocation]), CachedOnly: state(v[atCachedOnly]),
		UsageCheck: state(v[atUsageCheck]), Mapper: state(v[atMapper]), Negotiate: state(v[atNegotiate]),
		Freshness: int(freshness), Timeout: int(timeout),
		CTLIdentifier: set(v[atCTLIdentifier]), CTLStore: set(v[atCTLStore]),
	}
}

package httpsys

import "strings"

// State is what one look showed.
type State struct {
	Records      []Record
	Reservations []Reservation
	Excluded     []Range
}

// look is the script that shows everything in one process. Each answer begins
// with a heading and a rule under it; the third is a table of two columns, so
// an answer that is missing cannot be taken for another.
var look = []string{
	"http show sslcert",
	"http show urlacl",
	"int ipv4 show excludedportrange protocol=tcp",
}

// Names of what is looked at, for errors.
const (
	bindings     = "the bindings"
	reservations = "the URL reservations"
	excluded     = "the excluded port ranges"
)

// ParseLook reads what the three commands of a look printed, one after the
// other.
func ParseLook(out []byte) (State, error) {
	s, doubt, err := parseLook(out)
	if err == nil && doubt != nil {
		err = doubt
	}
	if err != nil {
		return State{}, err
	}
	return s, nil
}

// parseLook returns as doubt why an empty list of bindings may not be one: it
// comes with words nobody here can read. On an empty table they are "not
// found", but a refusal looks the same.
func parseLook(out []byte) (s State, doubt, err error) {
	lines := split(out)
	at, runs := rules(lines)
	if len(at) != 3 || runs[0] != 1 || runs[1] != 1 || runs[2] != 2 {
		return s, nil, unreadable("the answer", "it is not the three lists that were asked for", out)
	}
	certs, urls, ports := lines[at[0]+1:at[1]], lines[at[1]+1:at[2]], lines[at[2]+1:]
	if s.Records, err = parseRecords(certs); err != nil {
		return s, nil, unreadable(bindings, err.Error(), out)
	}
	if s.Reservations, err = parseReservations(urls); err != nil {
		return s, nil, unreadable(reservations, err.Error(), out)
	}
	if s.Excluded, err = parseExcluded(ports); err != nil {
		return s, nil, unreadable(excluded, err.Error(), out)
	}
	// A section ends with the heading of the next: one line, two for a table.
	if len(s.Reservations) == 0 && said(urls) > 2 {
		return s, nil, unreadable(reservations, "it lists nothing, and says something else", out)
	}
	if len(s.Records) == 0 && said(certs) > 1 {
		doubt = unreadable(bindings, "it lists nothing, and says something else", out)
	}
	return s, doubt, nil
}

// At returns the record that stands where place stands.
func (s State) At(place Record) (Record, bool) {
	for _, r := range s.Records {
		if r.Is(place) {
			return r, true
		}
	}
	return Record{}, false
}

// On lists the records of port, in the order netsh listed them.
func (s State) On(port int) []Record {
	var on []Record
	for _, r := range s.Records {
		if r.Port == port {
			on = append(on, r)
		}
	}
	return on
}

// Reservation returns the reservation of exactly this URL.
func (s State) Reservation(url string) (Reservation, bool) {
	for _, r := range s.Reservations {
		if strings.EqualFold(r.URL, url) {
			return r, true
		}
	}
	return Reservation{}, false
}

// Lacks lists the wanted records that are not there, or not so.
func (s State) Lacks(wanted []Record) []Record {
	there := make(map[string]Record, len(s.Records))
	for _, r := range s.Records {
		there[r.place()] = r
	}
	var lacks []Record
	for _, w := range wanted {
		if r, ok := there[w.place()]; !ok || !r.Same(w) {
			lacks = append(lacks, w)
		}
	}
	return lacks
}

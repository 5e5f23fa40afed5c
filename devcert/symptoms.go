package devcert

import (
	"slices"
	"strings"

	"devcert/devcert/chain"
	"devcert/devcert/symptom"
)

// Explaining are the findings that explain s on this machine, the most likely
// first. What is wrong with a store explains nothing to a client that reads
// another: a JDK without the root is not why Firefox refuses.
func (r *Report) Explaining(s symptom.Symptom) []Finding {
	readers := r.Seen.readers(s)
	var all []Finding
	for _, kind := range s.Causes {
		same := pick(r.Findings, func(f Finding) bool { return f.Kind == kind && r.Seen.concerns(f, s, readers) })
		slices.SortStableFunc(same, func(a, b Finding) int { return strings.Compare(string(a.Severity), string(b.Severity)) }) // errors first
		all = append(all, same...)
	}
	return all
}

// readers are the stores that those who show the symptom take their roots from:
// as seen of these clients, or as known where there are none.
func (o *Observation) readers(s symptom.Symptom) []string {
	var stores []string
	for _, c := range o.Clients {
		if c.Store != "" && shows(s, c.Name) {
			stores = append(stores, c.Store)
		}
	}
	if stores == nil {
		return s.Readers
	}
	return stores
}

// shows says whether the client of that name is one that shows the symptom.
func shows(s symptom.Symptom, client string) bool {
	first, _, _ := strings.Cut(client, " ")
	return slices.Contains(s.Clients, first)
}

// concerns says whether a finding has to do with those who show the symptom.
func (o *Observation) concerns(f Finding, s symptom.Symptom, readers []string) bool {
	if s.Clients == nil {
		return true
	}
	if client := o.clientOf(f); client != "" {
		return shows(s, client)
	}
	switch f.Kind {
	case EnvOverride: // leads programs away from the system's roots
		return slices.Contains(s.Readers, SystemStore)
	case TrustMissing, TrustDenied, TrustStale, TrustUnknown:
		return f.store == "" || slices.Contains(readers, f.store) || !o.hasRoots(f.store)
	}
	return true
}

// clientOf is the name of the one client that a finding is about; "" for none.
func (o *Observation) clientOf(f Finding) string {
	if f.client != "" || f.store != "" {
		return f.client
	}
	at := slices.IndexFunc(o.Clients, func(c Client) bool { return c.Path != "" && c.Path == f.Where })
	if at < 0 {
		return ""
	}
	return o.Clients[at].Name
}

// hasRoots says whether a store is one that clients take roots from; others are
// where servers have theirs, and all clients meet what is wrong there.
func (o *Observation) hasRoots(store string) bool {
	at := slices.IndexFunc(o.Stores, func(s StorePlaces) bool { return s.Store == store })
	return at < 0 || len(o.Stores[at].Places) == 0 ||
		slices.ContainsFunc(o.Stores[at].Places, func(p Place) bool { return p.Part == chain.PartRoot })
}

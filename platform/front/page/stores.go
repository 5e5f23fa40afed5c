package page

import (
	"cmp"

	"devcert/devcert"
	"devcert/devcert/chain"
)

// storeView is a store with its places.
type storeView struct {
	Name   string
	Kind   string
	Tone   tone
	Places []placeView
}

type placeView struct {
	Tone                   tone
	Word                   string
	Path, Evidence, Source string
}

// placeWords are what each state of a place means for what it holds.
var placeWords = map[chain.Part]map[devcert.PlaceState]string{
	chain.PartRoot: {
		devcert.Trusted: "trusts the root", devcert.Missing: "does not have the root",
		devcert.Denied: "has the root and does not trust it", devcert.Stale: "has the root only in part",
	},
	chain.PartIntermediate: {
		devcert.Trusted: "has the intermediate", devcert.Missing: "does not have the intermediate",
		devcert.Denied: "has the intermediate and does not trust it", devcert.Stale: "has the intermediate only in part",
	},
	chain.PartClientIntermediate: {
		devcert.Trusted: "has the client intermediate", devcert.Missing: "does not have the client intermediate",
		devcert.Denied: "has the client intermediate and does not trust it", devcert.Stale: "has the client intermediate only in part",
	},
	chain.PartLeaf: {
		devcert.Trusted: "has the leaf and its key", devcert.Missing: "does not have the leaf",
		devcert.Denied: "has the leaf and cannot use it", devcert.Stale: "has the leaf without its key",
	},
}

func storesOf(r *devcert.Report) []storeView {
	var all []storeView
	for _, s := range r.Seen.Stores {
		v := storeView{Name: clean(s.Store), Kind: "trust store", Tone: none}
		for _, p := range r.Shown(s) {
			if p.Part == chain.PartLeaf {
				v.Kind = "personal store"
			}
			place := placeOf(p, r.Wants(s.Store, p))
			v.Tone = worse(v.Tone, place.Tone)
			v.Places = append(v.Places, place)
		}
		if len(v.Places) > 0 { // else the client it belongs to is not on this machine
			all = append(all, v)
		}
	}
	return all
}

func placeOf(p devcert.Place, wanted bool) placeView {
	v := placeView{
		Tone: stateTone(p.State, wanted), Word: cmp.Or(placeWords[p.Part][p.State], "could not be looked into"),
		Path: clean(p.Path), Evidence: clean(p.Evidence), Source: clean(p.VerifiedBy),
	}
	if !wanted {
		v.Word += ", and is not asked to"
		if p.State == devcert.Trusted {
			v.Word = placeWords[p.Part][p.State] + ", though not asked to"
		}
		if p.State == devcert.Unknown {
			v.Word = "could not be looked into; nothing is asked of it"
		}
	}
	return v
}

// stateTone is the sign that `devcert status` puts before a place.
func stateTone(state devcert.PlaceState, wanted bool) tone {
	switch {
	case state == devcert.Trusted:
		return good
	case !wanted:
		return none
	case state == devcert.Unknown:
		return warn
	}
	return bad
}

// worse is the tone of two things together.
func worse(a, b tone) tone {
	for _, t := range []tone{bad, warn, good} {
		if a == t || b == t {
			return t
		}
	}
	return none
}

// countPlaces counts the places that hold what they should among those of which
// something is asked.
func countPlaces(stores []storeView) (sound, total int, t tone) {
	t = none
	for _, s := range stores {
		for _, p := range s.Places {
			if p.Tone == none {
				continue
			}
			total++
			if p.Tone == good {
				sound++
			}
			t = worse(t, p.Tone)
		}
	}
	return sound, total, t
}

// clientView is a program that verifies servers, and what is foreseen of it.
type clientView struct {
	Name, Word, Roots, Evidence string
	Path                        string
	Tone                        tone
	Remedy                      remedy
}

var clientWords = map[devcert.PlaceState]string{
	devcert.Trusted: "will trust it", devcert.Missing: "will refuse it", devcert.Denied: "will refuse it",
	devcert.Stale: "may refuse it", devcert.Unknown: "not known",
}

// servesWords are said of programs that serve, with what they find in a store.
var servesWords = map[devcert.PlaceState]string{
	devcert.Trusted: "will serve with the leaf", devcert.Missing: "has no leaf to serve with",
	devcert.Denied: "cannot use the leaf", devcert.Stale: "cannot use the leaf", devcert.Unknown: "not known",
}

func clientsOf(r *devcert.Report) []clientView {
	var all []clientView
	for _, c := range r.Seen.Clients {
		state := r.Seen.Foresee(c)
		words := clientWords
		if c.Server {
			words = servesWords
		}
		v := clientView{
			Name: clean(c.Name), Word: cmp.Or(words[state], clean(string(state))), Tone: stateTone(state, true),
			Roots: clean(c.Roots), Path: clean(c.Path),
		}
		if c.Careless {
			v.Word, v.Tone = "accepts every server", bad
		}
		if v.Tone != good {
			v.Evidence, v.Remedy = clean(c.Evidence), remedyOf(c.Remedy)
		}
		all = append(all, v)
	}
	return all
}

func countClients(all []clientView) (sound int, t tone) {
	t = none
	for _, c := range all {
		if c.Tone == good {
			sound++
		}
		t = worse(t, c.Tone)
	}
	return sound, t
}

package firefox

import (
	"context"
	"errors"
	"fmt"

	"devcert/devcert"
	"devcert/devcert/chain"
	"devcert/platform/nss"
)

// Look reports one place for each profile. A list of profiles that cannot be read
// is a place too: what it would name is not known.
func (s *Store) Look(ctx context.Context, m devcert.Material) []devcert.Place {
	profiles, err := s.profiles()
	var places []devcert.Place
	for _, p := range profiles {
		places = append(places, s.look(ctx, p, m))
	}
	for _, unread := range unreadLists(err) {
		places = append(places, devcert.Place{
			Path: unread.path, Part: chain.PartRoot, State: devcert.Unknown, Evidence: unread.Error(), Remedy: unread.Remedy(),
		})
	}
	return places
}

func unreadLists(err error) []*listError {
	var joined interface{ Unwrap() []error }
	var one *listError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &joined):
		var all []*listError
		for _, err := range joined.Unwrap() {
			all = append(all, unreadLists(err)...)
		}
		return all
	case errors.As(err, &one):
		return []*listError{one}
	}
	return nil
}

// look says what a profile does with the root: by its database, and where that does
// not have the root, by the system's store if the profile follows it.
func (s *Store) look(ctx context.Context, p found, m devcert.Material) devcert.Place {
	place := devcert.Place{Path: p.Path, Part: chain.PartRoot}
	if why := p.unfit(); why != nil {
		place.State, place.Evidence, place.Remedy = devcert.Unknown, why.Error(), why.Remedy()
		return place
	}
	tool, there := s.certutil()
	seen, err := tool.Look(ctx, p.Path, m.Root)
	place.State, place.Evidence, place.Others, place.Remedy = seen.State, seen.Evidence, seen.Others, nss.Remedy(err)
	if err != nil && !there {
		place.Evidence = "its database has certificates of devcert's, and what trusts them cannot be told: " + errNoCertutil.Error()
		place.Remedy = install(p)
	}
	if place.State == devcert.Unknown && seen.Newer && seen.Trust != "" && !mayHaveTrustObject(p.Path, m.Root) {
		place.State = devcert.Denied
		place.Evidence = fmt.Sprintf("the profile's database has the root with trust bits %q, without C", seen.Trust)
	}
	switch {
	case m.Root == nil && place.State != devcert.Unknown:
		place.Evidence = ""
	case place.State == devcert.Trusted:
		place.VerifiedBy = fmt.Sprintf("trust bits %s in the profile's database", seen.Trust)
	case place.State == devcert.Missing:
		s.lookBeyond(ctx, p, m, &place)
	}
	if there && m.Root != nil && !place.Machine && place.Remedy == "" {
		lookAhead(ctx, tool, &place)
	}
	return place
}

// lookAhead says what will keep certutil from adding the root.
func lookAhead(ctx context.Context, tool nss.Tool, place *devcert.Place) {
	if place.State != devcert.Missing && place.State != devcert.Denied {
		return
	}
	if err := tool.Obstacle(ctx, place.Path); err != nil {
		place.Evidence += "; " + err.Error()
		place.Remedy = nss.Remedy(err)
	}
}

// lookBeyond judges a profile whose database does not have the root.
func (s *Store) lookBeyond(ctx context.Context, p found, m devcert.Material, place *devcert.Place) {
	how, err := s.follows(p)
	if err != nil {
		place.State, place.Evidence, place.Remedy = devcert.Unknown, err.Error(), nss.Remedy(err)
		return
	}
	way, why := s.wayOf(p)
	place.Machine = way == byFollowing || way == noWay && how != ""
	switch {
	case how != "":
		s.lookAtSystem(ctx, m, how, place)
	case way == noWay:
		place.Evidence += "; " + why.Error()
		place.Remedy = install(p)
	case way == byFollowing:
		place.Evidence += ", and no policy has it follow the system's store"
		s.lookAtPolicies(place)
	}
}

// lookAtPolicies says what keeps devcert from adding to the policies.
func (s *Store) lookAtPolicies(place *devcert.Place) {
	_, err := s.hasOurs()
	if err == nil {
		_, err = (Changer{Root: s.Root}).policies()
	}
	if err != nil {
		place.Evidence += ": " + err.Error()
		place.Remedy = nss.Remedy(err)
	}
}

// lookAtSystem takes over the state of the store that the profile follows.
func (s *Store) lookAtSystem(ctx context.Context, m devcert.Material, how string, place *devcert.Place) {
	places := s.System.Look(ctx, m)
	if len(places) == 0 {
		place.State = devcert.Unknown
		place.Evidence = "it follows the system's store (" + how + "), of which devcert knows nothing"
		return
	}
	system := places[0]
	place.State, place.Evidence = system.State, ""
	if system.State == devcert.Trusted {
		place.VerifiedBy = fmt.Sprintf("it follows the system's store (%s): %s", how, system.VerifiedBy)
		return
	}
	place.Evidence = fmt.Sprintf("it follows the system's store (%s): %s", how, system.Evidence)
}

package devcert

import (
	"fmt"
	"slices"
	"strings"

	"devcert/devcert/chain"
)

// SystemStore is the store that is always asked for unless stores are chosen.
const SystemStore = "system"

// KeychainStore is the login keychain of macOS, which stands in for the system's
// store in scope user.
const KeychainStore = "keychain"

// storeNames are the stores of all systems, so that a configuration that names
// one of them is no mistake even where there is none.
var storeNames = []string{
	SystemStore, KeychainStore, "chromium", "firefox", "java", "dotnet", "windows-root", "windows-ca", "windows-my",
}

// Scopes of a setup: the whole machine, or only what a user may change alone.
const (
	ScopeMachine = "machine"
	ScopeUser    = "user"
)

// Values of Stores that stand for more than one store.
const (
	AllStores = "all"
	NoStores  = "none"
)

func (c *Config) setStores(stores, known []string) error {
	if len(stores) == 0 {
		return nil
	}
	for _, s := range stores {
		whole := s == AllStores || s == NoStores
		if whole && len(stores) > 1 {
			return &UsageError{Problem: fmt.Sprintf("%q stands alone: no other store can be named beside it", s)}
		}
		if !whole && s != SystemStore && !slices.Contains(known, s) {
			return &UsageError{
				Problem: fmt.Sprintf("there is no store %q on this machine", s),
				Hint:    "stores: " + strings.Join(append(slices.Clone(known), AllStores, NoStores), ", "),
			}
		}
	}
	c.Stores = slices.Compact(slices.Sorted(slices.Values(stores)))
	return nil
}

func (c *Config) setScope(scope string) error {
	switch scope {
	case "":
	case ScopeMachine, ScopeUser:
		c.Scope = scope
	default:
		return &UsageError{Problem: fmt.Sprintf("%q is not a scope", scope), Hint: "scopes: user, machine"}
	}
	return nil
}

// scopeFits refuses a store asked for by name that the scope leaves out.
func (c *Config) scopeFits() error {
	if c.Scope == ScopeUser && slices.Contains(c.Stores, SystemStore) {
		return &UsageError{
			Problem: "the system store is the whole machine's, and scope user leaves it out",
			Hint:    "say --scope machine, or leave system out of --stores",
		}
	}
	return nil
}

// WantsStore says whether the store is to hold its part of the hierarchy.
func (c *Config) WantsStore(name string) bool {
	if c.Scope == ScopeUser && name == SystemStore {
		return false
	}
	return slices.Contains(c.Stores, AllStores) || slices.Contains(c.Stores, name) ||
		slices.Contains(c.Stores, SystemStore) && c.ofTheSystem(name)
}

// wantsPlace says whether one place of the store is to.
func (c *Config) wantsPlace(store string, p Place) bool {
	if p.Part == chain.PartClientIntermediate && !c.ClientCerts {
		return false
	}
	if c.Scope == ScopeUser {
		return c.WantsStore(store) && !p.Machine
	}
	return c.WantsStore(store) && !p.UserOnly
}

// Wants says whether a place is to hold its part of the hierarchy; where nothing
// is set up, whether setup would want it.
func (r *Report) Wants(store string, p Place) bool {
	c := r.Config
	if c == nil {
		c = DefaultConfig()
	}
	return c.wantsPlace(store, p)
}

// Shown are the places of a store that are worth a word: not those that only
// stand in for another one in the other scope.
func (r *Report) Shown(s StorePlaces) []Place {
	return slices.DeleteFunc(slices.Clone(s.Places), func(p Place) bool { return p.UserOnly && !r.Wants(s.Store, p) })
}

// ofTheSystem says whether a store is the system's: the one that is called so,
// or Windows's three. A Linux that runs under Windows has one of its own, and
// finds Windows' beside it as it finds a browser's.
func (c *Config) ofTheSystem(store string) bool {
	return store == SystemStore || strings.HasPrefix(store, "windows-") && !c.guest
}

// guest says whether this machine has a system store of its own, so that Windows'
// can only be those of the machine that it runs on.
func (o *Observation) guest() bool {
	return slices.ContainsFunc(o.Stores, func(s StorePlaces) bool { return s.Store == SystemStore })
}

// asksFor says whether the store was asked for by name, so that failing there
// is an error and no mere warning. The system's always is, and so is what stands
// in for it.
func (c *Config) asksFor(name string) bool {
	standsIn := c.Scope == ScopeUser && name == KeychainStore
	return c.WantsStore(name) && (c.ofTheSystem(name) || standsIn || slices.Contains(c.Stores, name))
}

package devcert

import (
	"crypto/x509"
	"fmt"
	"slices"
	"strings"

	"devcert/devcert/chain"
)

// trustWords are the finding that each state of a place makes, but Trusted.
var trustWords = map[PlaceState]struct{ kind, message, consequence string }{
	Missing: {TrustMissing, "the %s store does not have the root", refuses},
	Denied:  {TrustDenied, "the %s store has the root and does not trust it", refuses},
	Stale: {
		TrustStale, "the %s store has the root only in part",
		"some programs refuse https://localhost, or will when the store is next rebuilt",
	},
	Unknown: {TrustUnknown, "the %s store could not be looked into", ""},
}

const refuses = "programs that take their roots there refuse https://localhost"

// trustFindings are about the root in the stores that are to trust it.
func trustFindings(c *Config, o *Observation) []Finding {
	var all []Finding
	for _, s := range o.Stores {
		if len(s.Places) == 0 && c.asksFor(s.Store) {
			all = append(all, noStore(s.Store))
		}
		for _, p := range s.Places {
			if c.WantsStore(s.Store) && p.State != Trusted {
				all = append(all, trustFinding(c, s.Store, p))
			}
		}
	}
	for _, name := range c.Stores {
		if slices.Contains(storeNames, name) && !slices.ContainsFunc(o.Stores, func(s StorePlaces) bool { return s.Store == name }) {
			all = append(all, Finding{
				Kind: TrustUnknown, Severity: Error, Where: name,
				Message: fmt.Sprintf("the %s store was asked for, and this system has none", name),
				Remedy:  "choose again: devcert setup --stores all",
			})
		}
	}
	return all
}

func trustFinding(c *Config, store string, p Place) Finding {
	words := trustWords[p.State]
	f := Finding{
		Kind: words.kind, Severity: Error, Where: p.Path, store: store, cure: trustRoot,
		Message: fmt.Sprintf(words.message, store), Consequence: words.consequence,
	}
	if p.Evidence != "" {
		f.Message += ": " + p.Evidence
	}
	if p.State == Unknown && !c.asksFor(store) {
		f.Severity = Warning
	}
	return f
}

func noStore(store string) Finding {
	return Finding{
		Kind: TrustUnknown, Severity: Error, Where: store, store: store, cure: trustRoot,
		Message:     fmt.Sprintf("this machine has no %s store that devcert knows", store),
		Consequence: "whether programs here trust https://localhost is not known",
		Remedy:      "install the package ca-certificates, or leave the store out: devcert setup --stores none",
	}
}

// formerRoots are roots of this user that are not the current one: known ones,
// which the ledger has and repair removes, and unknown ones. Other users' are
// nobody's business here.
func formerRoots(o *Observation) []Finding {
	var all []Finding
	for _, s := range o.Stores {
		for _, p := range s.Places {
			for _, root := range p.Others {
				if f, ok := formerRoot(s.Store, p, root, o); ok {
					all = append(all, f)
				}
			}
		}
	}
	return all
}

func formerRoot(store string, p Place, root *x509.Certificate, o *Observation) (Finding, bool) {
	mine := sameUser(root, o.Owner)
	known := o.Folder.Ledger.Has(store, root) && (mine || !o.Foreign)
	if !known && !mine {
		return Finding{}, false
	}
	f := Finding{
		Kind: FormerRoot, Severity: Warning, Where: p.Path, store: store, root: root,
		Message:     fmt.Sprintf("the %s store still trusts a former root, %s", store, root.Subject.CommonName),
		cure:        distrustRoot,
		Consequence: "certificates made under it are still accepted here",
	}
	if !known {
		f.cure, f.Remedy = noCure, "devcert uninstall --all"
	}
	return f, true
}

func sameUser(root *x509.Certificate, owner Owner) bool {
	user := func(s string) string { name, _, _ := strings.Cut(s, "@"); return name }
	return user(chain.OwnerOf(root)) == user(chain.ReduceOwner(owner.User+"@"+owner.Host))
}

// overrideFindings are about variables that hide a trusted root from clients.
// While no store trusts it, that is what is to be said, and not this.
func overrideFindings(o *Observation) []Finding {
	var all []Finding
	if !o.trusted() {
		return nil
	}
	for _, v := range o.Overrides {
		if v.Reason == "" {
			continue
		}
		all = append(all, Finding{
			Kind: EnvOverride, Severity: Warning, Where: v.Name,
			Message:     fmt.Sprintf("%s=%s: %s", v.Name, v.Value, v.Reason),
			Consequence: "programs that obey it refuse https://localhost though the system trusts it",
			Remedy:      "unset " + v.Name,
		})
	}
	return all
}

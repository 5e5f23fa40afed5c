package devcert

import (
	"cmp"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"

	"devcert/devcert/chain"
)

// stateWords are the finding that each state of a place makes, but Trusted.
type stateWords struct{ kind, message, consequence string }

const (
	refuses   = "programs that take their roots there refuse https://localhost"
	unchained = "servers there send the leaf alone, and clients refuse it"
	unlisted  = "Windows' own curl asks for them and refuses https://localhost: 0x80092012"
	unbuilt   = "servers there cannot build the chain of a client's certificate, and refuse it"
	keyless   = "servers that take their certificate there present none, or another"
)

var (
	unknown   = stateWords{TrustUnknown, "the %s store could not be looked into", ""}
	rootWords = map[PlaceState]stateWords{
		Missing: {TrustMissing, "the %s store does not have the root", refuses},
		Denied:  {TrustDenied, "the %s store has the root and does not trust it", refuses},
		Stale: {
			TrustStale, "the %s store has the root only in part",
			"some programs refuse https://localhost, or will when the store is next rebuilt",
		},
		Unknown: unknown,
	}
	intermediateWords = map[PlaceState]stateWords{
		Missing: {IntermediateMissing, "the %s store does not have the intermediate", unchained},
		Denied:  {TrustDenied, "the %s store has the intermediate and does not trust it", unchained},
		Stale:   {CRLExpired, "the %s store has the intermediate without good revocation lists", unlisted},
		Unknown: unknown,
	}
	clientWords = map[PlaceState]stateWords{
		Missing: {IntermediateMissing, "the %s store does not have the client intermediate", unbuilt},
		Denied:  {TrustDenied, "the %s store has the client intermediate and does not trust it", unbuilt},
		Stale:   {IntermediateMissing, "the %s store has the client intermediate only in part", unbuilt},
		Unknown: unknown,
	}
	leafWords = map[PlaceState]stateWords{
		Missing: {LeafMissing, "the %s store does not have the leaf", keyless},
		Denied:  {KeyMissing, "the %s store has the leaf, and cannot use it", keyless},
		Stale:   {KeyMissing, "the %s store has the leaf without its key", keyless},
		Unknown: unknown,
	}
)

func wordsFor(p Place) stateWords {
	switch p.Part {
	case chain.PartIntermediate:
		return intermediateWords[p.State]
	case chain.PartClientIntermediate:
		return clientWords[p.State]
	case chain.PartLeaf:
		return leafWords[p.State]
	}
	return rootWords[p.State]
}

// storeFindings are about the parts of the hierarchy in the stores that are to
// hold them.
func storeFindings(c *Config, o *Observation) []Finding {
	var all []Finding
	for _, s := range o.Stores {
		if len(s.Places) == 0 && c.asksFor(s.Store) {
			all = append(all, noStore(c, o, s.Store))
		}
		for _, p := range s.Places {
			if c.wantsPlace(s.Store, p) && p.State != Trusted {
				all = append(all, placeFinding(c, s.Store, p))
			}
			all = append(all, strayFindings(c, o, s.Store, p)...)
		}
	}
	return append(all, unknownStores(c, o)...)
}

// unknownStores are those asked for by name that only another system has.
func unknownStores(c *Config, o *Observation) []Finding {
	var all []Finding
	for _, name := range c.Stores {
		whole := name == AllStores || name == NoStores || name == SystemStore
		if whole || slices.ContainsFunc(o.Stores, func(s StorePlaces) bool { return s.Store == name }) {
			continue
		}
		all = append(all, Finding{
			Kind: TrustUnknown, Severity: Error, Where: name,
			Message: fmt.Sprintf("the %s store was asked for, and this system has none", name),
			Remedy:  "choose again: devcert setup --stores all",
		})
	}
	return all
}

func placeFinding(c *Config, store string, p Place) Finding {
	words := wordsFor(p)
	f := Finding{
		Kind: words.kind, Severity: Error, Where: p.Path, store: store, cure: deployParts,
		Message: fmt.Sprintf(words.message, store), Consequence: words.consequence,
	}
	if p.Evidence != "" {
		f.Message += ": " + p.Evidence
	}
	if (p.State == Unknown || p.Remedy != "") && !c.asksFor(store) {
		f.Severity = Warning
	}
	if p.Remedy != "" {
		f.Remedy, f.cure = p.Remedy, noCure
	}
	return f
}

// installs says what makes a store that is not there. Which of the system's
// packages a system has, its own tools know best; each has the one tool that
// devcert runs.
var installs = map[string]string{
	SystemStore: "install the package ca-certificates, which has update-ca-certificates (on Fedora and its relatives " +
		"update-ca-trust), or on Arch ca-certificates-utils, which has trust",
	"chromium": "install Chromium or a browser made from it",
	"firefox":  "start Firefox once, which makes a profile",
	"java":     "install a Java, or name one in JAVA_HOME",
	"dotnet":   "install .NET",
}

func noStore(c *Config, o *Observation, store string) Finding {
	f := Finding{
		Kind: TrustUnknown, Severity: Error, Where: store, store: store, cure: deployParts,
		Message:     fmt.Sprintf("this machine has no %s store that devcert knows", store),
		Consequence: "whether programs here trust https://localhost is not known",
		Remedy:      "leave the store out: devcert setup --stores " + o.others(c, store),
	}
	if install := installs[store]; install != "" {
		f.Remedy = install + "; or " + f.Remedy
	}
	return f
}

// others are the stores that are wanted and there, but for one, as --stores takes
// them.
func (o *Observation) others(c *Config, store string) string {
	var all []string
	for _, s := range o.Stores {
		if s.Store != store && len(s.Places) > 0 && c.WantsStore(s.Store) {
			all = append(all, s.Store)
		}
	}
	return cmp.Or(strings.Join(all, ","), NoStores)
}

// allStrays are those of every place, where nothing is wanted of any.
func allStrays(o *Observation) []Finding {
	var all []Finding
	for _, s := range o.Stores {
		for _, p := range s.Places {
			all = append(all, strayFindings(nil, o, s.Store, p)...)
		}
	}
	return all
}

// strayFindings are about certificates that do harm where they are. Those of the
// present hierarchy are devcert's to remove, wherever somebody put them; others
// are their owners', and an error where the leaf is wanted and nobody gets it.
// Without a configuration nothing is wanted.
func strayFindings(c *Config, o *Observation, store string, p Place) []Finding {
	var all []Finding
	m := o.material()
	for _, stray := range p.Strays {
		if f, ok := fileFinding(store, stray); ok {
			all = append(all, f)
			continue
		}
		f := Finding{
			Kind: RivalCertificate, Severity: Warning, Where: cmp.Or(stray.Where, p.Path), store: store, cert: stray.Cert,
			Message:     fmt.Sprintf("the %s store has %s: %s", store, nameOf(stray.Cert), stray.Why),
			Consequence: "a server may present it instead of devcert's",
			Remedy:      strayRemedy(stray, p),
		}
		if stray.TakesOver && c != nil && c.wantsPlace(store, p) {
			f.Severity, f.Consequence = Error, "the server never presents devcert's, and clients refuse what it does"
		}
		if stray.Harm == HarmNotSelfSigned {
			f.Kind, f.Consequence = IntermediateInRoot, "IIS answers 403.16 or 403.7 to client certificates"
		}
		switch {
		case m.Leaf != nil && stray.Cert.Equal(m.Leaf):
			f.Kind, f.cure, f.Remedy = LeafInRoot, withdrawCert, ""
		case m.Intermediate != nil && stray.Cert.Equal(m.Intermediate),
			m.ClientIntermediate != nil && stray.Cert.Equal(m.ClientIntermediate):
			f.Severity, f.cure, f.Remedy = Error, withdrawCert, ""
		}
		all = append(all, f)
	}
	return all
}

// formerCerts are certificates of this user that are not of the present
// hierarchy: known ones, which the ledger has and repair removes, and unknown
// ones. Other users' are nobody's business here.
func formerCerts(o *Observation) []Finding {
	var all []Finding
	for _, s := range o.Stores {
		for _, p := range s.Places {
			for _, cert := range p.Others {
				if f, ok := formerCert(s.Store, p, cert, o); ok {
					all = append(all, f)
				}
			}
		}
	}
	return all
}

func formerCert(store string, p Place, cert *x509.Certificate, o *Observation) (Finding, bool) {
	mine := sameUser(cert, o.Owner)
	known := o.Folder.Ledger.Has(store, cert) && (mine || !o.Foreign)
	if !known && (!mine || p.Shared) {
		return Finding{}, false
	}
	f := Finding{
		Kind: FormerRoot, Severity: Warning, Where: p.Path, store: store, cert: cert, cure: withdrawCert,
		Message:     fmt.Sprintf("the %s store still trusts a former root, %s", store, nameOf(cert)),
		Consequence: "certificates made under it are still accepted here",
	}
	switch chain.PartOf(cert) {
	case chain.PartIntermediate, chain.PartClientIntermediate:
		f.Message = fmt.Sprintf("the %s store still has a former intermediate, %s", store, nameOf(cert))
		f.Consequence = "none while its root is not trusted"
	case chain.PartLeaf:
		f.Kind, f.Message = RivalCertificate, fmt.Sprintf("the %s store still has a former leaf, %s", store, nameOf(cert))
		f.Consequence = "a server may present it instead of the present one"
	}
	if !known {
		f.cure, f.Remedy, f.former = noCure, "devcert uninstall --all", true
	}
	return f, true
}

func sameUser(cert *x509.Certificate, owner Owner) bool {
	user := func(s string) string { name, _, _ := strings.Cut(s, "@"); return name }
	return user(chain.OwnerOf(cert)) == user(chain.ReduceOwner(owner.User+"@"+owner.Host))
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
			Remedy:      cmp.Or(v.Remedy, "unset "+v.Name),
		})
	}
	return all
}

package devcert

import (
	"crypto/x509"
	"fmt"
	"slices"
	"time"

	"devcert/devcert/chain"
	"devcert/devcert/disk"
)

// hierarchyFindings are about the certificates and keys themselves.
func hierarchyFindings(c *Config, o *Observation) []Finding {
	if o.Folder.Current == "" {
		return []Finding{{
			Kind: HierarchyMissing, Severity: Error, Where: "state folder", cure: newHierarchy,
			Message:     "there is no hierarchy: neither root nor intermediate nor leaf",
			Consequence: "https://localhost is not trusted anywhere on this machine",
		}}
	}
	if unreadable(o) {
		return nil // what could not be looked at is not lost; the files have their findings
	}
	if lost := lostParts(o); len(lost) > 0 {
		return lost
	}
	var all []Finding
	early := false
	for _, p := range o.problems() {
		switch p.Fault {
		case chain.FaultNotYetValid:
			if !early {
				all = append(all, earlyFinding(p, o.Now))
			}
			early = true // what is below it says the same
		default:
			all = append(all, problemFinding(p))
		}
	}
	return append(all, differences(c, o)...)
}

// problems are what is wrong with the certificates themselves; not which names they
// have, which differences says better.
func (o *Observation) problems() []chain.Problem {
	if o.judged {
		return o.faults
	}
	return judgeHierarchy(&o.Folder.Hierarchy, o.Now)
}

func judgeHierarchy(h *disk.Hierarchy, now time.Time) []chain.Problem {
	parts := chain.Parts{
		Root: h.Root, Intermediate: h.Intermediate.Cert, Leaf: h.Leaf.Cert,
		IntermediateKey: h.Intermediate.Key, LeafKey: h.Leaf.Key,
	}
	if h.ClientIntermediate.Key != nil { // else it is lost, which differences says
		parts.ClientIntermediate, parts.ClientIntermediateKey = h.ClientIntermediate.Cert, h.ClientIntermediate.Key
	}
	return chain.Check(parts, nil, now)
}

// earlyFinding is about a clock that lags: the certificates were made by the same
// machine, an hour backdated. What is made anew by that clock would be refused as
// soon as it is right, so that nothing is.
func earlyFinding(p chain.Problem, now time.Time) Finding {
	return Finding{
		Kind: NotYetValid, Severity: Error, Where: string(p.Part),
		Message:     fmt.Sprintf("the %s %s, and the clock says %s", p.Part, p.Reason, now.UTC().Format(time.DateTime)),
		Consequence: "clients refuse https://localhost: the certificate's dates are not now",
		Remedy:      "set this machine's clock right, then: devcert status",
	}
}

func unreadable(o *Observation) bool {
	return slices.ContainsFunc(o.Folder.Damage, func(d disk.Damage) bool {
		return d.Kind == disk.Unreadable && d.Remedy == "" && d.Name != disk.ConfigFile && d.Name != disk.LedgerFile
	})
}

// lostParts are parts of the hierarchy that no file holds any more. Without
// root, intermediate or its key only a new hierarchy helps; a leaf is reissued.
func lostParts(o *Observation) []Finding {
	h := &o.Folder.Hierarchy
	lost := func(kind string, cure cure, what string) []Finding {
		return []Finding{{
			Kind: kind, Severity: Error, Where: "generation " + o.Folder.Current, cure: cure,
			Message: what + " is lost: no file of the state folder holds it whole",
		}}
	}
	switch {
	case h.Root == nil:
		return lost(HierarchyMissing, newHierarchy, "the root")
	case h.Intermediate.Cert == nil:
		return lost(HierarchyMissing, newHierarchy, "the intermediate")
	case h.Intermediate.Key == nil:
		return lost(HierarchyMissing, newHierarchy, "the intermediate's key")
	case h.Leaf.Cert == nil:
		return lost(LeafMissing, newLeaf, "the leaf")
	case h.Leaf.Key == nil:
		return lost(PairMismatch, newLeaf, "the leaf's key")
	}
	return nil
}

// problemFinding names a problem of the certificates in the contract's words.
func problemFinding(p chain.Problem) Finding {
	f := Finding{
		Kind: StateCorrupt, Severity: Error, Where: string(p.Part),
		Message: fmt.Sprintf("the %s %s", p.Part, p.Reason), cure: newHierarchy,
	}
	if p.Part == chain.PartLeaf {
		f.cure = newLeaf
	}
	switch p.Fault {
	case chain.FaultExpired:
		f.Kind = map[chain.Part]string{
			chain.PartRoot: RootExpired, chain.PartIntermediate: IntermediateExpired,
			chain.PartClientIntermediate: IntermediateExpired, chain.PartLeaf: LeafExpired,
		}[p.Part]
		f.Consequence = "clients refuse https://localhost: the certificate's dates are not now"
	case chain.FaultKey:
		f.Kind = PairMismatch
	}
	return f
}

// differences are between sound certificates and what was asked for, and ends
// that come near.
func differences(c *Config, o *Observation) []Finding {
	h := &o.Folder.Hierarchy
	var all []Finding
	if wanted, has := c.Permitted(), chain.PermitsOf(h.Root); !has.Equal(wanted) {
		f := Finding{
			Kind: ConstraintsDiffer, Severity: Error, Where: "root", cure: newHierarchy,
			Message: fmt.Sprintf("the root permits %s, and asked for is %s", has, wanted),
		}
		if has.Covers(wanted) { // nothing that is wanted is broken
			f.Severity, f.cure, f.Remedy = Warning, noCure, "devcert renew --root"
			f.Message = fmt.Sprintf("the root permits more than is asked for: %s, and asked for is %s", has, wanted)
		}
		all = append(all, f)
	}
	if has, wanted := chain.ServerNames(h.Leaf.Cert), c.AllNames(); !sameSet(has, wanted) {
		all = append(all, Finding{
			Kind: LeafNamesDiffer, Severity: Error, Where: "leaf", cure: newLeaf,
			Message: "the leaf's names are not the ones asked for: " + nameDifference(has, wanted),
		})
	}
	if has := keyTypeOf(h.Leaf.Cert); has != c.Key {
		all = append(all, Finding{
			Kind: LeafKeyDiffers, Severity: Error, Where: "leaf", cure: newLeaf,
			Message: fmt.Sprintf("the leaf's key is %s, and asked for is %s", has, c.Key),
		})
	}
	switch kept := h.RootKey != nil; {
	case c.KeepRootKey && !kept:
		all = append(all, Finding{
			Kind: KeyMissing, Severity: Error, Where: "root", cure: newHierarchy,
			Message: "the root's key was asked to be kept, and is not there",
		})
	case kept && !c.KeepRootKey:
		all = append(all, Finding{
			Kind: FileExposed, Severity: Warning, Where: "root-key.pem", cure: newLeaf,
			Message:     "the root's key is on disk, and was not asked to be kept",
			Consequence: "whoever reads it can make certificates that this machine trusts",
		})
	}
	all = append(all, clientDifferences(c, h)...)
	return append(all, endings(o)...)
}

// clientDifferences are about the authority for clients.
func clientDifferences(c *Config, h *disk.Hierarchy) []Finding {
	has := h.ClientIntermediate.Cert != nil && h.ClientIntermediate.Key != nil
	switch {
	case c.ClientCerts && !has:
		return []Finding{{
			Kind: KeyMissing, Severity: Error, Where: string(chain.PartClientIntermediate), cure: newHierarchy,
			Message:     "an authority for clients was asked for, and its certificate or key is not there",
			Consequence: "devcert issue --client has nothing to sign with",
		}}
	case has && !c.ClientCerts:
		return []Finding{{
			Kind: FileExposed, Severity: Warning, Where: disk.ClientFile, cure: newLeaf,
			Message:     "the key of an authority for clients is on disk, and was not asked for",
			Consequence: "whoever reads it can make client certificates that servers trusting this root accept",
		}}
	}
	return nil
}

func endings(o *Observation) []Finding {
	h := &o.Folder.Hierarchy
	var all []Finding
	root, leaf := h.Root, h.Leaf.Cert
	if left := root.NotAfter.Sub(o.Now); left > 0 && left < rootExpiringBefore {
		all = append(all, Finding{
			Kind: RootExpiring, Severity: Warning, Where: "root", Remedy: "devcert renew --root",
			Message: fmt.Sprintf("the root ends on %s, in %d days", day(root.NotAfter), days(left)),
		})
	}
	// A leaf that ends with its issuer cannot be renewed for longer.
	renewable := leaf.NotAfter.Before(h.Intermediate.Cert.NotAfter)
	if left := leaf.NotAfter.Sub(o.Now); renewable && left > 0 && left < chain.RenewBefore {
		all = append(all, Finding{
			Kind: LeafExpiring, Severity: Warning, Where: "leaf", cure: newLeaf,
			Message: fmt.Sprintf("the leaf ends on %s, in %d days", day(leaf.NotAfter), days(left)),
		})
	}
	crl, err := x509.ParseRevocationList(h.RootCRL)
	if err != nil || !crl.NextUpdate.After(o.Now) {
		all = append(all, Finding{
			Kind: CRLExpired, Severity: Warning, Where: "root.crl", Remedy: "devcert renew --root",
			Message:     "the root's revocation list is lost or past its end",
			Consequence: "clients that ask for revocation say that the status is unknown",
		})
	}
	return all
}

func sameSet(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(slices.Compact(a), slices.Compact(b))
}

func nameDifference(has, wanted []string) string {
	text := ""
	for _, name := range wanted {
		if !slices.Contains(has, name) {
			text += ", without " + name
		}
	}
	for _, name := range has {
		if !slices.Contains(wanted, name) {
			text += ", with " + name
		}
	}
	if text == "" {
		return "another order"
	}
	return text[2:]
}

package devcert

import (
	"cmp"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"devcert/devcert/disk"
)

// Kinds of finding. Each has a text for `devcert explain`.
const (
	HierarchyMissing    = "hierarchy-missing"
	StateCorrupt        = "state-corrupt"
	StateForeign        = "state-foreign"
	PairMismatch        = "pair-mismatch"
	FileExposed         = "file-exposed"
	ConstraintsDiffer   = "constraints-differ"
	RootExpired         = "root-expired"
	RootExpiring        = "root-expiring"
	IntermediateExpired = "intermediate-expired"
	NotYetValid         = "not-yet-valid"
	LeafMissing         = "leaf-missing"
	LeafExpired         = "leaf-expired"
	LeafExpiring        = "leaf-expiring"
	LeafNamesDiffer     = "leaf-names-differ"
	LeafKeyDiffers      = "leaf-key-differs"
	CRLExpired          = "crl-expired"
	CRLUnreachable      = "crl-unreachable"
	KeyMissing          = "key-missing"
	RivalCertificate    = "rival-certificate"
	StaleExport         = "stale-export"
	TrustMissing        = "trust-missing"
	TrustDenied         = "trust-denied"
	TrustStale          = "trust-stale"
	TrustUnknown        = "trust-unknown"
	IntermediateMissing = "intermediate-missing"
	IntermediateInRoot  = "intermediate-in-root"
	LeafInRoot          = "leaf-in-root"
	FormerRoot          = "former-root"
	EnvOverride         = "env-override"
	ConstraintsIgnored  = "constraints-ignored"
	BindingMissing      = "binding-missing"
	BindingStale        = "binding-stale"
	BindingUnknown      = "binding-unknown"
	BindingForeign      = "binding-foreign"
	BindingShadowed     = "binding-shadowed"
	ReservationMissing  = "reservation-missing"
	PortExcluded        = "port-excluded"
	PortEphemeral       = "port-ephemeral"
	ListenerDiffers     = "listener-differs"
	ServiceMissing      = "service-missing"
	UninstallUnfinished = "uninstall-unfinished"
)

// Severity says whether a finding breaks a client or port that is wanted.
type Severity string

// An error makes the exit code 3; a warning does not.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
)

// Finding is one difference between what is wanted and what is there.
type Finding struct {
	Kind       string   `json:"kind"`
	Severity   Severity `json:"severity"`
	Where      string   `json:"where"`
	Message    string   `json:"message"`
	Remedy     string   `json:"remedy"`
	Repairable bool     `json:"repairable"` // `devcert repair` cures it
	// Consequence is what a person then sees, in one line; may be empty.
	Consequence string `json:"-"`

	client string // the name of the one it is a forecast about
	cure   cure   // what the plan does about it
	store  string
	cert   *x509.Certificate
	former bool // of this user, and known to no ledger
	ports  []int
	damage *disk.Damage
	// service is the name of the one that it is about
	service string
	group   groupChange
}

// cure is what removes a finding.
type cure int

const (
	noCure         cure = iota // a person's matter
	newHierarchy               // everything anew, staged
	newLeaf                    // under the same intermediate
	restoreFile                // write the bytes that belong there
	rebuildFile                // set it aside and write what is known
	tightenFile                // take others' rights away
	finishFile                 // go on with what was stopped
	writeBundle                // the system's roots and devcert's
	deployParts                // in the store
	withdrawCert               // from the store
	retractCert                // a client's, from where it is offered
	bindPorts                  // to the leaf
	installService             // and start it
	dismissService             // stop it, and remove what Install made
	changeGroup                // make, disable or enable it
)

// rootExpiringBefore is how long before its end a root is spoken of: its
// leaves no longer get their whole year, and a new root takes planning.
const rootExpiringBefore = 180 * 24 * time.Hour

// compare is the only place that makes findings: what c wants, against o. A nil
// c means that setup never ran.
func compare(c *Config, damage error, o *Observation) []Finding {
	var all []Finding
	if c == nil {
		all = append(all, Finding{
			Kind: HierarchyMissing, Severity: Error, Where: "state folder",
			Message: "devcert has not been set up for this user", Remedy: "devcert setup",
			Consequence: "https://localhost is not trusted anywhere on this machine",
		})
		all = append(all, formerCerts(o)...)
		all = append(all, allStrays(o)...)
		all = append(all, brokenBindings(o)...)
		all = append(all, iisFindings(nil, o)...)
		return append(all, projectFindings(nil, o)...)
	}
	all = append(all, stateFindings(c, damage, o)...)
	all = append(all, hierarchyFindings(c, o)...)
	if o.Folder.Hierarchy.Root != nil {
		all = append(all, storeFindings(c, o)...)
	}
	all = append(all, formerCerts(o)...)
	all = append(all, orphanFindings(c, o)...)
	all = append(all, overrideFindings(o)...)
	all = append(all, bundleFindings(o)...)
	all = append(all, clientFindings(o)...)
	all = append(all, portFindings(c, o)...)
	all = append(all, ephemeralFindings(c, o)...)
	all = append(all, projectFindings(c, o)...)
	all = append(all, listenerFindings(c, o)...)
	all = append(all, serviceFindings(c, o)...)
	all = append(all, iisFindings(c, o)...)
	for i := range all {
		f := &all[i]
		f.Repairable = f.cure != noCure
		if f.Remedy == "" && f.Repairable {
			f.Remedy = "devcert repair --only " + f.Kind
		}
	}
	return all
}

// stateFindings are about the files of the state folder.
func stateFindings(c *Config, damage error, o *Observation) []Finding {
	var all []Finding
	if o.Foreign {
		all = append(all, Finding{
			Kind: StateForeign, Severity: Error, Where: "state folder", cure: newHierarchy,
			Message:     "the state folder was made by another user or on another machine",
			Consequence: "its keys are in two places, and its root is not this machine's",
		})
	}
	if damage != nil {
		all = append(all, configFinding(c, damage))
	}
	if o.Folder.NoLedger && o.deployed() {
		all = append(all, Finding{
			Kind: StateCorrupt, Severity: Error, Where: disk.LedgerFile, cure: rebuildFile,
			Message: "ledger.json: it is missing, and a store has what it should name", damage: &disk.Damage{Name: disk.LedgerFile},
		})
	}
	for i := range o.Folder.Damage {
		if f, ok := damageFinding(&o.Folder.Damage[i]); ok {
			all = append(all, f)
		}
	}
	return append(all, exposedBefore(o)...)
}

func configFinding(c *Config, damage error) Finding {
	f := Finding{
		Kind: StateCorrupt, Severity: Error, Where: disk.ConfigFile, cure: rebuildFile,
		Message: "config.json is not usable: " + damage.Error(), damage: &disk.Damage{Name: disk.ConfigFile},
	}
	if c.guessed {
		f.Message += "; nothing shows which stores were asked for"
		f.Consequence = "whether any of them should trust the root is not known"
		f.cure, f.Remedy = noCure, "devcert setup, with --stores none if none was to"
	}
	return f
}

func foreign(c *Config, o *Observation) bool {
	here := o.Owner.Machine
	differs := func(made string) bool { return here != "" && made != "" && made != here }
	return differs(c.Machine) || differs(o.Folder.Ledger.Machine)
}

// damageFinding turns damage into a finding, unless it only repeats what a
// finding about the hierarchy says: a leaf that is lost has lost its files too.
func damageFinding(d *disk.Damage) (Finding, bool) {
	f := Finding{
		Severity: Error, Where: d.Name, damage: d,
		Message: fmt.Sprintf("%s: %s", d.Name, d.Reason), cure: restoreFile,
	}
	switch {
	case d.Name == disk.ConfigFile && d.Kind != disk.Unreadable:
		return f, false // stateFindings has it
	case d.Kind == disk.Exposed:
		return exposedFinding(f), true
	case d.Kind == disk.Interrupted:
		f.Kind, f.cure = PairMismatch, finishFile
		f.Consequence = "a server or client that reads them may find a certificate and a key that do not belong together"
	case d.Kind == disk.Unreadable:
		f.Kind, f.cure = StateCorrupt, noCure
		f.Remedy = cmp.Or(d.Remedy, "give its owner the right to read it, or remove it")
	case d.Name == disk.LedgerFile:
		f.Kind, f.cure = StateCorrupt, rebuildFile
	case d.Name == disk.CurrentFile:
		f.Kind = StateCorrupt
		return f, d.Cure != nil // without any generation, the hierarchy is missing
	case d.Cure == nil && strings.HasSuffix(d.Name, "/root-key.pem"):
		f.Kind, f.Severity, f.cure = StateCorrupt, Warning, noCure
		f.Remedy = "remove it: it is not the key of this root"
	case d.Cure == nil:
		return f, false // see lostParts
	case d.Kind == disk.Differs:
		f.Kind = PairMismatch
		f.Consequence = "a server that reads it presents a certificate and key that do not belong together"
	case d.Name == disk.LeafFile || d.Name == disk.LeafKeyFile:
		f.Kind = LeafMissing
		f.Consequence = "a server configured with it cannot start"
	default:
		f.Kind = StateCorrupt
	}
	return f, true
}

func exposedFinding(f Finding) Finding {
	f.Kind, f.cure = FileExposed, tightenFile
	f.Where = whereOf(f.damage)
	f.Message = fmt.Sprintf("%s: %s", f.Where, f.damage.Reason)
	switch {
	case isGroups(f.Where):
		f.Consequence = "whoever has read it can make client certificates of that group; devcert group disable ends them"
	case signsCertificates(f.Where):
		f.Consequence = "whoever has read it can make certificates that this machine trusts"
	case wasIssued(f.Where):
		f.Consequence = "whoever has read it can pose as whom it was issued to; devcert revoke ends a client's certificate"
	case f.damage.Private:
		f.cure = newLeaf
		f.Consequence = "whoever has read it can pose as localhost to this machine; repair makes a new leaf"
	default:
		f.Severity = Warning
	}
	return f
}

// wasIssued says of a file of the state folder that devcert issue made it.
func wasIssued(name string) bool {
	return strings.HasPrefix(strings.TrimPrefix(name, "/"), disk.IssuedFolder+"/")
}

// isGroups says of a file of the state folder that it is a group's.
func isGroups(name string) bool {
	return strings.HasPrefix(strings.TrimPrefix(name, "/"), disk.GroupsDir+"/")
}

// whereOf names a file or folder for a person.
func whereOf(d *disk.Damage) string {
	if d.Name == "." {
		return "the state folder"
	}
	return d.Name
}

func signsCertificates(name string) bool {
	return isGroups(name) || !wasIssued(name) &&
		slices.Contains([]string{"root-key.pem", "intermediate-key.pem", "client-intermediate-key.pem"}, path.Base(name))
}

// exposedBefore keeps saying that a key which signs certificates was once readable:
// taking the right away does not take back what was read.
func exposedBefore(o *Observation) []Finding {
	exposed := o.Folder.Ledger.Exposed
	var all []Finding
	if slices.Contains(exposed, exposedKey(o, "")) {
		all = append(all, Finding{
			Kind: FileExposed, Severity: Error, Where: "intermediate key",
			Message:     "others could read the key of the intermediate, or another that signs certificates; only a new hierarchy cures that",
			Consequence: "whoever has read it can make certificates that this machine trusts",
			Remedy:      "devcert renew --root",
		})
	}
	for _, g := range o.Folder.Hierarchy.Groups {
		if !g.Disabled && slices.Contains(exposed, hex.EncodeToString(g.Cert.SubjectKeyId)) {
			all = append(all, Finding{
				Kind: FileExposed, Severity: Error, Where: "group " + g.Name,
				Message:     "others could read the key of the group " + g.Name,
				Consequence: "whoever has read it can make client certificates of that group",
				Remedy:      "devcert group disable " + g.Name,
			})
		}
	}
	return all
}

// exposedKey is how the ledger names a key that was exposed: a group's own, and for
// all others, which only a new hierarchy replaces, the intermediate's.
func exposedKey(o *Observation, name string) string {
	for _, g := range o.Folder.Hierarchy.Groups {
		if isGroups(name) && path.Base(name) == g.Name+"-key.pem" {
			return hex.EncodeToString(g.Cert.SubjectKeyId)
		}
	}
	if cert := o.Folder.Hierarchy.Intermediate.Cert; cert != nil {
		return hex.EncodeToString(cert.SubjectKeyId)
	}
	return "none"
}

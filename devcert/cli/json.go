package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"crypto/x509"

	"devcert/devcert"
	"devcert/devcert/chain"
)

// document is what --json prints. Its form is a contract with scripts; schema
// grows when a field changes its meaning.
type document struct {
	Schema    int               `json:"schema"`
	Command   string            `json:"command"`
	OK        bool              `json:"ok"`
	Exit      int               `json:"exit"`
	Error     *string           `json:"error"`
	Remedy    *string           `json:"remedy,omitempty"` // for the error; with exit 4 the command to run
	Hierarchy *hierarchyJSON    `json:"hierarchy"`
	Stores    []storeJSON       `json:"stores"`
	Bindings  []bindingJSON     `json:"bindings"`
	Findings  []devcert.Finding `json:"findings"`
	Steps     []stepJSON        `json:"steps"`
	Clients   []clientJSON      `json:"clients,omitempty"` // status and doctor
	Services  []serviceJSON     `json:"services,omitempty"`
	Ended     []endedJSON       `json:"ended,omitempty"` // by a change of the hierarchy
	Projects  []projectJSON     `json:"projects,omitempty"`
	reference
}

// reference is what commands that look at no machine have to tell.
type reference struct {
	Version string   `json:"version,omitempty"` // version
	Kinds   []string `json:"kinds,omitempty"`   // explain
	// Symptoms are those that explain has a text for.
	Symptoms []string     `json:"symptoms,omitempty"`
	Text     string       `json:"text,omitempty"`    // explain KIND, --help
	Symptom  *symptomJSON `json:"symptom,omitempty"` // doctor --symptom
	// Variables are what env prints.
	Variables    []devcert.Variable `json:"variables,omitzero"`
	Listening    *listeningJSON     `json:"listening,omitempty"` // serve
	Watch        *watchJSON         `json:"watch,omitempty"`     // watch
	Export       *exportJSON        `json:"export,omitempty"`
	*verdictJSON                    // check-client
	Check        *checkJSON         `json:"check,omitempty"`  // check-client
	Issued       []issuedJSON       `json:"issued,omitzero"`  // issue, list and revoke
	Groups       []groupJSON        `json:"groups,omitzero"`  // group list
	Config       *configJSON        `json:"config,omitempty"` // setup and config init

	planned []devcert.Step // with --dry-run, of commands that look at no machine
}

type hierarchyJSON struct {
	ID            string            `json:"id"`
	Root          *certificateJSON  `json:"root"`
	Intermediates []certificateJSON `json:"intermediates"`
	Leaf          *certificateJSON  `json:"leaf"`
	Groups        []groupJSON       `json:"groups,omitempty"`
}

type certificateJSON struct {
	Subject     string   `json:"subject"`
	NotAfter    string   `json:"notAfter"` // RFC 3339, UTC
	DaysLeft    int      `json:"daysLeft"` // whole days, negative when past
	Thumbprint  string   `json:"thumbprint"`
	Fingerprint string   `json:"fingerprint"`
	Names       []string `json:"names,omitempty"`
}

// endedJSON is a certificate that was issued and lost its authority just now.
type endedJSON struct {
	Name string `json:"name"`
	// Unrevocable is true of what stays valid, and false of what nobody accepts now.
	Unrevocable bool     `json:"unrevocable"`
	Again       []string `json:"again,omitempty"` // the words behind devcert that issue it again
}

type storeJSON struct {
	Name       string             `json:"name"`
	Kind       string             `json:"kind"`
	Path       string             `json:"path"`
	Wanted     bool               `json:"wanted"`
	State      devcert.PlaceState `json:"state"`
	VerifiedBy string             `json:"verifiedBy"`
	Evidence   string             `json:"evidence"`
}

type bindingJSON struct {
	Port       int     `json:"port"`
	Address    string  `json:"address"`
	State      string  `json:"state"`
	Thumbprint *string `json:"thumbprint"`
	AppID      *string `json:"appId"`
	Listener   *string `json:"listener"`
	// ClientCerts says whether clients are asked for one; null when not known.
	ClientCerts *bool `json:"clientCerts"`
	// Name is what the certificate was issued as; null for the leaf and others.
	Name *string `json:"name"`
}

type stepJSON struct {
	What      string  `json:"what"`
	Where     string  `json:"where"`
	Changed   bool    `json:"changed"`
	ElapsedMs float64 `json:"elapsedMs"`
	Error     *string `json:"error"`
	// Commands are what a step would run, in a dry run.
	Commands []string `json:"commands,omitempty"`
}

// printJSON prints the one document; r is nil when the command did not get as
// far as looking.
func (p *program) printJSON(r *devcert.Report, err error) { p.printDocument(r, reference{}, err) }

func (p *program) printDocument(r *devcert.Report, ref reference, err error) {
	code := exitCode(err)
	doc := document{
		Schema: 1, Command: p.command, OK: code == exitOK, Exit: code, Stores: []storeJSON{},
		Bindings: []bindingJSON{}, Findings: []devcert.Finding{}, Steps: []stepJSON{},
		reference: ref,
	}
	if err != nil && code != exitAttention {
		text := oneLine(err.Error())
		doc.Error = &text
		doc.Remedy = orNull(p.remedyFor(err))
	}
	if ref.verdictJSON != nil {
		doc.Remedy = &ref.remedy
	}
	if p.config != nil {
		doc.Config = p.config
	}
	if r != nil {
		doc.fill(r)
	}
	doc.plan(ref.planned)
	data, _ := json.MarshalIndent(doc, "", "  ") // strings, numbers and bools: it cannot fail
	fmt.Fprintf(p.out, "%s\n", data)
}

// remedyFor says what to do about an error, "" when it does not know.
func (p *program) remedyFor(err error) string {
	var remedied interface{ Remedy() string }
	if p.rerun == "" && errors.As(err, &remedied) {
		return remedied.Remedy()
	}
	return p.rerun
}

func (d *document) fill(r *devcert.Report) {
	d.Hierarchy = hierarchyOf(r)
	d.Clients, d.Services, d.Projects = clientsOf(r), servicesOf(r), projectsOf(r)
	for _, e := range r.Ended {
		d.Ended = append(d.Ended, endedJSON{e.Name, e.Unrevocable, e.Again})
	}
	if len(r.Findings) > 0 {
		d.Findings = r.Findings
	}
	for _, s := range r.Seen.Stores {
		for _, place := range s.Places {
			d.Stores = append(d.Stores, storeJSON{
				Name: s.Store, Kind: kindOf(place), Path: place.Path, Wanted: r.Config != nil && r.Wants(s.Store, place),
				State: place.State, VerifiedBy: place.VerifiedBy, Evidence: place.Evidence,
			})
		}
	}
	for _, b := range r.PortStates() {
		d.Bindings = append(d.Bindings, bindingJSON{
			Port: b.Port, Address: b.Address, State: string(b.State),
			Thumbprint: orNull(b.Thumbprint), Name: orNull(b.Name), AppID: orNull(b.AppID), Listener: orNull(b.Listener),
			ClientCerts: asked(b.ClientCerts),
		})
	}
	for _, s := range r.Steps {
		step := stepJSON{What: s.What, Where: s.Where, Changed: s.Changed, ElapsedMs: milliseconds(s.Elapsed)}
		if s.Err != nil {
			step.Error = orNull(oneLine(s.Err.Error()))
		}
		d.Steps = append(d.Steps, step)
	}
	d.plan(r.Planned)
}

// plan adds steps that would be done.
func (d *document) plan(steps []devcert.Step) {
	for _, s := range steps {
		if s.What != "" {
			d.Steps = append(d.Steps, stepJSON{What: s.What, Where: s.Where, Commands: s.Lines})
		}
	}
}

// kindOf says what a place is for: clients take roots from a trust store, servers
// their own certificate from a personal store.
func kindOf(p devcert.Place) string {
	if p.Part == chain.PartLeaf {
		return "personal"
	}
	return "trust"
}

func milliseconds(d time.Duration) float64 {
	return math.Round(float64(d)/float64(time.Millisecond)*1000) / 1000
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// array is a list that is [] in JSON, and never null, where it has nothing.
func array[T any](all []T) []T { return append([]T{}, all...) }

func asked(a devcert.Asks) *bool {
	if a == devcert.AsksUnknown {
		return nil
	}
	yes := a == devcert.AsksClients
	return &yes
}

func hierarchyOf(r *devcert.Report) *hierarchyJSON {
	h := &r.Seen.Folder.Hierarchy
	if h.Root == nil && h.Intermediate.Cert == nil && h.Leaf.Cert == nil {
		return nil
	}
	out := &hierarchyJSON{Intermediates: []certificateJSON{}}
	if h.Root != nil {
		out.ID = chain.HierarchyID(h.Root)
	}
	out.Root, out.Leaf = certificateOf(h.Root, r.Seen.Now), certificateOf(h.Leaf.Cert, r.Seen.Now)
	for _, cert := range []*x509.Certificate{h.Intermediate.Cert, h.ClientIntermediate.Cert} {
		if c := certificateOf(cert, r.Seen.Now); c != nil {
			out.Intermediates = append(out.Intermediates, *c)
		}
	}
	if len(h.Groups) > 0 {
		out.Groups = groupsJSON(h.Groups)
	}
	return out
}

func certificateOf(c *x509.Certificate, now time.Time) *certificateJSON {
	if c == nil {
		return nil
	}
	out := &certificateJSON{
		Subject: c.Subject.CommonName, NotAfter: c.NotAfter.UTC().Format(time.RFC3339),
		DaysLeft: daysLeft(c, now), Thumbprint: chain.Thumbprint(c), Fingerprint: chain.Fingerprint(c),
	}
	if !c.IsCA {
		out.Names = chain.ServerNames(c)
	}
	return out
}

func daysLeft(c *x509.Certificate, now time.Time) int {
	return int(math.Floor(c.NotAfter.Sub(now).Hours() / 24))
}

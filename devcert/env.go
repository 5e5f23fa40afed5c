package devcert

import (
	"context"
	"path/filepath"
	"slices"

	"devcert/devcert/disk"
)

// Variable is an environment variable that makes programs trust the root.
type Variable struct {
	Name  string `json:"name"`
	Value string `json:"value"` // an absolute path
	Why   string `json:"why"`   // in a line
	// Adds says that the file comes on top of the program's own roots, and need
	// not have them all.
	Adds bool `json:"adds"`
}

// clientVariables are those for programs that bring their own roots, in the
// order they are shown. They are given the bundle: what replaces a program's roots
// could open nothing public with the root alone, and where a company has a root in
// the system's store, a variable that adds to them may name that by now.
var clientVariables = []struct {
	client string // as [Client] names it, up to what tells two of them apart
	Variable
}{
	{"node", Variable{Name: "NODE_EXTRA_CA_CERTS", Adds: true, Why: "Node has a list of its own and adds this to it"}},
	{"python requests", Variable{Name: "REQUESTS_CA_BUNDLE", Why: "Python's requests reads certifi's list, unless this names another"}},
	{"pip", Variable{Name: "PIP_CERT", Why: "pip reads certifi's list, unless this names another"}},
}

// Variables looks at the machine and says which variables its programs need so
// that they trust the root: none for a program that follows the system's store,
// while that has it. The report is that of a status.
func (e *Engine) Variables(ctx context.Context) ([]Variable, *Report, error) {
	r, err := e.lookSettled(ctx, depth{clients: true}, nil)
	if err != nil || r.Config == nil || r.Seen.Folder.Hierarchy.Root == nil {
		return nil, r, err
	}
	return r.Seen.variables(), r, nil
}

func (o *Observation) variables() []Variable {
	var all []Variable
	add := func(v Variable) {
		v.Value = filepath.Join(o.StateDir, disk.BundleFile)
		if o.bundle.unheard() {
			if !v.Adds {
				return // it would name a file that is not there, or take all other roots away
			}
			v.Value = filepath.Join(o.StateDir, disk.RootFile)
		}
		if !slices.ContainsFunc(all, func(have Variable) bool { return have.Name == v.Name }) {
			all = append(all, v)
		}
	}
	for _, known := range clientVariables {
		if slices.ContainsFunc(o.Clients, func(c Client) bool { return c.isA(known.client) }) {
			add(known.Variable)
		}
	}
	for _, v := range o.Overrides {
		name := v.Name
		if name == "SSL_CERT_DIR" { // names folders; who obeys it reads the file as well
			name = "SSL_CERT_FILE"
		}
		if v.Reason != "" {
			add(Variable{Name: name, Why: v.Name + " is set to what has not the root: " + v.Value})
		}
	}
	if o.systemLacksRoot() {
		add(Variable{Name: "SSL_CERT_FILE", Why: "the system's store has not the root; OpenSSL and Go read this instead"})
		add(Variable{Name: "CURL_CA_BUNDLE", Why: "the same for curl"})
		add(Variable{Name: "GIT_SSL_CAINFO", Why: "the same for git"})
	}
	return all
}

// unheard says that there is no bundle, since devcert does not know where this
// system has its roots.
func (b bundleState) unheard() bool { return b.wanted == nil && b.err == nil }

// isA says whether the client is of a kind: where there are several, their names
// go on with what tells them apart.
func (c Client) isA(kind string) bool {
	return c.Name == kind || len(c.Name) > len(kind) && c.Name[:len(kind)] == kind && slices.Contains([]byte(" :"), c.Name[len(kind)])
}

// systemLacksRoot says whether programs that read the system's store and can be
// pointed elsewhere have to be.
func (o *Observation) systemLacksRoot() bool {
	return slices.ContainsFunc(o.Stores, func(s StorePlaces) bool {
		return s.Store == SystemStore && slices.ContainsFunc(s.Places, func(p Place) bool {
			return p.State != Trusted && p.State != Unknown
		})
	})
}

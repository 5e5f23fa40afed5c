package devcert

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/publicsuffix"

	"devcert/devcert/chain"
	"devcert/devcert/disk"
)

// UsageError is a mistake in what was asked for: a command line or a
// configuration (exit 2). Nothing has been changed.
type UsageError struct {
	Problem string // one line, lower case, no period
	Hint    string // what to do instead; may be empty
}

func (e *UsageError) Error() string { return e.Problem }

// Remedy is the hint.
func (e *UsageError) Remedy() string { return e.Hint }

// configSchema is the newest form of config.json this program understands.
const configSchema = 1

// Config is what setup was asked for, and what repair goes back to. Names and
// Permits are those beyond the profile's own.
type Config struct {
	Schema      int           `json:"schema"`
	Machine     string        `json:"machine"` // see [Owner]
	SetUp       time.Time     `json:"setUp"`
	Names       []string      `json:"names"`
	Permits     []string      `json:"permits"`
	Ports       string        `json:"ports"` // see [ParsePorts]
	Stores      []string      `json:"stores"`
	Key         chain.KeyType `json:"key"`
	Scope       string        `json:"scope"`
	KeepRootKey bool          `json:"keepRootKey"`
	ClientCerts bool          `json:"clientCerts,omitempty"` // there is to be an authority for clients
	// AppID is the application that ports are bound for; "" for the binder's own.
	AppID string `json:"appId,omitempty"`
	// Certs are the thumbprints of ports that are to present another certificate
	// than the leaf.
	Certs map[int]string `json:"certs,omitempty"`
	// AskPorts are those that ask clients for a certificate; "" for none. What
	// others do is left as it is.
	AskPorts string `json:"askPorts,omitempty"`
	// Services are those that the system is to keep, by name, each with what it is
	// given after the command of that name.
	Services map[string][]string `json:"services,omitempty"`
	// Projects are the parts that the devcert.json of projects asked for, by the
	// absolute path of the file.
	Projects map[string]Part `json:"projects,omitempty"`

	takeOver bool // of this run alone; see [Engine]
	guest    bool // of this run alone: see [Config.ofTheSystem]
	// unasked are ports that are to stop asking; of this run alone.
	unasked []int
	// team is the file of this run, held what it did not get, and newPermits what of
	// it nobody has permitted before; of this run alone.
	team             string
	held, newPermits []string
	// guessed says that the file is lost and that nothing shows which stores it
	// named: none are taken for wanted until setup says so.
	guessed bool
}

// DefaultConfig is what `devcert setup` wants when nothing is said.
func DefaultConfig() *Config {
	return &Config{
		Schema: configSchema, Names: []string{}, Permits: []string{}, Ports: DefaultPorts,
		Stores: []string{AllStores}, Key: chain.RSA, Scope: ScopeMachine,
	}
}

// ParseConfig reads config.json. Every value is checked as strictly as on the
// command line, since the file stands in a folder that others may write to.
func ParseConfig(data []byte) (*Config, error) {
	c := &Config{}
	if err := disk.CheckSchema(data, configSchema); err != nil {
		return nil, err
	}
	if err := disk.UnmarshalStrict(data, c); err != nil {
		return nil, err
	}
	if c.Schema != configSchema {
		return nil, fmt.Errorf("schema %d never was", c.Schema)
	}
	parsed, err := DefaultConfig().With(Request{
		Names: c.Names, Permits: c.Permits, Ports: c.Ports, Stores: c.Stores,
		Key: string(c.Key), Scope: c.Scope, KeepRootKey: &c.KeepRootKey, ClientCerts: &c.ClientCerts, AppID: c.AppID,
	}, storeNames)
	if err != nil {
		return nil, err
	}
	parsed.Machine, parsed.SetUp = c.Machine, c.SetUp
	return parsed, firstError(
		func() error { return parsed.setProjects(c.Projects) },
		func() error { return parsed.setCerts(c.Certs) },
		func() error { return parsed.setAskPorts(c.AskPorts) },
		func() error { return parsed.setServices(c.Services) },
	)
}

// Encode gives the bytes of config.json.
func (c *Config) Encode() ([]byte, error) {
	data, err := json.MarshalIndent(c, "", "  ")
	return append(data, '\n'), err
}

// Request is what one run of setup asks for. Zero values ask for nothing: the
// configured value stays. Names and Permits are added.
type Request struct {
	Names, RemoveNames, Permits []string
	Ports                       string
	Stores                      []string
	Key, Scope, AppID           string
	KeepRootKey, ClientCerts    *bool
	Team                        *Team  // nil for no project's file
	Forget                      string // the folder of a project whose part is to go
}

// Limits of what one hierarchy is asked to carry. Names travel in every
// handshake, and OpenSSL refuses a chain of more than 100 KiB: 250 names of the
// greatest length stay below. A thousand ports are ten times what IIS Express
// takes; more is a slip of the keyboard, such as 1-65535.
const (
	maxNames = 250
	maxPorts = 1000
)

// With returns c changed by what r asks for, or a *UsageError. Store names
// outside stores are refused.
func (c *Config) With(r Request, stores []string) (*Config, error) {
	out := *c
	out.Names, out.Permits = slices.Clone(c.Names), slices.Clone(c.Permits)
	if c.guessed {
		out.guessed, out.Stores = false, DefaultConfig().Stores
	}
	return &out, firstError(
		func() error { return out.forget(r.Forget) },
		func() error { return out.addPermits(r.Permits) },
		func() error { return out.addTeam(r.Team) },
		func() error { return out.addNames(r.Names) },
		func() error { return out.removeNames(r.RemoveNames) },
		func() error { return out.setPorts(r.Ports) },
		func() error { return out.setStores(r.Stores, stores) },
		func() error { return out.setKey(r.Key) },
		func() error { return out.setScope(r.Scope) },
		func() error { return out.setAppID(r.AppID) },
		func() error {
			if r.KeepRootKey != nil {
				out.KeepRootKey = *r.KeepRootKey
			}
			if r.ClientCerts != nil {
				out.ClientCerts = *r.ClientCerts
			}
			return nil
		},
		out.scopeFits,
		out.sizeFits,
	)
}

// sizeFits refuses what would be made and then not work.
func (c *Config) sizeFits() error {
	names, permits, ports := len(c.AllNames()), c.Permitted().Len(), len(c.PortList())
	switch {
	case names > maxNames:
		return &UsageError{
			Problem: fmt.Sprintf("%d names are more than the %d that one certificate is given", names, maxNames),
			Hint:    "a wildcard such as *.app.test stands for all names with one label more",
		}
	case permits > chain.MaxPermits:
		return &UsageError{
			Problem: fmt.Sprintf("%d permitted domains and networks are more than the %d that clients are given to compare", permits, chain.MaxPermits),
			Hint:    "a domain stands for all names below it, a network for all its addresses",
		}
	case ports > maxPorts:
		return &UsageError{
			Problem: fmt.Sprintf("%d ports are more than the %d that are bound at once", ports, maxPorts),
			Hint:    "name those that your projects use, as in " + DefaultPorts,
		}
	}
	return nil
}

func firstError(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (c *Config) addPermits(permits []string) error {
	for _, s := range permits {
		p, err := chain.ParsePermit(s)
		if err != nil {
			return usage(err)
		}
		if !chain.DefaultPermits().Covers(p) {
			c.Permits = addSorted(c.Permits, p.String())
		}
	}
	return nil
}

func (c *Config) addNames(names []string) error {
	for _, s := range names {
		name, err := chain.ParseName(s)
		if err != nil {
			return usage(err)
		}
		if !c.Permitted().Allows(name) {
			return outside(name, c.Permitted())
		}
		if !slices.Contains(chain.DefaultNames(), name) {
			c.Names = addSorted(c.Names, name)
		}
	}
	return nil
}

func (c *Config) removeNames(names []string) error {
	for _, s := range names {
		name, err := chain.ParseName(s)
		if err != nil {
			return usage(err)
		}
		if slices.Contains(chain.DefaultNames(), name) {
			return &UsageError{Problem: fmt.Sprintf("%s is in every certificate devcert makes and cannot be removed", name)}
		}
		at := slices.Index(c.Names, name)
		if by := c.wantedBy(func(p Part) bool { return slices.Contains(p.Names, name) }); at < 0 && by != "" {
			return &UsageError{
				Problem: fmt.Sprintf("%s is a name that %s asks for", name, by),
				Hint:    "take it out there, or take back all that it asks for:  devcert setup --forget " + filepath.Dir(by),
			}
		}
		if at < 0 {
			return &UsageError{Problem: fmt.Sprintf("%s is not one of the added names", name), Hint: c.namesHint()}
		}
		c.Names = slices.Delete(c.Names, at, at+1)
	}
	return nil
}

func (c *Config) namesHint() string {
	if len(c.Names) == 0 {
		return "no name has been added"
	}
	return "added are: " + strings.Join(c.Names, ", ")
}

func (c *Config) setPorts(list string) error {
	if list == "" {
		return nil
	}
	ports, err := ParsePorts(list)
	if err != nil {
		return err
	}
	c.Ports = FormatPorts(ports)
	return c.setAskPorts(c.AskPorts)
}

func (c *Config) setKey(key string) error {
	if key == "" {
		return nil
	}
	kind, err := chain.ParseKeyType(key)
	if err != nil {
		return &UsageError{Problem: fmt.Sprintf("%q is not a type of key", key), Hint: "types of key: rsa, ecdsa"}
	}
	c.Key = kind
	return nil
}

// AllNames are the names the leaf is to carry, the profile's own first.
func (c *Config) AllNames() []string {
	own := slices.Clone(c.Names)
	for _, p := range c.Projects {
		own = append(own, p.Names...)
	}
	slices.Sort(own)
	return append(chain.DefaultNames(), slices.Compact(own)...)
}

// Permitted is what the root is to permit.
func (c *Config) Permitted() chain.Permits {
	all, wanted := chain.DefaultPermits(), slices.Clone(c.Permits)
	for _, p := range c.Projects {
		wanted = append(wanted, p.Permits...)
	}
	for _, s := range wanted {
		if p, err := chain.ParsePermit(s); err == nil {
			all = all.With(p)
		}
	}
	return all
}

// PortList are the ports that are to be bound, ascending.
func (c *Config) PortList() []int {
	ports := c.ownPorts()
	for _, p := range c.Projects {
		ports = append(ports, p.portList()...)
	}
	slices.Sort(ports)
	return slices.Compact(ports)
}

// ownPorts are those that the person asked for, with or without a project.
func (c *Config) ownPorts() []int {
	ports, _ := ParsePorts(c.Ports) // checked when it was set
	return ports
}

func addSorted(list []string, s string) []string {
	list = append(list, s)
	slices.Sort(list)
	return slices.Compact(list)
}

func usage(err error) error {
	var name *chain.NameError
	if errors.As(err, &name) {
		return &UsageError{Problem: name.Error(), Hint: name.Hint}
	}
	return &UsageError{Problem: err.Error()}
}

func outside(name string, permits chain.Permits) error {
	permit := name
	if _, err := netip.ParseAddr(name); err != nil {
		permit = strings.TrimPrefix(name, "*.")
		if domain, err := publicsuffix.EffectiveTLDPlusOne(permit); err == nil {
			permit = domain
		}
	}
	problem := fmt.Sprintf("%s is outside what this machine's root permits (%s)", name, permits)
	var refused *chain.NameError
	if _, err := chain.ParsePermit(permit); errors.As(err, &refused) {
		return &UsageError{Problem: problem + fmt.Sprintf(", and %s cannot be permitted: %s", permit, refused.Reason), Hint: refused.Hint}
	}
	return &UsageError{
		Problem: problem,
		Hint: fmt.Sprintf("to permit it, make a new root:  devcert setup --permit %s --name %s\n"+
			"(every store is asked to trust again; the old root is removed)", permit, name),
	}
}

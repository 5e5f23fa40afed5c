package devcert

import (
	"encoding/json"
	"fmt"
	"slices"

	"devcert/devcert/chain"
	"devcert/devcert/disk"
)

// NewTeamFile writes a devcert.json that asks for what is set up here now; where
// nothing is, one to begin with.
func (e *Engine) NewTeamFile() ([]byte, error) {
	snapshot, err := e.folder().Snapshot()
	if err != nil {
		return nil, refuseNewer(err)
	}
	c := DefaultConfig()
	if snapshot.Config != nil {
		if c, err = ParseConfig(snapshot.Config); err != nil {
			return nil, refuseNewer(fmt.Errorf("reading %s in %s: %w", disk.ConfigFile, e.Host.StateDir, err))
		}
	}
	return c.teamFile()
}

// teamFile leaves out what every machine has anyway.
func (c *Config) teamFile() ([]byte, error) {
	out := struct {
		Schema int      `json:"schema"`
		Names  []string `json:"names"`
		Permit []string `json:"permit,omitempty"`
		Ports  string   `json:"ports,omitempty"`
		Stores []string `json:"stores,omitempty"`
		Scope  string   `json:"scope,omitempty"`
	}{Schema: teamSchema, Names: c.AllNames()[len(chain.DefaultNames()):], Permit: beyond(c.Permitted())}
	if ports := c.PortList(); len(ports) > 0 {
		out.Ports = FormatPorts(ports)
	}
	if !slices.Equal(c.Stores, []string{AllStores}) {
		out.Stores = c.Stores
	}
	if c.Scope != ScopeMachine {
		out.Scope = c.Scope
	}
	data, err := json.MarshalIndent(out, "", "  ")
	return append(data, '\n'), err
}

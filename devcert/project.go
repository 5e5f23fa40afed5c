package devcert

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/tidwall/jsonc"

	"devcert/devcert/disk"
	"devcert/devcert/jsonpos"
)

// ProjectFile is where Visual Studio keeps how a project is started, below the
// project's folder.
const ProjectFile = "Properties/launchSettings.json"

// Project is what a project's launchSettings.json wants of the ports.
type Project struct {
	Path string // of the file
	// SSLPort is the port of IIS Express's https; 0 when it has none.
	SSLPort int
	// AppURL is where its application listens, without the path's last slash; ""
	// when the file does not say so.
	AppURL string
}

// ParseProject reads a launchSettings.json, which may have comments, trailing
// commas and a byte order mark, as Visual Studio takes it.
func ParseProject(path string, data []byte) (Project, error) {
	var file struct {
		IISSettings struct {
			IISExpress struct {
				ApplicationURL string `json:"applicationUrl"`
				SSLPort        int    `json:"sslPort"`
			} `json:"iisExpress"`
		} `json:"iisSettings"`
		Profiles json.RawMessage `json:"profiles"`
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if err := json.Unmarshal(jsonc.ToJSON(data), &file); err != nil {
		return Project{}, &UsageError{Problem: fmt.Sprintf("%s is not a launchSettings.json: %s", path, whyNotJSON(jsonc.ToJSON(data), err))}
	}
	express := file.IISSettings.IISExpress
	port := express.SSLPort
	if port < 0 || port > 65535 {
		return Project{}, &UsageError{Problem: fmt.Sprintf("%s: sslPort %d is not a port", path, port), Hint: "ports are 1 to 65535"}
	}
	return Project{Path: path, SSLPort: port, AppURL: appURL(file.Profiles, express.ApplicationURL)}, nil
}

// whyNotJSON says what encoding/json said of data without Go's words for it.
func whyNotJSON(data []byte, err error) string {
	var form *jsonpos.Error
	if _, wrong := jsonpos.Parse(data, math.MaxInt); errors.As(wrong, &form) {
		line, column := jsonpos.Position(data, form.Offset)
		return fmt.Sprintf("line %d, column %d: %s", line, column, form.Problem)
	}
	return disk.InPlainWords(err).Error()
}

// projectFindings are about projects whose port nothing is bound to: IIS Express
// then answers with a reset connection.
// A nil c means that setup never ran.
func projectFindings(c *Config, o *Observation) []Finding {
	var all []Finding
	wanted, remedy := DefaultConfig().PortList(), "devcert setup --ports "+DefaultPorts+",%d"
	if c != nil {
		wanted, remedy = c.PortList(), "devcert ports bind %d"
	}
	for _, p := range o.Projects {
		bound := slices.ContainsFunc(o.Ports.Bindings, func(b Binding) bool { return b.Port == p.SSLPort })
		if p.SSLPort == 0 || bound || slices.Contains(wanted, p.SSLPort) {
			continue // what is wanted has findings of its own
		}
		where := "port " + strconv.Itoa(p.SSLPort)
		all = append(all, Finding{
			Kind: BindingMissing, Severity: Error, Where: where, ports: []int{p.SSLPort},
			Message:     fmt.Sprintf("%s has no certificate, and is the sslPort of %s", where, p.Path),
			Consequence: "IIS Express answers ERR_CONNECTION_RESET there",
			Remedy:      fmt.Sprintf(remedy, p.SSLPort),
		})
	}
	return all
}

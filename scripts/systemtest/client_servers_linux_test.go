package systemtest

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"devcert/devcert/chain"
	"devcert/devcert/clientauth"
)

// ruling is what a real server made of a certificate, and in which words.
type ruling struct {
	accepted bool
	said     string
}

// foreseen is what check-client says of it.
type foreseen struct{ Verdict, Gate, Status, Reason string }

// setting is a real server as it is configured.
type setting struct {
	server  string   // for check-client
	name    string   // for people
	options []option // for both
	flags   []string // further ones for check-client alone
	only    []string // who is shown to it; nil: all
	ask     func(shown) ruling
	// same says whether a refusal was foreseen as the server gives it.
	same func(foreseen, ruling) bool
	// none foresees what is made of a client that has no certificate, which
	// check-client cannot be asked; nil leaves that client out.
	none clientauth.Predictor
}

// option is a setting by its name in the server's documentation.
type option struct{ name, value string }

// comparison compares settings row by row.
type comparison struct {
	*machine
	settings []string
	text     strings.Builder
	rows     int
	accepted map[string]int // by server
	decisive map[string]int // gates that refused, really and as foreseen
	flaws    map[string]bool
	options  map[string]bool
	differ   []string
}

// TestRealServersAgree issues every kind of client certificate, shows each to real
// servers in many settings, and asks check-client what they would do.
func TestRealServersAgree(t *testing.T) {
	m, n := serveMachine(t)
	m = m.with("DEVCERT_PASSWORD=open-sesame")
	m.devcert(0, "setup", "--client-certs", "--keep-root-key", "--yes")
	w := &servers{machine: m, network: n}
	w.prepare()
	c := &comparison{machine: m, accepted: map[string]int{}, decisive: map[string]int{}, flaws: map[string]bool{}, options: map[string]bool{}}
	_, withNginx := os.Stat(nginxProgram)
	withNet := os.Getenv("DEVCERT_TEST_KESTREL") != ""
	for _, s := range w.fronts() {
		c.compare(s, w.all)
	}
	for _, s := range w.opensslSettings() {
		server := w.openssl(&s)
		c.compare(s, w.all)
		server.stop()
	}
	if withNginx == nil {
		w.nginx(c)
	}
	if withNet {
		for _, a := range aspnets() {
			w.kestrel(c, a)
		}
		for _, s := range w.handlerSettings() {
			c.compare(s, w.all)
		}
	}
	c.show(withNginx == nil, withNet)
}

// compare shows a setting's clients to the real server, and foresees the answer.
func (c *comparison) compare(s setting, all []shown) {
	c.t.Helper()
	for _, o := range s.options {
		c.options[s.server+" "+o.name] = true
		s.name += " " + o.name + "=" + filepath.Base(o.value)
	}
	s.name = strings.TrimSpace(s.name)
	label := fmt.Sprintf("%s %d", s.server, len(c.settings)+1)
	c.settings = append(c.settings, fmt.Sprintf("%-14s %s", label, s.name))
	for _, client := range all {
		if s.only != nil && !slices.Contains(s.only, client.name) || client.file == "" && s.none == nil {
			continue
		}
		f, a := c.foresee(s, client), s.ask(client)
		agree := a.accepted == (f.Verdict == "accepted") && (a.accepted || s.same(f, a))
		c.row(label, s, client, f, a, agree)
	}
}

// foresee asks check-client, or where it cannot be asked the predictor itself.
func (c *comparison) foresee(s setting, client shown) foreseen {
	c.t.Helper()
	if client.file == "" {
		v := s.none.Predict(clientauth.Presented{}, clientauth.Machine{}, time.Now())
		f := foreseen{"accepted", v.Gate, string(v.Status), v.Reason}
		if v.Refused() {
			f.Verdict = "rejected"
		}
		return f
	}
	args := append([]string{"check-client", client.file, "--server", s.server, "--json"}, s.flags...)
	for _, o := range s.options {
		args = append(args, "--option", o.name+"="+o.value)
	}
	if client.key != "" {
		args = append(args, "--key", client.key)
	}
	r := c.run(c.bin, args...)
	var f foreseen
	require.NoError(c.t, json.Unmarshal([]byte(r.stdout), &f), "%s", r)
	require.Contains(c.t, []string{"accepted", "rejected"}, f.Verdict, "%s", r)
	require.Equal(c.t, f.Verdict == "accepted", r.code == 0, "%s", r)
	return f
}

func (c *comparison) row(label string, s setting, client shown, f foreseen, a ruling, agree bool) {
	real := "rejected"
	if a.accepted {
		real = "accepted"
	}
	line := strings.TrimRight(fmt.Sprintf(columns, label, client.name, real, f.Verdict, f.Gate, f.Status), " ")
	if !agree {
		line += "   <- the server says: " + a.said
		c.differ = append(c.differ, line+"\n"+s.name)
	}
	c.text.WriteString(line + "\n")
	c.rows++
	if flaw, flawed := strings.CutPrefix(client.name, "flawed-"); flawed {
		c.flaws[flaw] = true
	}
	switch {
	case a.accepted:
		c.accepted[s.server]++
	case agree:
		c.decisive[f.Gate]++
	}
}

// columns are those of the table.
const columns = "%-14s %-28s %-8s  %-8s  %-26s %s"

// show prints the table, and requires that it proves what it is for.
func (c *comparison) show(withNginx, withNet bool) {
	c.t.Helper()
	accepted := 0
	for _, n := range c.accepted {
		accepted += n
	}
	c.t.Logf("%d rows, %d accepted by the real server %v, %d differ\ndecisive: %v\n\n%s\n\n%s\n%s", c.rows, accepted, c.accepted, len(c.differ), c.decisive,
		strings.Join(c.settings, "\n"), fmt.Sprintf(columns, "setting", "certificate", "real", "foreseen", "gate", "status"), &c.text)
	assert.Empty(c.t, c.differ, "check-client foresees something else")
	assert.GreaterOrEqual(c.t, c.rows, 30)
	assert.GreaterOrEqual(c.t, accepted, 10)
	for _, flaw := range chain.Flaws() {
		assert.True(c.t, c.flaws[string(flaw)], "no certificate has the flaw %s", flaw)
	}
	out := []string{"iis"} // no such server runs here
	if !withNginx {
		c.t.Log("left out: nginx is not installed")
		out = append(out, "nginx")
	}
	if !withNet {
		c.t.Log("left out: DEVCERT_TEST_KESTREL names no folder with a Kestrel and .NET's chain engine")
		out = append(out, "aspnetcore")
	}
	c.coversGates(out)
	c.coversOptions(out)
}

// gateOf are the gates that only some servers have.
var gateOf = map[string]string{
	clientauth.GateIssuerList: "iis", clientauth.GateRootStore: "iis", clientauth.GateMapping: "iis", clientauth.GateNegotiation: "iis",
	clientauth.GateSettings: "nginx", clientauth.GateKind: "aspnetcore", clientauth.GateRequested: "aspnetcore",
}

// coversGates requires of each gate that the predictor has a constant for that it
// was decisive, but of those of servers that are left out.
func (c *comparison) coversGates(out []string) {
	c.t.Helper()
	all := gates(c.t)
	require.Greater(c.t, len(all), 15)
	for _, gate := range all {
		if slices.Contains(out, gateOf[gate]) {
			c.t.Logf("not asked: the gate %s is %s's", gate, gateOf[gate])
			continue
		}
		decisive := c.decisive[gate] + c.decisive["kestrel-"+gate] + c.decisive["handler-"+gate]
		assert.NotZero(c.t, decisive, "nothing was refused at the gate %s", gate)
	}
}

// gates are the values of the predictor's constants, out of its source: a new one
// is asked for here before anybody thinks of it.
func gates(t *testing.T) (all []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(suite.checkout, "devcert", "clientauth", "*.go"))
	require.NoError(t, err)
	for _, path := range files {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		ast.Inspect(file, func(node ast.Node) bool {
			spec, ok := node.(*ast.ValueSpec)
			if !ok || len(spec.Values) != 1 || !strings.HasPrefix(spec.Names[0].Name, "Gate") {
				return true
			}
			value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			require.NoError(t, err)
			all = append(all, value)
			return true
		})
	}
	return all
}

// coversOptions requires that every option was given, which check-client lists for
// a wrong one.
func (c *comparison) coversOptions(out []string) {
	c.t.Helper()
	for _, server := range []string{"aspnetcore", "iis", "nginx", "openssl", "serve"} {
		if slices.Contains(out, server) {
			c.t.Logf("not asked: the options of %s", server)
			continue
		}
		r := c.devcert(2, "check-client", "alice", "--server", server, "--option", "none=1", "--json")
		var doc struct{ Error string }
		require.NoError(c.t, json.Unmarshal([]byte(r.stdout), &doc), "%s", r)
		found := regexp.MustCompile(`is not an option: there are ([\w, -]+)`).FindStringSubmatch(doc.Error)
		require.NotNil(c.t, found, "%s", r)
		for _, name := range strings.Split(found[1], ", ") {
			assert.True(c.t, c.options[server+" "+name], "no setting of %s has the option %s", server, name)
		}
	}
}

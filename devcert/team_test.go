package devcert

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/devcert/disk"
)

// teamOf is a team's file at path, whose projects say the ports given; a folder that
// begins with two dots is outside of the repository.
func teamOf(t *testing.T, path, text string, named bool, ports map[string]string) *Team {
	t.Helper()
	f, err := ParseTeamFile("devcert.json", []byte(text), "")
	require.NoError(t, err)
	return &Team{TeamFile: f, Named: named, Source: &TeamSource{Path: path, Project: func(folder string, outside bool) (string, []byte, error) {
		if folder[:2] == ".." && !outside {
			return folder, nil, ErrOutside
		}
		port, ok := ports[folder]
		if !ok {
			return folder, nil, &NotRead{Path: "/repo/" + folder, Reason: "it is not there"}
		}
		return folder, []byte(`{"iisSettings": {"iisExpress": {"sslPort": ` + port + `}}}`), nil
	}}}
}

func absolute(t *testing.T, name string) string {
	path, err := filepath.Abs(filepath.FromSlash(name))
	require.NoError(t, err)
	return path
}

func TestWhatATeamFileGets(t *testing.T) {
	path := absolute(t, "/repo/devcert.json")
	granted := Part{Names: []string{"www.example.org"}, Permits: []string{"example.org"}, Ports: "80,7001", Folders: []string{"../a"}}
	for _, row := range []struct {
		name, text string
		named      bool
		had        Part
		want       Part
		held       []string
		asks       []string // permits that a person is asked about
	}{
		{"found: names and ports", `{"schema": 1, "names": ["app.test", "localhost"], "ports": "5001,1024"}`, false, Part{},
			Part{Names: []string{"app.test"}, Ports: "1024,5001"}, nil, nil},
		{"found: all else is held", `{"schema": 1, "names": ["www.example.org", "app.test"], "permit": ["example.org"], "ports": "80,443,1023,8443",
			"projects": ["web", "low", "../a"], "stores": ["none"], "scope": "user"}`, false, Part{},
			Part{Names: []string{"app.test"}, Ports: "7000,8443"},
			[]string{"permit example.org", "name www.example.org", "port 80,443,1023", "port 81", "project ../a", "stores none", "scope user"}, nil},
		{"found: what the profile and the machine have already", `{"schema": 1, "permit": ["sub.test", "127.1.0.0/16", "person.example"], "stores": ["all"], "scope": "machine"}`,
			false, Part{}, Part{}, nil, nil},
		{"found: what was granted stays", `{"schema": 1, "names": ["www.example.org"], "permit": ["example.org"], "ports": "80", "projects": ["../a"]}`, false, granted, granted, nil, nil},
		{"found: and no more than that", `{"schema": 1, "names": ["www.example.org", "www.example.net"], "permit": ["example.org", "example.net"], "ports": "80-81", "projects": ["../a", "../b"]}`,
			false, granted, granted, []string{"permit example.net", "name www.example.net", "port 81", "project ../b"}, nil},
		{"found: less", `{"schema": 1, "names": ["app.test"]}`, false, granted, Part{Names: []string{"app.test"}}, nil, nil},
		{"named: all", `{"schema": 1, "names": ["www.example.org"], "permit": ["example.org"], "ports": "80", "projects": ["../a"]}`, true, Part{}, granted, nil, []string{"example.org"}},
		{"named: again", `{"schema": 1, "names": ["www.example.org"], "permit": ["example.org"], "ports": "80", "projects": ["../a"]}`, true, granted, granted, nil, nil},
		{"named: a permit that the person has given", `{"schema": 1, "permit": ["app.person.example"]}`, true, Part{}, Part{Permits: []string{"app.person.example"}}, nil, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := DefaultConfig()
			c.Permits = []string{"person.example"}
			if !row.had.empty() {
				c.Projects = map[string]Part{path: row.had}
			}
			before := clone(c)
			team := teamOf(t, path, row.text, row.named, map[string]string{"web": "7000", "low": "81", "../a": "7001", "../b": "7002"})
			got, err := c.With(Request{Team: team}, storeNames)
			require.NoError(t, err)
			require.Equal(t, before, c, "the receiver stays as it is")
			require.Equal(t, row.want, got.Projects[path])
			require.Equal(t, row.want.empty(), len(got.Projects) == 0)
			require.Equal(t, row.held, got.held)
			require.Equal(t, row.asks, got.newPermits)
			require.Equal(t, []any{c.Names, c.Permits, c.Ports}, []any{got.Names, got.Permits, got.Ports}, "the person's own")

			data, err := got.Encode()
			require.NoError(t, err)
			read, err := ParseConfig(data)
			require.NoError(t, err)
			require.Equal(t, got.Projects[path], read.Projects[path])
		})
	}
}

func TestANamedTeamFileIsAskedOfTheMachine(t *testing.T) {
	path := absolute(t, "/repo/devcert.json")
	team := func(text string) *Team { return teamOf(t, path, text, true, nil) }
	c, err := DefaultConfig().With(Request{Team: team(`{"schema": 1, "stores": ["java", "firefox"], "scope": "user"}`)}, storeNames)
	require.NoError(t, err)
	require.Equal(t, []string{"firefox", "java"}, c.Stores)
	require.Equal(t, ScopeUser, c.Scope)
	c, err = c.With(Request{Team: team(`{"schema": 1, "stores": ["java"], "scope": "user"}`), Stores: []string{AllStores}, Scope: ScopeMachine}, storeNames)
	require.NoError(t, err)
	require.Equal(t, []any{[]string{AllStores}, ScopeMachine}, []any{c.Stores, c.Scope}, "what is typed counts more")

	for text, problem := range map[string]string{
		`{"schema": 1, "names": ["www.example.org"]}`: "devcert.json:1:25: www.example.org is outside what the root permits",
		`{"schema": 1, "projects": ["none"]}`:         "devcert.json:1:28: /repo/none is not read: it is not there",
	} {
		_, err := DefaultConfig().With(Request{Team: team(text)}, storeNames)
		var usage *UsageError
		require.ErrorAs(t, err, &usage)
		require.Contains(t, usage.Problem, problem)
	}
}

// TestProjectsOfADamagedConfig: what somebody writes into config.json has no easier
// way than what is asked for.
func TestProjectsOfADamagedConfig(t *testing.T) {
	for _, part := range []Part{
		{}, {Names: []string{"www.example.org"}}, {Permits: []string{"com"}}, {Ports: "0"}, {Names: []string{"APP.test"}}, {Ports: "1-65535"},
	} {
		c := DefaultConfig()
		c.Projects = map[string]Part{absolute(t, "/repo/devcert.json"): part}
		data, err := c.Encode()
		require.NoError(t, err)
		_, err = ParseConfig(data)
		require.Error(t, err, "%+v", part)
	}
	c := DefaultConfig()
	c.Projects = map[string]Part{"devcert.json": {Names: []string{"app.test"}}}
	data, err := c.Encode()
	require.NoError(t, err)
	_, err = ParseConfig(data)
	require.ErrorContains(t, err, `the project "devcert.json" has no path`)
}

// TestPartsGoTheirWay is the story of two projects on one machine.
func TestPartsGoTheirWay(t *testing.T) {
	m := setUp(t)
	shop, blog := absolute(t, "/shop/devcert.json"), absolute(t, "/blog/devcert.json")
	setup := func(r Request) *Report {
		t.Helper()
		report, err := m.engine().Setup(context.Background(), r)
		require.NoError(t, err)
		return report
	}
	setup(Request{Team: teamOf(t, shop, `{"schema": 1, "names": ["a.test", "both.test"], "ports": "5001,5005"}`, false, nil)})
	setup(Request{Team: teamOf(t, blog, `{"schema": 1, "names": ["b.test", "both.test"], "ports": "5002,5005"}`, false, nil)})
	require.Equal(t, []int{5001, 5002, 5005, 44300, 44301, 44302, 44303}, portsOf(m.status().Seen.Ports.Bindings))
	require.Empty(t, m.questions)

	held := setup(Request{Team: teamOf(t, blog, `{"schema": 1, "names": ["b2.test"], "ports": "5003", "scope": "user"}`, false, nil)})
	require.Equal(t, []string{"scope user"}, held.Held)
	r := m.status()
	require.Empty(t, kindsOf(r.Findings))
	require.Equal(t, []int{5001, 5003, 5005, 44300, 44301, 44302, 44303}, portsOf(r.Seen.Ports.Bindings))
	require.Subset(t, r.Seen.Folder.Hierarchy.Leaf.Cert.DNSNames, []string{"a.test", "both.test", "b2.test"})
	require.NotContains(t, r.Seen.Folder.Hierarchy.Leaf.Cert.DNSNames, "b.test")

	_, err := m.engine().Setup(context.Background(), Request{RemoveNames: []string{"a.test"}})
	require.ErrorContains(t, err, "a.test is a name that "+shop+" asks for")

	setup(Request{Forget: filepath.Dir(shop)})
	r = m.status()
	require.Empty(t, kindsOf(r.Findings))
	require.Equal(t, []int{5003, 44300, 44301, 44302, 44303}, portsOf(r.Seen.Ports.Bindings))
	require.NotContains(t, r.Seen.Folder.Hierarchy.Leaf.Cert.DNSNames, "a.test")
	_, err = m.engine().Setup(context.Background(), Request{Forget: filepath.Dir(shop)})
	require.ErrorContains(t, err, "nothing is remembered of")
}

// TestANewPermitAsksOnce: about the file and the root in one question, also where
// nothing is set up yet; a no changes nothing.
func TestANewPermitAsksOnce(t *testing.T) {
	path := absolute(t, "/repo/devcert.json")
	request := quick()
	request.Team = teamOf(t, path, `{"schema": 1, "permit": ["example.org"]}`, true, nil)
	fresh := newMachine(t)
	fresh.answer = ErrDeclined
	_, err := fresh.engine().Setup(context.Background(), request)
	require.ErrorIs(t, err, ErrDeclined)
	require.Equal(t, []string{"The root is to vouch for example.org too, as " + path + " asks."}, fresh.questions)
	require.NoDirExists(t, fresh.host.StateDir)

	m := setUp(t)
	before, err := os.ReadFile(filepath.Join(m.host.StateDir, disk.ConfigFile))
	require.NoError(t, err)
	m.answer = ErrDeclined
	_, err = m.engine().Setup(context.Background(), request)
	require.ErrorIs(t, err, ErrDeclined)
	after, err := os.ReadFile(filepath.Join(m.host.StateDir, disk.ConfigFile))
	require.NoError(t, err)
	require.Equal(t, string(before), string(after))
	require.Len(t, m.questions, 1)
	require.Contains(t, m.questions[0], "The present root will be replaced")

	m.answer = nil
	_, err = m.engine().Setup(context.Background(), request)
	require.NoError(t, err)
	_, err = m.engine().Setup(context.Background(), request)
	require.NoError(t, err)
	require.Len(t, m.questions, 2)

	_, err = m.engine().Setup(context.Background(), Request{Forget: filepath.Dir(path)})
	require.NoError(t, err)
	r := m.status()
	require.Equal(t, []string{ConstraintsDiffer}, kindsOf(r.Findings))
	require.Equal(t, Warning, r.Findings[0].Severity)
	require.Equal(t, "devcert renew --root", r.Findings[0].Remedy)
	require.False(t, r.Broken())
	_, err = m.engine().Renew(context.Background(), false, true)
	require.NoError(t, err)
	require.Empty(t, kindsOf(m.status().Findings))
}

// TestAConfigurationWithoutProjects is one as devcert wrote it before it knew of any.
func TestAConfigurationWithoutProjects(t *testing.T) {
	m := newMachine(t)
	m.mustSetup(Request{Key: "ecdsa", Ports: "44300-44301,8443", Names: []string{"app.test"}, Stores: []string{SystemStore}})
	path := filepath.Join(m.host.StateDir, disk.ConfigFile)
	old := `{
  "schema": 1,
  "machine": "m1",
  "setUp": "2026-11-21T12:00:00Z",
  "names": [
    "app.test"
  ],
  "permits": [],
  "ports": "8443,44300-44301",
  "stores": [
    "system"
  ],
  "key": "ecdsa",
  "scope": "machine",
  "keepRootKey": false
}
`
	require.NoError(t, os.WriteFile(path, []byte(old), 0o600))
	require.Empty(t, kindsOf(m.status().Findings))
	require.Empty(t, m.mustSetup(Request{}).Steps)
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, old, string(data))
	m.mustSetup(Request{Team: teamOf(t, absolute(t, "/repo/devcert.json"), `{"schema": 1, "names": ["b.test"]}`, false, nil)})
	m.mustSetup(Request{Forget: filepath.Dir(absolute(t, "/repo/devcert.json"))})
	data, err = os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, old, string(data))
}

func TestUnbindingTakesPortsFromProjects(t *testing.T) {
	m := setUp(t)
	path := absolute(t, "/repo/devcert.json")
	m.mustSetup(Request{Team: teamOf(t, path, `{"schema": 1, "names": ["a.test"], "ports": "5001-5003"}`, false, nil)})
	_, err := m.engine().UnbindPorts(context.Background(), []int{5002, 44301})
	require.NoError(t, err)
	r := m.status()
	require.Equal(t, []int{5001, 5003, 44300, 44302, 44303}, portsOf(r.Seen.Ports.Bindings))
	require.Equal(t, Part{Names: []string{"a.test"}, Ports: "5001,5003"}, r.Config.Projects[path])
	_, err = m.engine().BindPorts(context.Background(), []int{5002}, "localhost", AsksUnknown)
	require.NoError(t, err)
	require.Equal(t, "5002,44300,44302-44303", m.status().Config.Ports, "the person's own, without the project's")
	_, err = m.engine().UnbindPorts(context.Background(), nil)
	require.NoError(t, err)
	require.Empty(t, m.status().Config.PortList())
}

func TestABrokenProjectIsThePlaceInTheFile(t *testing.T) {
	team := teamOf(t, absolute(t, "/repo/devcert.json"), `{"schema": 1, "projects": ["web"]}`, false, nil)
	for text, problem := range map[string]string{
		`{"iisSettings": {"iisExpress": {"sslPort": "x"}}}`: "iisSettings.iisExpress.sslPort cannot be a JSON string",
		"{\n  iis": "line 2, column 3: a key in quotes is expected, not 'i'",
		`{"iisSettings": {"iisExpress": {"sslPort": 70000}}}`: "sslPort 70000 is not a port",
	} {
		team.Source.Project = func(string, bool) (string, []byte, error) { return "web", []byte(text), nil }
		_, err := DefaultConfig().With(Request{Team: team}, storeNames)
		var usage *UsageError
		require.True(t, errors.As(err, &usage))
		require.Contains(t, usage.Problem, "devcert.json:1:28: web/"+ProjectFile)
		require.Contains(t, usage.Problem, problem)
		requireNoGo(t, usage.Problem)
	}
}

package devcert

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/devcert/disk"
)

// memServices keeps at most one service.
type memServices struct {
	state ServiceState // without the name
	calls []string     // "install ARGS", "remove"
	fails error
	deaf  bool // it answers well and does nothing
}

func (m *memServices) Look(_ context.Context, name, home string) ServiceState {
	s := m.state
	if s.Standing == "" {
		s.Standing = ServiceAbsent
	}
	s.Where = "/units/" + name + home
	return s
}

func (m *memServices) Install(_ context.Context, s Service) error {
	m.calls = append(m.calls, "install "+s.Program+" "+strings.Join(s.Args, " "))
	var late *NotStartedError
	if m.deaf || m.fails != nil && !errors.As(m.fails, &late) {
		return m.fails
	}
	m.state = ServiceState{Standing: ServiceStarts, Service: s, Running: Runs}
	if late != nil {
		m.state.Running = RunsUnknown
	}
	return m.fails
}

func (m *memServices) Remove(context.Context, string, string) error {
	m.calls = append(m.calls, "remove")
	if !m.deaf && m.fails == nil {
		m.state = ServiceState{}
	}
	return m.fails
}

func serviceMachine(t *testing.T) (*machine, *memServices) {
	m, s := setUp(t), &memServices{}
	m.host.Services = s
	return m, s
}

func (m *machine) installService(args ...string) (*Report, error) {
	return m.engine().InstallService(context.Background(), ServeService, args)
}

func (m *machine) removeService() (*Report, error) {
	return m.engine().RemoveService(context.Background(), ServeService)
}

func (m *machine) config() *Config {
	m.t.Helper()
	c, err := ParseConfig(m.read(disk.ConfigFile))
	require.NoError(m.t, err)
	return c
}

func TestInstallService(t *testing.T) {
	m, s := serviceMachine(t)
	r, err := m.installService("--to", "http://127.0.0.1:5000")
	require.NoError(t, err)
	require.Equal(t, []string{"install /usr/bin/devcert serve --to http://127.0.0.1:5000"}, s.calls)
	require.Empty(t, r.Findings)
	require.Equal(t, "service", r.Steps[len(r.Steps)-1].What)
	require.Equal(t, map[string][]string{"serve": {"--to", "http://127.0.0.1:5000"}}, m.config().Services)

	before := m.picture()
	r, err = m.installService("--to", "http://127.0.0.1:5000")
	require.NoError(t, err)
	require.Empty(t, r.Steps, "it is there already")
	require.Equal(t, before, m.picture())

	_, err = m.installService("--static", "/srv")
	require.NoError(t, err)
	require.Equal(t, "install /usr/bin/devcert serve --static /srv", s.calls[1])

	m.host.Self = "/opt/devcert"
	require.Empty(t, m.status().Findings, "another devcert's may serve")
	_, err = m.installService("--static", "/srv")
	require.NoError(t, err)
	require.Equal(t, "install /opt/devcert serve --static /srv", s.calls[2])

	m.mustSetup(Request{Names: []string{"a.test"}})
	require.Equal(t, []string{"--static", "/srv"}, m.config().Services["serve"], "setup says nothing of it")
	require.Len(t, s.calls, 3)
}

func TestServiceDryRun(t *testing.T) {
	m, s := serviceMachine(t)
	before := m.picture()
	e := m.engine()
	e.DryRun = true
	r, err := e.InstallService(context.Background(), ServeService, []string{"--log", "off"})
	require.NoError(t, err)
	require.Equal(t, "/units/serve", r.Planned[len(r.Planned)-1].Where)
	require.Equal(t, before, m.picture())
	_, err = m.installService()
	require.NoError(t, err)
	before, s.calls = m.picture(), nil
	for _, run := range []func() (*Report, error){
		func() (*Report, error) { return e.RemoveService(context.Background(), ServeService) },
		func() (*Report, error) { return e.Uninstall(context.Background(), false) },
	} {
		r, err = run()
		require.NoError(t, err)
		require.True(t, slices.ContainsFunc(r.Planned, func(s Step) bool { return s.Where == "without /units/serve" }))
	}
	require.Equal(t, before, m.picture())
	require.Empty(t, s.calls)
}

// Whichever link a command came by, the service of a folder is one.
func TestServiceOfAnotherFolder(t *testing.T) {
	m, s := serviceMachine(t)
	m.host.Elsewhere, m.host.Link = true, "/some/link"
	_, err := m.installService("--log", "off")
	require.NoError(t, err)
	require.Equal(t, "install /usr/bin/devcert serve --home "+m.host.StateDir+" --log off", s.calls[0])
	require.Equal(t, []string{"--log", "off"}, m.config().Services["serve"])
	require.Empty(t, m.status().Findings)
}

func TestInstallServiceRefuses(t *testing.T) {
	for _, row := range []struct {
		name  string
		wreck func(*machine, *memServices)
		args  []string
		says  string
	}{
		{"a program of go run", func(m *machine, _ *memServices) { m.host.Transient = true }, nil, "deleted when this run ends"},
		{"what devcert did not make", func(_ *machine, s *memServices) { s.state.Standing = ServiceForeign }, nil, "/units/serve is not devcert's"},
		{"a system without services", func(m *machine, _ *memServices) { m.host.Services = nil }, nil, ErrUnsupported.Error()},
		{"what is no text", func(*machine, *memServices) {}, []string{"a\nb"}, "not text"},
		{"what is not UTF-8", func(*machine, *memServices) {}, []string{"\xff"}, "not text"},
		{"a book", func(*machine, *memServices) {}, []string{strings.Repeat("a", 9000)}, "9000 bytes"},
	} {
		t.Run(row.name, func(t *testing.T) {
			m, s := serviceMachine(t)
			row.wreck(m, s)
			before := m.picture()
			_, err := m.installService(row.args...)
			require.ErrorContains(t, err, row.says)
			require.Empty(t, s.calls)
			require.Equal(t, before, m.picture())
		})
	}
	m := newMachine(t)
	m.host.Services = &memServices{}
	_, err := m.installService()
	var usage *UsageError
	require.ErrorAs(t, err, &usage)
	require.Equal(t, "devcert setup", usage.Hint)
	require.NoDirExists(t, m.host.StateDir)
}

// What is wrong with a service that was asked for, and what repair does about it.
func TestServiceMissing(t *testing.T) {
	for _, row := range []struct {
		name   string
		break_ func(*ServiceState)
		says   string // "" for nothing
		cured  bool
	}{
		{"well", func(*ServiceState) {}, "", false},
		{"nobody can be asked", func(s *ServiceState) { s.Running = RunsUnknown }, "", false},
		{"removed", func(s *ServiceState) { *s = ServiceState{} }, "is not installed", true},
		{"disabled", func(s *ServiceState) { s.Standing = ServiceDisabled }, "not started at login", true},
		{"without its program", func(s *ServiceState) { s.Broken = "/old/devcert is gone" }, "/old/devcert is gone", true},
		{"with other flags", func(s *ServiceState) { s.Service.Args = []string{"serve", "--listen", "::"} }, "other flags", true},
		{"stopped", func(s *ServiceState) { s.Running, s.Evidence, s.Log = RunsNot, "failed", "journalctl" }, "does not run: failed (journalctl)", true},
		{"foreign", func(s *ServiceState) { s.Standing = ServiceForeign }, "something else is in its place", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			m, s := serviceMachine(t)
			_, err := m.installService("--log", "off")
			require.NoError(t, err)
			s.calls = nil
			row.break_(&s.state)
			found := m.status().Findings
			if row.says == "" {
				require.Empty(t, found)
				return
			}
			require.Equal(t, []string{ServiceMissing}, kindsOf(found))
			require.Contains(t, found[0].Message, row.says)
			require.Equal(t, Error, found[0].Severity)
			require.Equal(t, row.cured, found[0].Repairable)
			require.NotEmpty(t, found[0].Remedy)
			r := m.mustRepair()
			require.Equal(t, row.cured, len(r.Findings) == 0)
			if row.cured {
				require.Equal(t, []string{"install /usr/bin/devcert serve --log off"}, s.calls)
			} else {
				require.Empty(t, s.calls)
			}
		})
	}
}

// Not to know is not to miss.
func TestServiceUnknown(t *testing.T) {
	m, s := serviceMachine(t)
	_, err := m.installService()
	require.NoError(t, err)
	s.state.Standing, s.state.Evidence = ServiceUnknown, "permission denied"
	r := m.status()
	require.Equal(t, []string{ServiceMissing}, kindsOf(r.Findings))
	require.Equal(t, Warning, r.Findings[0].Severity)
	require.Contains(t, r.Findings[0].Message, "permission denied")
	require.Empty(t, m.mustRepair().Steps)
}

func TestInstallServiceFails(t *testing.T) {
	refused := errors.New("the tool said no")
	for _, row := range []struct {
		name  string
		wreck func(*memServices)
		err   error
		left  []string
	}{
		{"it fails", func(s *memServices) { s.fails = refused }, refused, []string{ServiceMissing}},
		{"its tools do nothing", func(s *memServices) { s.deaf = true }, nil, []string{ServiceMissing}},
		{"it starts later", func(s *memServices) { s.fails = &NotStartedError{Why: "nobody is logged in"} }, nil, []string{}},
	} {
		t.Run(row.name, func(t *testing.T) {
			m, s := serviceMachine(t)
			row.wreck(s)
			r, err := m.installService()
			var partial *PartialError
			require.ErrorAs(t, err, &partial)
			if row.err != nil {
				require.ErrorIs(t, err, row.err)
			}
			require.Equal(t, row.left, kindsOf(r.Findings))
			require.True(t, m.config().wantsService(ServeService), "repair goes on from here")
		})
	}
}

func TestRepairOfAServiceNeedsAProgramThatStays(t *testing.T) {
	m, s := serviceMachine(t)
	_, err := m.installService()
	require.NoError(t, err)
	s.state, s.calls, m.host.Transient = ServiceState{}, nil, true
	r, err := m.engine().Repair(context.Background())
	require.ErrorContains(t, err, "deleted when this run ends")
	var remedied interface{ Remedy() string }
	require.ErrorAs(t, err, &remedied)
	require.Contains(t, remedied.Remedy(), "go build -o dist/devcert .")
	require.Empty(t, s.calls)
	require.Equal(t, []string{ServiceMissing}, kindsOf(r.Findings))
}

func TestRemoveService(t *testing.T) {
	m, s := serviceMachine(t)
	_, err := m.installService()
	require.NoError(t, err)
	r, err := m.removeService()
	require.NoError(t, err)
	require.Equal(t, "without /units/serve", r.Steps[len(r.Steps)-1].Where)
	require.Empty(t, m.config().Services)
	require.Equal(t, ServiceState{}, s.state)

	before := m.picture()
	r, err = m.removeService()
	require.NoError(t, err)
	require.Empty(t, r.Steps)
	require.Equal(t, before, m.picture())
	require.Len(t, s.calls, 2)

	s.state.Standing = ServiceForeign
	_, err = m.removeService()
	require.NoError(t, err)
	require.Len(t, s.calls, 2, "another's stays")
}

// A service can outlive the folder that says it was asked for.
func TestRemoveLeftService(t *testing.T) {
	m, s := serviceMachine(t)
	_, err := m.installService()
	require.NoError(t, err)
	m.remove(".")
	e := m.engine()
	e.DryRun = true
	r, err := e.RemoveService(context.Background(), ServeService)
	require.NoError(t, err)
	require.Len(t, r.Planned, 1)
	require.Len(t, s.calls, 1)

	s.deaf = true
	_, err = m.removeService()
	require.ErrorContains(t, err, "still there")
	s.deaf = false
	r, err = m.removeService()
	require.NoError(t, err)
	require.Len(t, r.Steps, 1)
	require.Equal(t, ServiceState{}, s.state)
	require.NoDirExists(t, m.host.StateDir)
}

func TestUninstallRemovesTheService(t *testing.T) {
	m, s := serviceMachine(t)
	_, err := m.installService()
	require.NoError(t, err)
	r, err := m.uninstall(false)
	require.NoError(t, err)
	require.Equal(t, "service", r.Steps[0].What, "before what it serves")
	require.Equal(t, ServiceState{}, s.state)
	require.NoDirExists(t, m.host.StateDir)

	s.calls, s.state.Standing = nil, ServiceForeign
	r, err = m.uninstall(true)
	require.NoError(t, err)
	require.Empty(t, r.Steps)
	require.Empty(t, s.calls, "another's stays")
}

// What says that there is a service stays as long as there is one.
func TestUninstallWhereTheServiceStays(t *testing.T) {
	for _, row := range []struct {
		name  string
		wreck func(*memServices)
		says  string
	}{
		{"it cannot be stopped", func(s *memServices) { s.fails = errors.New("the tool said no") }, "the tool said no"},
		{"its tools do nothing", func(s *memServices) { s.deaf = true }, "still there"},
	} {
		t.Run(row.name, func(t *testing.T) {
			m, s := serviceMachine(t)
			_, err := m.installService()
			require.NoError(t, err)
			row.wreck(s)
			_, err = m.uninstall(false)
			require.ErrorContains(t, err, row.says)
			require.DirExists(t, m.host.StateDir)
			require.True(t, m.config().wantsService(ServeService))
		})
	}
}

// A lost configuration is rebuilt from what is seen.
func TestServiceOfALostConfig(t *testing.T) {
	m, s := serviceMachine(t)
	_, err := m.installService("--log", "off")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(m.path(disk.ConfigFile), []byte("{"), 0o600))
	s.calls = nil
	require.Empty(t, m.mustRepair().Findings)
	require.Equal(t, map[string][]string{"serve": {"--log", "off"}}, m.config().Services)
	require.Empty(t, s.calls)
}

func TestConfigOfServices(t *testing.T) {
	for _, row := range []struct{ name, services, says string }{
		{"one that is known", `{"serve":["--log","off"]}`, ""},
		{"without flags", `{"serve":[]}`, ""},
		{"none", `{}`, ""},
		{"unknown", `{"serve":[],"shell":["-c"]}`, "not a service"},
		{"no text", `{"serve":["a\u0000b"]}`, "not text"},
	} {
		t.Run(row.name, func(t *testing.T) {
			data, err := DefaultConfig().Encode()
			require.NoError(t, err)
			text := strings.Replace(string(data), "{", `{"services":`+row.services+",", 1)
			c, err := ParseConfig([]byte(text))
			if row.says != "" {
				require.ErrorContains(t, err, row.says)
				return
			}
			require.NoError(t, err)
			again, err := c.Encode()
			require.NoError(t, err)
			c2, err := ParseConfig(again)
			require.NoError(t, err)
			require.Equal(t, c, c2)
		})
	}
}

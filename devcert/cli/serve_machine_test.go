package cli_test

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"devcert/devcert"
)

// listeningServer listens on nothing: it writes down what it was to serve, in the
// file "served" of the machine, and ends. A file "taken" says that somebody has
// the last port, and one "half" that they have it on ::1.
type listeningServer struct{ machine string }

func (l listeningServer) Serve(_ context.Context, s devcert.Serving) error {
	ports := slices.Clone(s.Ports)
	if len(ports) == 0 {
		ports = []int{44300, 44301}
	}
	told := devcert.Listening{Ports: ports, Addresses: s.Addresses, Took: 12 * time.Millisecond}
	if len(told.Addresses) == 0 {
		told.Addresses = []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("::1")}
	}
	if _, err := os.Stat(filepath.Join(l.machine, "taken")); err == nil {
		last := ports[len(ports)-1]
		told.Ports = ports[:len(ports)-1]
		told.Failed = []devcert.PortFailure{{
			Port: last, Holder: "nginx (4711)", Asked: len(s.Ports) > 0, Err: fmt.Errorf("port %d is taken by nginx (4711)", last),
		}}
	}
	if _, err := os.Stat(filepath.Join(l.machine, "half")); err == nil {
		told.Failed[0].Address = netip.IPv6Loopback()
	}
	s.Listening(told)
	text := fmt.Sprintf("to %v\nmap %v\nstatic %s\nclients %s %d %v\nlog %v json %v\n",
		s.To, s.Map, s.Static, s.ClientCert, len(s.ClientCAs), s.CertHeaders, s.Log != nil, s.LogJSON)
	if err := os.WriteFile(filepath.Join(l.machine, "served"), []byte(text), 0o600); err != nil {
		return err
	}
	return told.Err()
}

// folderServices keeps a service as a file in the folder "services" of the machine,
// which has a word on each line.
type folderServices struct{ dir string }

func (f folderServices) Look(_ context.Context, name, _ string) devcert.ServiceState {
	where := filepath.Join(f.dir, name)
	data, err := os.ReadFile(where)
	if err != nil {
		return devcert.ServiceState{Standing: devcert.ServiceAbsent, Where: where}
	}
	words := strings.Split(string(data), "\n")
	return devcert.ServiceState{
		Standing: devcert.ServiceStarts, Where: where, Running: devcert.Runs, Log: "cat the log",
		Service: devcert.Service{Program: words[0], Args: words[1:]},
	}
}

func (f folderServices) Install(_ context.Context, s devcert.Service) error {
	if err := os.MkdirAll(f.dir, 0o700); err != nil {
		return err
	}
	words := append([]string{s.Program}, s.Args...)
	return os.WriteFile(filepath.Join(f.dir, s.Name), []byte(strings.Join(words, "\n")), 0o600)
}

func (f folderServices) Remove(_ context.Context, name, _ string) error {
	return os.Remove(filepath.Join(f.dir, name))
}

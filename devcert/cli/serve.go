package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"devcert/devcert"
)

func (p *program) serveCommand() *cli.Command {
	return &cli.Command{
		Name: "serve", Usage: "serve the bound ports, in front of an application",
		UsageText: "  devcert serve --to http://localhost:5000\n" +
			"  devcert serve --map 44301=http://localhost:5001 --static ./site\n" +
			"  devcert serve --port 8443 --client-cert require --client-ca clients.pem",
		Description: "Listens on this machine only, presents on each port the certificate that it is\n" +
			"bound to, and forwards to the application. Follows setup, renew and ports while\n" +
			"it runs. Where nothing is forwarded it serves a page of its own, which shows\n" +
			"whether this browser trusts the certificates. Ctrl+C ends it.\n\n" +
			"X-SSL-CERT, X-ARR-ClientCert and X-Client-Cert never come from a client: only\n" +
			"--cert-header sets them.",
		Flags: changingFlags(
			&cli.StringFlag{Name: "to", Usage: "forward to the application at `URL`"},
			&cli.StringSliceFlag{Name: "map", Usage: "forward one port to another application, as `PORT=URL`"},
			&cli.StringSliceFlag{Name: "project", Usage: "forward the sslPort of the project in `DIR` to its applicationUrl (its " + devcert.ProjectFile + ")"},
			&cli.StringFlag{Name: "static", Usage: "serve the files in `DIR` where nothing is forwarded"},
			&cli.StringSliceFlag{Name: "port", Usage: "serve `PORTS` instead of all that are bound"},
			&cli.StringSliceFlag{Name: "flaw", Usage: "present a certificate with one `FLAW` (see issue): expired, 8443=expired, or all with as many ports"},
			&cli.StringSliceFlag{Name: "listen", Usage: "listen on `ADDRESS` (127.0.0.1 and ::1)"},
			&cli.StringFlag{Name: "client-cert", Value: string(devcert.NoClientCert), Usage: "`MODE`: none, or request or require a certificate of each client (none)"},
			&cli.StringFlag{Name: "client-ca", Usage: "accept clients' certificates that come from those in `FILE` (this machine's root)"},
			&cli.StringSliceFlag{Name: "cert-header", Usage: "forward the client's certificate as `NAME:FORM`; FORM is hex, base64 or pem-url"},
			&cli.StringFlag{Name: "log", Value: "text", Usage: "log requests to standard error as `FORM`: text, json or off (text)"},
			&cli.BoolFlag{Name: "install-service", Usage: "serve so from now on, and after every login"},
			&cli.BoolFlag{Name: "remove-service", Usage: "end that"},
		),
		Action: p.run(func(ctx context.Context, s *session) error {
			v, err := s.serving()
			if err != nil {
				return err
			}
			if done, err := s.asService(ctx, v); done || err != nil {
				return err
			}
			s.engine.Say = s.sayServing
			began := false
			v.Listening = func(l devcert.Listening) {
				began = true
				s.listening(v, l)
			}
			if err = s.engine.Serve(ctx, v); err != nil && began && s.json {
				printError(s.streams.Err, err) // the document was printed when it began
				return asPrinted(err)
			}
			return err
		}),
	}
}

// sayServing speaks with --json too: the one document is out by then, and what
// happens later has no other way to be heard.
func (s *session) sayServing(line string) {
	if !s.ui.quiet {
		fmt.Fprintln(s.streams.Err, line)
	}
}

// What --client-cert and --log take.
var (
	clientCertModes = []string{string(devcert.NoClientCert), string(devcert.RequestClientCert), string(devcert.RequireClientCert)}
	logForms        = []string{"text", "json", "off"}
)

// serving reads serve's flags.
func (s *session) serving() (devcert.Serving, error) {
	c := s.flags
	v := devcert.Serving{ClientCert: devcert.ClientCertMode(c.String("client-cert")), Map: map[int]*url.URL{}}
	if err := noArguments(c.Args().Slice()); err != nil {
		return v, err
	}
	if !slices.Contains(clientCertModes, string(v.ClientCert)) {
		return v, &devcert.UsageError{
			Problem: fmt.Sprintf("unknown mode %q of --client-cert", v.ClientCert), Hint: "modes: " + strings.Join(clientCertModes, ", "),
		}
	}
	for _, read := range []func(*devcert.Serving) error{s.readTargets, s.readListen, s.readClientCerts, s.readLog} {
		if err := read(&v); err != nil {
			return v, err
		}
	}
	return v, nil
}

// readTargets reads where requests go.
func (s *session) readTargets(v *devcert.Serving) (err error) {
	c := s.flags
	if c.IsSet("to") {
		if v.To, err = devcert.ParseUpstream(c.String("to")); err != nil {
			return err
		}
	}
	for _, text := range c.StringSlice("map") {
		port, to, err := devcert.ParseMapping(text)
		if err != nil {
			return err
		}
		if before := v.Map[port]; before != nil && *before != *to {
			return &devcert.UsageError{Problem: fmt.Sprintf("port %d is mapped twice", port), Hint: "leave one --map of it out"}
		}
		v.Map[port] = to
	}
	if c.IsSet("static") {
		if v.Static, err = folder(c.String("static")); err != nil {
			return err
		}
	}
	return v.Forward(s.engine.Projects)
}

// folder is the absolute path of a folder that is there.
func folder(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err == nil {
		var info fs.FileInfo
		if info, err = os.Stat(abs); err == nil && !info.IsDir() {
			err = errors.New("it is not a folder")
		}
	}
	if err != nil || path == "" {
		return "", &devcert.UsageError{Problem: fmt.Sprintf("cannot serve the files in %q: %v", path, reasonOf(err)), Hint: "--static names a folder"}
	}
	return abs, nil
}

// reasonOf is why the system refused a path, without the path.
func reasonOf(err error) error {
	var at *fs.PathError
	switch {
	case err == nil:
		return errors.New("it has no name")
	case errors.As(err, &at):
		return at.Err
	}
	return err
}

// readListen reads which ports and addresses are listened on.
func (s *session) readListen(v *devcert.Serving) (err error) {
	if list := strings.Join(s.flags.StringSlice("port"), ","); s.flags.IsSet("port") {
		if v.Ports, err = devcert.ParsePorts(list); err != nil {
			return err
		}
		if len(v.Ports) == 0 {
			return &devcert.UsageError{Problem: "--port names no port", Hint: "ports are 1 to 65535; a range is written 44300-44399"}
		}
	}
	if err := v.Flaw(s.flags.StringSlice("flaw")); err != nil {
		return err
	}
	for _, text := range s.flags.StringSlice("listen") {
		a, err := devcert.ParseListen(text)
		if err != nil {
			return err
		}
		if !a.IsLoopback() {
			s.ui.say(fmt.Sprintf("warning: others in the network can reach what is served on %s", a))
		}
		if !slices.Contains(v.Addresses, a) {
			v.Addresses = append(v.Addresses, a)
		}
	}
	return nil
}

// readClientCerts reads whose certificates are accepted and how they are forwarded.
func (s *session) readClientCerts(v *devcert.Serving) error {
	if s.flags.IsSet("client-ca") {
		path := s.flags.String("client-ca")
		data, err := os.ReadFile(path)
		if err != nil {
			return &devcert.UsageError{Problem: err.Error(), Hint: "--client-ca names a file of certificates in PEM"}
		}
		if v.ClientCAs, err = devcert.ParseClientCAs(path, data); err != nil {
			return err
		}
	}
	for _, text := range s.flags.StringSlice("cert-header") {
		h, err := devcert.ParseCertHeader(text)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(v.CertHeaders, func(had devcert.CertHeader) bool { return had.Name == h.Name }) {
			return &devcert.UsageError{Problem: h.Name + " is given twice", Hint: "in which form is it to carry the certificate?"}
		}
		v.CertHeaders = append(v.CertHeaders, h)
	}
	return nil
}

// readLog reads whether and how requests are logged.
func (s *session) readLog(v *devcert.Serving) error {
	switch form := s.flags.String("log"); form {
	case "text", "json":
		v.LogJSON = form == "json"
		if !s.ui.quiet {
			v.Log = s.streams.Err
		}
	case "off":
	default:
		return &devcert.UsageError{Problem: fmt.Sprintf("unknown form %q of --log", form), Hint: "forms: " + strings.Join(logForms, ", ")}
	}
	return nil
}

// listening says what is served. With --json it is the one document: who waits
// for it can go on.
func (s *session) listening(v devcert.Serving, l devcert.Listening) {
	if s.json {
		s.printDocument(nil, reference{Listening: listeningOf(l)}, l.Err())
		return
	}
	for _, on := range l.Served() {
		addresses := make([]string, len(on.Addresses))
		for i, a := range on.Addresses {
			addresses[i] = a.String()
		}
		s.ui.item("%-10s  %s on %s (%s)", "listening", devcert.FormatPorts(on.Ports), strings.Join(addresses, ", "), seconds(l.Took))
	}
	for _, port := range slices.Sorted(maps.Keys(v.Map)) {
		s.ui.item("%-10s  %d to %s", "forwarding", port, v.Map[port])
	}
	for _, port := range slices.Sorted(maps.Keys(v.Flaws)) {
		s.ui.item("%-10s  %d %s", "flawed", port, v.Flaws[port])
	}
	switch {
	case v.To != nil:
		s.ui.item("%-10s  to %s", "forwarding", v.To)
	case v.Static != "":
		s.ui.item("%-10s  the files in %s", "serving", s.ui.short(v.Static))
	default:
		s.pageAt(v, l)
	}
}

// pageAt says where devcert's own page is: on the ports that nothing else is on.
func (s *session) pageAt(v devcert.Serving, l devcert.Listening) {
	var ports []int
	for _, on := range l.Served() {
		ports = append(ports, on.Ports...)
	}
	at := slices.IndexFunc(ports, func(port int) bool { return v.Map[port] == nil })
	switch {
	case at < 0:
	case !slices.ContainsFunc(l.Addresses, netip.Addr.IsLoopback):
		s.ui.item("%-10s  devcert's own page, to this machine only", "serving")
	default:
		s.ui.item("%-10s  devcert's own page: https://localhost:%d/", "serving", ports[at])
	}
}

// listeningJSON is what serve listens on.
type listeningJSON struct {
	Ports     []int             `json:"ports"`
	Addresses []netip.Addr      `json:"addresses"`
	Failed    []portFailureJSON `json:"failed"`
}

type portFailureJSON struct {
	Port    int     `json:"port"`
	Address *string `json:"address"` // where it could not be had; null for all
	Holder  *string `json:"holder"`  // the process that has it; null where the system does not tell
	Error   string  `json:"error"`
}

func listeningOf(l devcert.Listening) *listeningJSON {
	out := &listeningJSON{Ports: array(l.Ports), Addresses: array(l.Addresses), Failed: []portFailureJSON{}}
	for _, f := range l.Failed {
		on := ""
		if f.Address.IsValid() {
			on = f.Address.String()
		}
		out.Failed = append(out.Failed, portFailureJSON{f.Port, orNull(on), orNull(f.Holder), oneLine(f.Err.Error())})
	}
	return out
}

package iis

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"devcert/devcert"
)

// machine is what is read of this machine; the tests have one of their own.
type machine struct {
	// inetsrv is where IIS keeps its configuration, documents where the user's
	// IISExpress folder is; "" where that is not known.
	inetsrv, documents string
	// here is the folder that devcert was started in: that of a project, maybe.
	here string
	// Registry values; what is not there is no error.
	number func(key, name string) (devcert.IISNumber, error)
	texts  func(key string) (map[string]string, error)
	binary func(key, name string) ([]byte, error)
	keys   func(key string) ([]string, error)
	// store lists a certificate store: `LocalMachine\Root`.
	store func(name string) ([]*x509.Certificate, error)
	// client fills in what is known of a client certificate's key, and whether
	// identity may read it, if one is given.
	client func(c *devcert.IISClient, identity string)
}

// look sees everything. Only what is wrong with the files that a person named is
// an error.
func (m machine) look(ctx context.Context, ask devcert.IISLook) (*devcert.IISState, error) {
	s := &devcert.IISState{Identity: ask.Identity}
	if err := readGiven(s, ask); err != nil {
		return nil, err
	}
	m.configs(ctx, s, ask.Configs)
	m.schannel(s)
	m.bindings(s)
	m.prompts(s)
	for _, one := range []struct {
		name string
		into *[]*x509.Certificate
	}{{`LocalMachine\Root`, &s.Roots}, {`LocalMachine\CA`, &s.CAs}, {`LocalMachine\ClientAuthIssuer`, &s.Issuers}, {`CurrentUser\Root`, &s.UserRoots}} {
		*one.into = m.list(s, one.name)
	}
	m.clients(ctx, s)
	return s, ctx.Err()
}

// readGiven reads the files that a person named.
func readGiven(s *devcert.IISState, ask devcert.IISLook) error {
	for _, path := range ask.Configs {
		c, err := readConfig(path, s)
		if err != nil {
			return &devcert.UsageError{
				Problem: fmt.Sprintf("%s is not a usable applicationHost.config: %v", path, err),
				Hint:    `--iis-config names one, for instance .vs\NAME\config\applicationhost.config`,
			}
		}
		c.Express = true // as projects have it
		s.Configs = append(s.Configs, c)
	}
	for _, path := range ask.Logs {
		refusals, err := readLog(path)
		if err != nil {
			return &devcert.UsageError{
				Problem: fmt.Sprintf("%s is not a usable log: %v", path, err),
				Hint:    `--iis-log names a log such as C:\inetpub\logs\LogFiles\W3SVC1\u_ex261121.log, or a trace fr000001.xml`,
			}
		}
		s.Refusals = append(s.Refusals, refusals...)
	}
	return nil
}

// readConfig reads a configuration, and the web.config files of its sites; what is
// wrong with its contents is told apart from what keeps it from being read by
// *fs.PathError, and what is wrong with those files is noted.
func readConfig(path string, s *devcert.IISState) (devcert.IISConfig, error) {
	data, err := readFile(path)
	if err != nil {
		return devcert.IISConfig{}, err
	}
	f, err := parseHost(data)
	if err != nil {
		return devcert.IISConfig{}, err
	}
	c := f.config(f.with(readWebs(f, s), s))
	c.Path = path
	return c, nil
}

// readFile reads a regular file with no more than one byte above the limit.
func readFile(path string) ([]byte, error) {
	f, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return io.ReadAll(io.LimitReader(f, maxConfig+1))
}

// openRegular does not wait for whoever may write into a pipe.
func openRegular(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "read", Path: path, Err: errors.New("it is not a file")}
	}
	return os.Open(path) // #nosec G304: read only, and parsed
}

// maxTail is how much of the end of a log is read, in bytes.
const maxTail = 16 << 20

// readLog reads a log's beginning, which says what its columns are, and its end; or
// a trace.
func readLog(path string) ([]devcert.IISRefusal, error) {
	f, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	const beginning = 4 << 10
	head, err := io.ReadAll(io.LimitReader(f, beginning))
	if err != nil {
		return nil, err
	}
	var all []devcert.IISRefusal
	if start := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n"); bytes.HasPrefix(start, []byte("<")) || bytes.HasPrefix(head, []byte("\xff\xfe")) {
		data, err := readFile(path)
		if err != nil {
			return nil, err
		}
		all, err = ParseTrace(data)
		if err != nil {
			return nil, err
		}
	} else if all, err = readTail(f, head); err != nil {
		return nil, err
	}
	for i := range all {
		all[i].File = path
	}
	return all, nil
}

func readTail(f *os.File, head []byte) ([]devcert.IISRefusal, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	middle := ""
	if rest := info.Size() - int64(len(head)); rest > maxTail {
		if _, err := f.Seek(-maxTail, io.SeekEnd); err != nil {
			return nil, err
		}
		middle = "\n" // the lines that were cut have too few columns
	}
	return ParseLog(io.MultiReader(bytes.NewReader(head), strings.NewReader(middle), io.LimitReader(f, maxTail)))
}

// configs reads those of IIS and IIS Express, and of the solutions around the folder
// that devcert is started in, unless they were given.
func (m machine) configs(ctx context.Context, s *devcert.IISState, given []string) {
	type place struct {
		path    string
		express bool
	}
	var places []place
	if m.inetsrv != "" {
		places = append(places, place{filepath.Join(m.inetsrv, "config", "applicationHost.config"), false})
	}
	if m.documents != "" {
		places = append(places, place{filepath.Join(m.documents, "IISExpress", "config", "applicationhost.config"), true})
	}
	for _, path := range projectConfigs(ctx, m.here) {
		places = append(places, place{path, true})
	}
	for _, p := range places {
		if slices.ContainsFunc(given, func(g string) bool { return sameFile(g, p.path) }) {
			continue
		}
		c, err := readConfig(p.path, s)
		c.Express = p.express
		var unread *fs.PathError
		switch {
		case err == nil:
			s.Configs = append(s.Configs, c)
		case errors.Is(err, fs.ErrNotExist):
		case errors.As(err, &unread):
			if p.express || m.installed() {
				s.Unseen = append(s.Unseen, devcert.IISTrouble{Where: p.path, Why: unread.Err.Error()})
			}
		default:
			s.Damaged = append(s.Damaged, devcert.IISTrouble{Where: p.path, Why: err.Error()})
		}
	}
}

// installed says whether IIS is there, where its folder may not be looked into.
func (m machine) installed() bool {
	version, err := m.number(`HKLM\SOFTWARE\Microsoft\InetStp`, "MajorVersion")
	return err != nil || version.Set
}

func sameFile(a, b string) bool {
	one, err := os.Stat(a)
	two, other := os.Stat(b)
	return err == nil && other == nil && os.SameFile(one, two)
}

func (m machine) list(s *devcert.IISState, name string) []*x509.Certificate {
	certs, err := m.store(name)
	if err != nil {
		s.Unseen = append(s.Unseen, devcert.IISTrouble{Where: name, Why: err.Error()})
	}
	return certs
}

// clients are the certificates that say that they are for clients.
func (m machine) clients(ctx context.Context, s *devcert.IISState) {
	for _, name := range []string{`LocalMachine\My`, `CurrentUser\My`} {
		for _, cert := range m.list(s, name) {
			if ctx.Err() == nil && slices.Contains(cert.ExtKeyUsage, x509.ExtKeyUsageClientAuth) {
				c := devcert.IISClient{Cert: cert, Store: name}
				m.client(&c, s.Identity)
				s.Clients = append(s.Clients, c)
			}
		}
	}
}

// pattern is what is read of a policy's value.
type pattern struct {
	Pattern string `json:"pattern"`
}

// covers says whether a value of AutoSelectCertificateForUrls is about localhost,
// and by what pattern.
func covers(value string) (string, bool) {
	var p pattern
	if json.Unmarshal([]byte(value), &p) != nil {
		return "", false
	}
	scheme, host, found := strings.Cut(p.Pattern, "://")
	if !found {
		scheme, host = "*", p.Pattern
	}
	host, _, _ = strings.Cut(host, "/")
	if at := strings.LastIndexByte(host, ':'); at > strings.LastIndexByte(host, ']') {
		host = host[:at]
	}
	host = strings.TrimPrefix(strings.ToLower(host), "[*.]")
	return p.Pattern, slices.Contains([]string{"*", "https"}, scheme) && slices.Contains([]string{"*", "localhost", "127.0.0.1", "[::1]"}, host)
}

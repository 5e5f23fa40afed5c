package devcert

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"devcert/devcert/chain"
	"devcert/devcert/clientauth"
	"devcert/devcert/disk"
)

// Certificates are the certificates that this system itself keeps for servers and
// clients: Windows' stores. Looking changes nothing.
type Certificates interface {
	// Find gives the certificate with a thumbprint (SHA-1, upper-case hex) out of a
	// personal store, the user's or the machine's; an error that is
	// [fs.ErrNotExist] when none has it. The key stays in its store.
	Find(ctx context.Context, thumbprint string) (chain.Credential, error)
	// Trusted are whom services trust, or with user the user's own programs, and the
	// intermediates that they know of by themselves.
	Trusted(ctx context.Context, user bool) (roots, between []*x509.Certificate, err error)
}

// ClientCheck is a client's certificate and the server that it is to be shown to.
type ClientCheck struct {
	Server  string // one of CheckServers
	Shown   chain.Credential
	Options []string // of the server, each NAME=VALUE
	// Settings are ASP.NET Core's appsettings.json; nil without one. Endpoint is
	// which of its endpoints is meant, "" the only one, and Host what the client
	// calls it.
	Settings       *clientauth.AppSettings
	Endpoint, Host string
	// Trust is all that the server's machine trusts and knows; none means this
	// machine.
	Trust []*x509.Certificate
	At    time.Time
	Files clientauth.Files // reads what Options name

	own     *disk.Hierarchy // what devcert has on this machine
	revoked []disk.Revocation
}

// CheckServers are the servers whose verdict can be foreseen.
var CheckServers = []string{"aspnetcore", "iis", "nginx", "openssl", "serve"}

// CheckClient foresees what a server makes of a client's certificate. Of what is
// not said the server has its defaults, but that it demands a certificate: else
// there is nothing to foresee. It changes nothing.
func (e *Engine) CheckClient(ctx context.Context, c ClientCheck) (clientauth.Verdict, error) {
	seen, err := e.folder().Snapshot()
	if err != nil {
		return clientauth.Verdict{}, refuseNewer(err)
	}
	c.own = &seen.Hierarchy
	if c.revoked, err = e.folder().Revoked(); err != nil {
		return clientauth.Verdict{}, refuseNewer(err)
	}
	own := c.Trust
	if root := c.own.Root; own == nil && root != nil {
		own = []*x509.Certificate{root}
	}
	server, looks, err := c.predictor(own)
	if err != nil {
		return clientauth.Verdict{}, err
	}
	var m clientauth.Machine
	switch {
	case c.Trust != nil:
		m = machineOf(c.Trust)
	case looks:
		if m, err = e.thisMachine(ctx, c); err != nil {
			return clientauth.Verdict{}, err
		}
	}
	shown := clientauth.Presented{Leaf: c.Shown.Leaf, Sent: c.Shown.Chain, HasKey: c.Shown.HasKey}
	return server.Predict(shown, m, c.At), nil
}

// predictor is the server with its settings. looks says that it takes its trust
// from its machine; the others have files, which are own where none is named.
func (c ClientCheck) predictor(own []*x509.Certificate) (server clientauth.Predictor, looks bool, err error) {
	if c.Settings != nil && c.Server != "aspnetcore" {
		return nil, false, &UsageError{Problem: "only aspnetcore has settings in a file that is read", Hint: "say them with --option"}
	}
	switch c.Server {
	case "aspnetcore":
		server, err = c.aspNetCore()
		return server, true, err
	case "iis":
		s := clientauth.NewIIS()
		s.SSL = clientauth.SSLRequire
		err = s.Configure(c.Options, c.Files)
		server, looks = s, true
	case "nginx":
		s := clientauth.NewNginx()
		s.VerifyClient = clientauth.NginxOn
		err = s.Configure(c.Options, c.Files)
		if s.ClientCertificate == nil && s.TrustedCertificate == nil {
			s.ClientCertificate = own
		}
		server = s
	case "openssl":
		s := clientauth.NewOpenSSL()
		err = s.Configure(c.Options, c.Files)
		server, looks = s, s.CAFile == nil
	case "serve":
		s := clientauth.Serve{
			Required: true, Intermediates: c.own.ClientIntermediates(),
			Revoked: func(cert *x509.Certificate) (bool, error) { return disk.IsRevoked(c.revoked, cert), nil },
		}
		s.Trust(own)
		err = s.Configure(c.Options, c.Files)
		server = s
	default:
		return nil, false, &UsageError{
			Problem: fmt.Sprintf("%q is no server whose verdict can be foreseen", c.Server), Hint: "servers: " + strings.Join(CheckServers, ", "),
		}
	}
	return server, looks, optionError(err)
}

// aspNetCore takes what the code sets, and over it what the settings say.
func (c ClientCheck) aspNetCore() (clientauth.Predictor, error) {
	a := clientauth.NewAspNetCore()
	if c.Settings == nil {
		a.Kestrel.Mode = clientauth.RequireCertificate
	}
	err := a.Configure(c.Options, c.Files.Certificates)
	if err == nil && c.Settings != nil {
		a.Kestrel, err = c.Settings.Apply(a.Kestrel, c.Endpoint, c.Host)
		if err != nil {
			return nil, &UsageError{Problem: err.Error(), Hint: "mend the file of --settings, or name another --endpoint or --host"}
		}
	}
	return a, optionError(err)
}

func optionError(err error) error {
	var wrong *clientauth.OptionError
	if errors.As(err, &wrong) {
		return &UsageError{Problem: "--option " + wrong.Error(), Hint: "write --option NAME=VALUE"}
	}
	return err
}

// Credential finds a certificate that is called by a name and not by a file's: one
// that devcert issued, or a thumbprint in this system's personal stores.
func (e *Engine) Credential(ctx context.Context, name string) (chain.Credential, error) {
	if thumbprint := normalThumbprint(name); thumbprint != "" {
		return e.byThumbprint(ctx, thumbprint)
	}
	nobody := &UsageError{
		Problem: fmt.Sprintf("there is no file %q, and devcert issued no certificate of that name", name),
		Hint:    "name a file with a certificate in PEM, DER or PFX, what devcert issued, or on Windows a thumbprint",
	}
	var all []byte
	name = fileName(name)
	for _, ending := range []string{".pem", "-key.pem"} {
		data, err := e.folder().ReadIssued(name, ending)
		switch {
		case errors.Is(err, fs.ErrNotExist) && all == nil:
			return chain.Credential{}, nobody
		case errors.Is(err, fs.ErrNotExist): // the key is kept elsewhere
		case err != nil:
			return chain.Credential{}, fmt.Errorf("reading the certificate that was issued as %s: %w", name, err)
		}
		all = append(all, data...)
	}
	c, err := chain.ReadCredential(all, nil)
	if err != nil {
		return c, fmt.Errorf("reading the certificate that was issued as %s: %w", name, err)
	}
	return c, nil
}

func (e *Engine) byThumbprint(ctx context.Context, thumbprint string) (chain.Credential, error) {
	if e.Host.Certificates == nil {
		return chain.Credential{}, &UsageError{
			Problem: thumbprint + " is a thumbprint, and this system has no stores to look for one", Hint: "name the certificate's file",
		}
	}
	c, err := e.Host.Certificates.Find(ctx, thumbprint)
	if errors.Is(err, fs.ErrNotExist) {
		return c, &UsageError{
			Problem: "no certificate with the thumbprint " + thumbprint + ` is in CurrentUser\My or LocalMachine\My`,
			Hint:    "list them:  certutil -user -store My   and   certutil -store My",
		}
	}
	return c, err
}

// normalThumbprint is a thumbprint in whatever form it was copied: Windows' own
// dialog has blanks in it, and a mark before it that nobody sees.
func normalThumbprint(text string) string {
	text = strings.ToUpper(strings.NewReplacer(" ", "", ":", "", "\u200e", "").Replace(text))
	if checkThumbprint(text) != nil {
		return ""
	}
	return text
}

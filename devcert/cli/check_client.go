package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"crypto/x509"

	"github.com/urfave/cli/v2"

	"devcert/devcert"
	"devcert/devcert/chain"
	"devcert/devcert/clientauth"
)

func (p *program) checkClientCommand() *cli.Command {
	return &cli.Command{
		Name: "check-client", Usage: "foresee what a server makes of a client certificate", ArgsUsage: "FILE",
		UsageText: "  devcert check-client anna.pfx --server iis\n" +
			"  devcert check-client anna --server aspnetcore --settings appsettings.json\n" +
			"  devcert check-client anna.pem --server nginx --option ssl_verify_depth=2",
		Description: "FILE is a certificate in PEM, DER or PFX, the name of one that devcert issued, or\n" +
			"on Windows a thumbprint. It is judged by this machine's roots and the server's own\n" +
			"defaults, but that it demands a certificate; nginx and serve trust devcert's root\n" +
			"where no file is named. Devcert's revocation lists count as served.\n\n" +
			"--option says what is otherwise, and lists the names there are for a wrong one:\n" +
			"those of AddCertificate and Kestrel for aspnetcore, of netsh and Schannel for iis,\n" +
			"nginx's directives, and the options of openssl s_server and devcert serve.\n\n" +
			"A PFX's password comes from --password-file, " + passwordVariable + " or a question. Nothing\n" +
			"is sent anywhere or changed. Exits 3 when the certificate is rejected.",
		Flags: commonFlags(
			&cli.StringFlag{Name: "server", Usage: "`SERVER` is " + orList(devcert.CheckServers)},
			&cli.StringFlag{Name: "key", Usage: "the private key is in `FILE`"},
			&cli.StringFlag{Name: "chain", Usage: "the client sends the certificates in `FILE` too"},
			&cli.StringFlag{Name: "password-file", Usage: "`FILE` holds the PFX's password, and nothing else"},
			&cli.StringSliceFlag{Name: "option", Usage: "a setting of the server, as `NAME=VALUE`; again for each"},
			&cli.StringFlag{Name: "settings", Usage: "aspnetcore: `FILE` is its appsettings.json"},
			&cli.StringFlag{Name: "endpoint", Usage: "aspnetcore: the endpoint `NAME`, where it has several"},
			&cli.StringFlag{Name: "host", Value: "localhost", Usage: "aspnetcore: the client asks for `HOST` (localhost)"},
			&cli.StringFlag{Name: "trust", Usage: "judge by the roots in `FILE` instead of this machine's"},
			&cli.StringFlag{Name: "at", Usage: "judge at `TIME`: 2027-01-31 or 2027-01-31T12:00:00Z (now)"},
		),
		Action: p.run(func(ctx context.Context, s *session) error {
			check, err := s.clientCheck(ctx)
			if err != nil {
				return err
			}
			v, err := s.engine.CheckClient(ctx, check)
			if err != nil {
				return s.failed(nil, err)
			}
			return s.verdict(check, v)
		}),
	}
}

func orList(words []string) string {
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// clientCheck reads the command's line and the files that it names.
func (s *session) clientCheck(ctx context.Context) (c devcert.ClientCheck, err error) {
	f := s.flags
	c = devcert.ClientCheck{
		Server: f.String("server"), Options: whole(f.StringSlice("option")), Endpoint: f.String("endpoint"), Host: f.String("host"),
		Files: clientauth.Files{Certificates: certificatesOf, CRLs: listsOf},
	}
	args := f.Args().Slice()
	switch {
	case len(args) != 1:
		return c, &devcert.UsageError{Problem: "check-client needs one certificate", Hint: "devcert check-client FILE --server iis"}
	case !slices.Contains(devcert.CheckServers, c.Server):
		return c, &devcert.UsageError{Problem: "--server says no server whose verdict can be foreseen", Hint: "servers: " + strings.Join(devcert.CheckServers, ", ")}
	case c.Endpoint != "" && !f.IsSet("settings"), f.IsSet("host") && !f.IsSet("settings"):
		return c, &devcert.UsageError{Problem: "--endpoint and --host are about what stands in --settings", Hint: "add --settings appsettings.json"}
	}
	if c.At, err = atTime(f.String("at"), s.engine.Now()); err != nil {
		return c, err
	}
	if f.IsSet("trust") {
		if c.Trust, err = certificatesOf(f.String("trust")); err != nil {
			return c, err
		}
	}
	if f.IsSet("settings") {
		if c.Settings, err = settingsOf(f.String("settings")); err != nil {
			return c, err
		}
	}
	c.Shown, err = s.credential(ctx, args[0])
	return c, err
}

// whole puts back together what the library has taken apart at commas.
func whole(parts []string) []string {
	var options []string
	for _, part := range parts {
		if n := len(options); n > 0 && !strings.Contains(part, "=") {
			options[n-1] += "," + part
		} else {
			options = append(options, part)
		}
	}
	return options
}

func atTime(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return now, nil
	}
	for _, form := range []string{time.RFC3339, time.DateOnly} {
		if at, err := time.Parse(form, text); err == nil {
			return at, nil
		}
	}
	return now, &devcert.UsageError{Problem: fmt.Sprintf("%q is no time", text), Hint: "write for instance --at 2027-01-31 or --at 2027-01-31T12:00:00Z"}
}

// credential is what the client shows: from a file, else by its name, with what
// --key and --chain add.
func (s *session) credential(ctx context.Context, name string) (c chain.Credential, err error) {
	if _, missing := os.Stat(name); missing != nil && !strings.ContainsAny(name, `/\`) {
		c, err = s.engine.Credential(ctx, name)
	} else {
		c, err = readFile(name, "name a file with a certificate in PEM, DER or PFX", func(data []byte) (chain.Credential, error) {
			return chain.ReadCredential(data, func() (string, error) { return s.passwordOf(name) })
		})
	}
	if err != nil {
		return c, err
	}
	if s.flags.IsSet("chain") {
		above, err := certificatesOf(s.flags.String("chain"))
		if err != nil {
			return c, err
		}
		c.Chain = append(c.Chain, above...)
	}
	if s.flags.IsSet("key") {
		return readFile(s.flags.String("key"), "--key names the file of the private key", func(data []byte) (chain.Credential, error) {
			key, err := chain.ReadKey(data)
			if err != nil {
				return c, err
			}
			return c.WithKey(key)
		})
	}
	return c, nil
}

// passwordOf is the password of a PFX: it is asked for when there is one.
func (s *session) passwordOf(name string) (string, error) {
	in, terminal := s.streams.In.(*os.File)
	switch file := s.flags.String("password-file"); {
	case file != "":
		return passwordIn(file)
	case s.hasPassword():
		return s.givenPassword()
	case !s.ui.interactive || !terminal:
		return "", &devcert.UsageError{Problem: shown(name) + " has a password", Hint: "give it with --password-file FILE or in " + passwordVariable}
	}
	fmt.Fprint(s.streams.Err, "password of "+shown(name)+": ")
	line, err := readHidden(s.flags.Context, int(in.Fd()))
	fmt.Fprintln(s.streams.Err)
	if err != nil {
		return "", fmt.Errorf("asking for a password: %w", err)
	}
	return line, nil
}

func certificatesOf(name string) ([]*x509.Certificate, error) {
	return readFile(name, "name a file with certificates in PEM or DER", chain.ReadCertificates)
}

func listsOf(name string) ([]*x509.RevocationList, error) {
	return readFile(name, "name a file with a revocation list in PEM or DER", chain.ReadRevocationLists)
}

func settingsOf(name string) (*clientauth.AppSettings, error) {
	const hint = "--settings names an appsettings.json"
	return readFile(name, hint, func(data []byte) (*clientauth.AppSettings, error) {
		settings, err := clientauth.ParseAppSettings(data)
		return &settings, err
	})
}

// readFile reads what a file says. What is wrong with it is wrong with the command
// line that names it. More than can be meant is not read to its end.
func readFile[T any](name, hint string, parse func([]byte) (T, error)) (T, error) {
	const most = 4 << 20 // parse has bounds of its own, and all are below
	var none T
	f, err := os.Open(name)
	if err != nil {
		return none, &devcert.UsageError{Problem: notRead(name, err), Hint: hint}
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return none, &devcert.UsageError{Problem: shown(name) + " is a folder", Hint: hint}
	}
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return none, &devcert.UsageError{Problem: notRead(name, err), Hint: hint}
	}
	value, err := parse(data)
	var wrong *devcert.UsageError
	var remedied interface{ Remedy() string }
	switch {
	case err == nil, errors.As(err, &wrong):
		return value, err
	case errors.As(err, &remedied):
		hint = remedied.Remedy()
	}
	return value, &devcert.UsageError{Problem: shown(name) + ": " + err.Error(), Hint: hint}
}

package cli

import (
	"context"
	"encoding/pem"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"devcert/devcert"
	"devcert/devcert/chain"
)

func (p *program) issueCommand() *cli.Command {
	return &cli.Command{
		Name: "issue", Usage: "make a certificate for a client, or for a further server", ArgsUsage: "NAME…",
		UsageText: "  devcert issue alice --client --email alice@example.org --install\n" +
			"  devcert issue api.dev.internal\n" +
			"  devcert issue --csr request.pem --client",
		Description: "A server's certificate takes host names and addresses, a client's the name of a\n" +
			"person or program. Both come as NAME.pem with its chain, NAME-key.pem, NAME.pfx\n" +
			"and NAME.crt, in a folder of the state folder's or in --out. devcert list shows\n" +
			"them, devcert revoke ends a client's.\n\n" +
			"The PFX file's password comes from --password-file, " + passwordVariable + " or a\n" +
			"question; else one is made and printed once, on standard error.\n\n" +
			"--flaw makes one that a server or client should refuse, and nothing else wrong\n" +
			"with it: " + devcert.FlawNames() + ".\n" +
			"A server that has the intermediate itself, as devcert serve does, takes the one\n" +
			"with missing-intermediate.",
		Flags: changingFlags(
			&cli.BoolFlag{Name: "client", Usage: "for a client (setup --client-certs makes their authority)"},
			&cli.BoolFlag{Name: "server", Usage: "with --client: for both uses, straight from a root whose key is kept"},
			&cli.StringFlag{Name: "group", Usage: "with --client: in this group of clients, `NAME` (devcert group create)"},
			&cli.BoolFlag{Name: "from-root", Usage: "with --client: straight from a root whose key is kept"},
			&cli.BoolFlag{Name: "self-signed", Usage: "with --client: for applications that allow only that kind"},
			&cli.StringSliceFlag{Name: "email", Usage: "a client's e-mail `ADDRESS`"},
			&cli.StringSliceFlag{Name: "uri", Usage: "a client's `URI`"},
			&cli.IntFlag{Name: "days", Usage: "valid for `N` days (365)"},
			&cli.StringFlag{Name: "key", Usage: "`TYPE` of the key: rsa or ecdsa (rsa)"},
			&cli.StringFlag{Name: "csr", Usage: "for the key and the names in this certificate request's `FILE`; nothing else counts"},
			&cli.StringFlag{Name: "flaw", Usage: "make it with this one `FLAW`"},
			&cli.StringFlag{Name: "pfx", Value: "modern", Usage: "`FORM` of the PFX file: modern, legacy or none (modern)"},
			&cli.StringFlag{Name: "password-file", Usage: "`FILE` holds the PFX file's password, and nothing else"},
			&cli.StringFlag{Name: "out", Usage: "write the files into `DIR`, and keep no key of them"},
			&cli.BoolFlag{Name: "install", Usage: "have this user's browsers offer it to servers"},
			&cli.BoolFlag{Name: "force", Usage: "replace what was issued under that name, and files in DIR"},
		),
		Action: p.run(func(ctx context.Context, s *session) error {
			order, err := s.order()
			if err != nil {
				return err
			}
			i, err := s.engine.Issue(ctx, order)
			if err == nil && s.engine.DryRun {
				return s.wouldChange(i.Planned)
			}
			if i == nil || len(i.Chain) == 0 {
				return s.failed(nil, err)
			}
			return s.issued(i, order, err)
		}),
	}
}

// order reads issue's flags.
func (s *session) order() (devcert.IssueOrder, error) {
	c := s.flags
	o := devcert.IssueOrder{
		Names: c.Args().Slice(), Client: c.Bool("client"), Server: c.Bool("server"), SelfSigned: c.Bool("self-signed"),
		Group: c.String("group"), FromRoot: c.Bool("from-root"),
		Emails: c.StringSlice("email"), URIs: c.StringSlice("uri"), Days: c.Int("days"), Flaw: chain.Flaw(c.String("flaw")),
		Force: c.Bool("force"), Install: c.Bool("install"), Password: s.issuePassword,
	}
	var err error
	if o.PFX, err = pfxStyle(c.String("pfx")); err != nil {
		return o, err
	}
	if o.PFX == "" && c.String("password-file") != "" {
		return o, &devcert.UsageError{Problem: "--password-file is about the PFX file, and --pfx none makes none", Hint: "leave one of them out"}
	}
	if o.Flaw != "" && !slices.Contains(chain.Flaws(), o.Flaw) {
		return o, &devcert.UsageError{Problem: fmt.Sprintf("%q is no flaw", o.Flaw), Hint: "flaws: " + devcert.FlawNames()}
	}
	if c.IsSet("days") && o.Days == 0 {
		return o, &devcert.UsageError{Problem: "0 days are not long enough", Hint: "write for instance --days 30"}
	}
	if key := c.String("key"); key != "" {
		if o.Key, err = chain.ParseKeyType(key); err != nil {
			return o, &devcert.UsageError{Problem: fmt.Sprintf("%q is not a type of key", key), Hint: "types of key: rsa, ecdsa"}
		}
	}
	if file := c.String("csr"); file != "" {
		if c.IsSet("pfx") && o.PFX != "" {
			return o, &devcert.UsageError{Problem: "a PFX file holds the key, which is with whoever made the request", Hint: "leave --pfx out"}
		}
		if c.IsSet("password-file") {
			return o, &devcert.UsageError{Problem: "--password-file is about a PFX file, which holds the key, and that is with whoever made the request", Hint: "leave --password-file out"}
		}
		if o.Key != "" {
			return o, &devcert.UsageError{Problem: "the request brings its key", Hint: "leave --key out"}
		}
		if o.Request, err = readRequest(file); err != nil {
			return o, err
		}
	}
	if dir := c.String("out"); dir != "" {
		o.Elsewhere = &outDir{dir: dir, files: s.engine.Host.Files, force: o.Force}
	}
	return o, nil
}

func pfxStyle(name string) (chain.PFXStyle, error) {
	switch name {
	case "modern":
		return chain.PFXModern, nil
	case "legacy":
		return chain.PFXLegacy, nil
	case "none":
		return "", nil
	}
	return "", &devcert.UsageError{Problem: fmt.Sprintf("%q is no form of PFX files", name), Hint: "forms: modern, legacy (for older Windows and macOS), none"}
}

// issuePassword is the one of the PFX file, which no document shows.
func (s *session) issuePassword() (string, error) {
	if file := s.flags.String("password-file"); file != "" {
		return fit(passwordIn(file))
	}
	if s.hasPassword() {
		return fit(s.givenPassword())
	}
	if s.ui.interactive {
		if password, err := s.askPassword(); password != "" || err != nil {
			return fit(password, err)
		}
	}
	password, err := chain.NewPassword(nil)
	if err == nil {
		fmt.Fprintln(s.streams.Err, "password: "+password)
	}
	return password, err
}

// maxRequest bounds what is read of a certificate request, in bytes.
const maxRequest = 64 << 10

// readRequest reads a certificate request, PEM or DER.
func readRequest(path string) ([]byte, error) {
	wrong := func(problem string) ([]byte, error) {
		return nil, &devcert.UsageError{Problem: problem, Hint: "--csr names a PKCS#10 request, as openssl req -new makes it"}
	}
	f, err := os.Open(path)
	if err != nil {
		return wrong(notRead(path, err))
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxRequest+1))
	switch {
	case err != nil:
		return wrong(notRead(path, err))
	case len(data) > maxRequest:
		return wrong(shown(path) + " is larger than 64 KiB, and no certificate request")
	}
	block, rest := pem.Decode(data)
	if block == nil {
		return data, nil
	}
	if block.Type != "CERTIFICATE REQUEST" && block.Type != "NEW CERTIFICATE REQUEST" {
		return wrong(fmt.Sprintf("%s holds a %q, and no certificate request", shown(path), block.Type))
	}
	if more, _ := pem.Decode(rest); more != nil {
		return wrong(shown(path) + " holds more than one PEM block")
	}
	return block.Bytes, nil
}

// issued says what was made.
func (s *session) issued(i *devcert.Issuance, o devcert.IssueOrder, err error) error {
	out := issuedOf(i, s.flags.String("out"), s.now())
	if s.json {
		s.printDocument(nil, reference{Issued: []issuedJSON{out}}, err)
		return asPrinted(err)
	}
	cert := i.Cert()
	s.ui.printf("%s\n", strings.Join([]string{cert.Subject.CommonName, useWords(out.Uses), "until " + cert.NotAfter.UTC().Format(time.DateOnly)}, "   "))
	rows := [][2]string{
		{"SHA-1", out.Thumbprint + "   Windows, netsh, .NET"},
		{"SHA-256", out.Fingerprint},
		{"public key", out.PublicKey + "   SHA-256 pin"},
		{"files", strings.Join(out.Files, "\n")},
	}
	for _, by := range i.Offered {
		rows = append(rows, [2]string{"offered by", by.Client + ": " + strings.Join(by.Places, ", ")})
	}
	for _, row := range rows {
		for n, line := range strings.Split(row[1], "\n") {
			label := row[0]
			if n > 0 {
				label = ""
			}
			s.ui.item("%-11s %s", label, line)
		}
	}
	s.useLines(out, o)
	return err
}

// useLines are ready to be copied.
func (s *session) useLines(out issuedJSON, o devcert.IssueOrder) {
	file := func(ending string) string {
		at := slices.IndexFunc(out.Files, func(path string) bool { return strings.HasSuffix(path, ending) })
		if at < 0 {
			return ""
		}
		return out.Files[at]
	}
	pemFile, key, pfx := file(".pem"), file("-key.pem"), file(".pfx")
	if !o.Client || key == "" {
		return
	}
	s.ui.printf("\n")
	// Not broken into lines: they are copied.
	s.ui.printf("curl        curl --cert %s --key %s https://localhost:44300/\n", s.quoteAll([]string{pemFile}), s.quoteAll([]string{key}))
	if pfx != "" {
		s.ui.printf("C#          X509CertificateLoader.LoadPkcs12FromFile(@\"%s\", password)\n", strings.ReplaceAll(pfx, `"`, `""`))
		s.ui.printf("PowerShell  Invoke-WebRequest https://localhost:44300/ -Certificate (Get-PfxCertificate '%s')\n", powershellQuotes.Replace(pfx))
	}
	s.ui.printf("foresee     devcert %s\n", s.quoteAll(append([]string{"check-client", out.Name, "--server", "aspnetcore"}, s.homeWords()...)))
}

// powershellQuotes doubles what ends a string in single quotes: PowerShell takes
// the typographic ones for it too (about_Quoting_Rules).
var powershellQuotes = strings.NewReplacer("'", "''", "\u2018", "\u2018\u2018", "\u2019", "\u2019\u2019", "\u201a", "\u201a\u201a", "\u201b", "\u201b\u201b")

// homeWords are the flag that leads another command to the same state folder, where
// the environment does not.
func (s *session) homeWords() []string {
	if !s.flags.IsSet("home") {
		return nil
	}
	return []string{"--home", s.engine.Host.StateDir}
}

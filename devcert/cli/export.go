package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"devcert/devcert"
	"devcert/devcert/chain"
)

// passwordVariable gives the password of what is exported.
const passwordVariable = "DEVCERT_PASSWORD"

// javasPassword is what Java expects of a trust store unless it is told another.
const javasPassword = "changeit"

func (p *program) exportCommand() *cli.Command {
	return &cli.Command{
		Name: "export", Usage: "write the root, the chain or the leaf in the form another program takes", ArgsUsage: "WHAT",
		UsageText: "  devcert export root > root.pem\n" +
			"  devcert export pfx --out localhost.pfx\n" +
			"  devcert export truststore --out truststore.p12",
		Description: exportsListed() + "\n" +
			"A password comes from --password-file, " + passwordVariable + " or a question; else one is\n" +
			"made and printed once: with --json in the document. A trust store's is\n" +
			javasPassword + " unless another is given.",
		Flags: commonFlags(
			&cli.StringFlag{Name: "out", Usage: "write to `FILE` instead of standard output"},
			&cli.BoolFlag{Name: "force", Usage: "replace FILE where it is there"},
			&cli.StringFlag{Name: "password-file", Usage: "`FILE` holds the password, and nothing else"},
		),
		Action: p.run(func(_ context.Context, s *session) error {
			args := s.flags.Args().Slice()
			if len(args) > 1 {
				return &devcert.UsageError{Problem: "export writes one thing at a time, not " + strings.Join(args, " and "), Hint: "run it once for each"}
			}
			if len(args) == 0 {
				return &devcert.UsageError{Problem: "export needs to be told what", Hint: "devcert export --help lists what there is"}
			}
			x, err := devcert.ExportNamed(args[0])
			if err != nil {
				return err
			}
			return s.export(x)
		}),
	}
}

func exportsListed() string {
	var rows [][2]string
	for _, x := range devcert.Exports {
		rows = append(rows, [2]string{x.Name, x.What})
	}
	return "what there is:\n" + strings.TrimRight(table(rows), "\n")
}

// export writes x. The file is looked at first, so that no password is asked for
// in vain.
func (s *session) export(x devcert.Export) error {
	out, force := s.flags.String("out"), s.flags.Bool("force")
	if out == "-" { // as other programs call it; a file of that name is ./-
		out = ""
	}
	switch {
	case out == "" && s.json:
		return &devcert.UsageError{Problem: "--json and what is exported cannot both have standard output", Hint: "add --out " + x.File}
	case out == "" && x.Binary && isTerminal(s.streams.Out):
		return &devcert.UsageError{Problem: x.Name + " is not text, and would spoil the terminal", Hint: "add --out " + x.File}
	case out != "":
		if err := mayWrite(out, force); err != nil {
			return s.failed(nil, err)
		}
	}
	password, chosen, err := s.exportPassword(x)
	if err != nil {
		return err
	}
	data, err := s.engine.Export(s.flags.Context, x, password)
	if err != nil {
		return s.failed(nil, err)
	}
	if out == "" {
		_, err := s.out.Write(data)
		return err
	}
	if err := writeExport(s.engine.Host.Files, out, data, x.Secret, force); err != nil {
		return s.failed(nil, err)
	}
	if s.json {
		s.printDocument(nil, reference{Export: exported(x, out, chosen)}, nil)
	}
	s.ui.say("written: " + out)
	return nil
}

// exportJSON is what was written, in --json. Password is there only where devcert
// chose it: nobody knows it otherwise.
type exportJSON struct {
	Name     string  `json:"name"`
	Path     string  `json:"path"` // absolute
	Secret   bool    `json:"secret"`
	Password *string `json:"password"`
}

func exported(x devcert.Export, path, chosen string) *exportJSON {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	return &exportJSON{Name: x.Name, Path: path, Secret: x.Secret, Password: orNull(chosen)}
}

// exportPassword is what protects x; "" where nothing does. Chosen is the same
// where devcert did so, and nobody gave it.
func (s *session) exportPassword(x devcert.Export) (password, chosen string, err error) {
	file := s.flags.String("password-file")
	switch {
	case !x.Password && file != "":
		err = &devcert.UsageError{Problem: x.Name + " has no password", Hint: "leave --password-file out"}
	case !x.Password:
	case file != "":
		password, err = fit(passwordIn(file))
	case s.hasPassword():
		password, err = fit(s.givenPassword())
	case !x.Secret:
		password, chosen = javasPassword, javasPassword
	default:
		if s.ui.interactive {
			password, err = fit(s.askPassword())
		}
		if password == "" && err == nil {
			password, err = s.newPassword()
			chosen = password
		}
	}
	return password, chosen, err
}

// newPassword makes one and says it, in the document where there is one: once, and
// with --quiet too.
func (s *session) newPassword() (string, error) {
	password, err := chain.NewPassword(nil)
	if err == nil && !s.json {
		fmt.Fprintln(s.streams.Err, "password: "+password)
	}
	return password, err
}

// maxPassword is how much of a password's file is read, in bytes.
const maxPassword = 4096

// passwordIn reads the password that a file holds, without the newline at its end.
func passwordIn(path string) (string, error) {
	var data []byte
	f, err := os.Open(path)
	if err == nil {
		defer f.Close()
		data, err = io.ReadAll(io.LimitReader(f, maxPassword+1))
	}
	if err != nil {
		return "", &devcert.UsageError{Problem: notRead(path, err), Hint: "--password-file names a file that holds the password, and nothing else"}
	}
	password := strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
	var problem string
	switch {
	case password == "" || len(data) > maxPassword:
		problem = "does not hold one line with a password"
	case !utf8.ValidString(password) || strings.ContainsRune(password, 0): // UTF-16 is
		problem = "is not text in UTF-8"
	case strings.HasPrefix(password, "\ufeff"):
		problem = "begins with a byte order mark, which would be part of the password"
	case strings.ContainsAny(password, "\r\n"):
		problem = "does not hold one line with a password"
	default:
		return password, nil
	}
	return "", &devcert.UsageError{Problem: shown(path) + " " + problem, Hint: "write the password, and nothing else, into it"}
}

// hasPassword says whether the environment has one, were it an empty one.
func (s *session) hasPassword() bool {
	_, set := s.env[passwordVariable]
	return set
}

// givenPassword is the environment's. Where a secret is missing, build servers set
// the variable empty: another password than the one that was meant helps nobody.
func (s *session) givenPassword() (string, error) {
	password := s.env[passwordVariable]
	if password == "" {
		return "", &devcert.UsageError{Problem: passwordVariable + " is set, and empty", Hint: "give it a password, or unset it"}
	}
	return password, nil
}

// fit refuses what PKCS#12 cannot hold.
func fit(password string, err error) (string, error) {
	var problem string
	switch {
	case err != nil:
		return "", err
	case !utf8.ValidString(password):
		problem = "is not UTF-8"
	case strings.ContainsRune(password, 0): // ends it, for most who read it
		problem = "has a NUL in it"
	case strings.ContainsFunc(password, func(r rune) bool { return r > 0xFFFF }):
		problem = "has a character beyond U+FFFF, such as an emoji, which the format cannot hold"
	default:
		return password, nil
	}
	return "", &devcert.UsageError{Problem: "the password " + problem, Hint: "choose another"}
}

// readHidden reads a line that is not shown, until ctx ends: Ctrl+C is told to the
// program, and would otherwise go unheard here.
func readHidden(ctx context.Context, fd int) (string, error) {
	type answer struct {
		line []byte
		err  error
	}
	before, _ := term.GetState(fd)
	read := make(chan answer, 1)
	go func() {
		line, err := term.ReadPassword(fd)
		read <- answer{line, err}
	}()
	select {
	case a := <-read:
		return string(a.line), a.err
	case <-ctx.Done():
		if before != nil {
			_ = term.Restore(fd, before)
		}
		return "", errors.New("interrupted, and nothing was written")
	}
}

// askPassword asks twice, without showing what is typed. An empty answer is for
// one that devcert makes.
func (s *session) askPassword() (string, error) {
	in, ok := s.streams.In.(*os.File)
	if !ok {
		return "", errors.New("asking for a password: standard input is no terminal")
	}
	read := func(prompt string) (string, error) {
		fmt.Fprint(s.streams.Err, prompt)
		defer fmt.Fprintln(s.streams.Err)
		return readHidden(s.flags.Context, int(in.Fd()))
	}
	first, err := read("password for it (empty: one is made): ")
	if err != nil {
		return "", fmt.Errorf("asking for a password: %w", err)
	}
	if first == "" {
		return "", nil
	}
	switch again, err := read("again: "); {
	case err != nil:
		return "", fmt.Errorf("asking for a password: %w", err)
	case again != first:
		return "", &devcert.UsageError{Problem: "the two passwords are not alike", Hint: "nothing was written; run it again"}
	}
	return first, nil
}

package cli

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"devcert/devcert"
	"devcert/devcert/chain"
	"devcert/devcert/disk"
)

func (p *program) listCommand() *cli.Command {
	return &cli.Command{
		Name: "list", Usage: "list the certificates that were issued",
		UsageText: "  devcert list",
		Flags:     commonFlags(),
		Action: p.run(func(ctx context.Context, s *session) error {
			if err := noArguments(s.flags.Args().Slice()); err != nil {
				return err
			}
			all, err := s.engine.List(ctx)
			if err != nil {
				return s.failed(nil, err)
			}
			return s.list(all)
		}),
	}
}

func (s *session) list(all []devcert.IssuedCert) error {
	if s.json {
		out := []issuedJSON{}
		for _, c := range all {
			out = append(out, s.listed(c))
		}
		s.printDocument(nil, reference{Issued: out}, nil)
		return nil
	}
	if len(all) == 0 {
		s.ui.printf("Nothing was issued yet.   devcert issue NAME\n")
		return nil
	}
	const usual = 32 // a longer name stands above what is said of it, or moves that to the right
	widest, widestUse := 0, 0
	for _, c := range all {
		widestUse = max(widestUse, len(useWords(s.listed(c).Uses)))
		if n := columns(c.Name); n <= usual {
			widest = max(widest, n)
		}
	}
	for _, c := range all {
		l := s.listed(c)
		until := "-"
		if cert := c.Cert(); cert != nil {
			until = cert.NotAfter.UTC().Format(time.DateOnly)
		}
		state := l.State
		if l.Flaw != "" {
			state += "   flaw: " + l.Flaw
		}
		if l.Group != "" {
			state += "   group " + l.Group
		}
		if len(c.Offered) > 0 {
			state += "   offered by " + strings.Join(c.Offered, ", ")
		}
		name := c.Name
		if s.ui.drawn && columns(name) > usual {
			s.ui.printf("%s\n", name)
			name = ""
		}
		s.ui.item("%-*s  %-*s  until %-10s  %s", widest, name, widestUse, useWords(l.Uses), until, state)
	}
	return nil
}

func (p *program) revokeCommand() *cli.Command {
	return &cli.Command{
		Name: "revoke", Usage: "end a client's certificate before its time", ArgsUsage: "NAME",
		UsageText: "  devcert revoke alice",
		Description: "devcert serve signs the list with it when somebody asks: a server that has a list\n" +
			"already goes on accepting it for ten minutes at most. Browsers here that offered\n" +
			"it do so no more. Its files stay, and devcert list says what they are.",
		Flags: changingFlags(),
		Action: p.run(func(ctx context.Context, s *session) error {
			args := s.flags.Args().Slice()
			if len(args) != 1 {
				return &devcert.UsageError{Problem: "revoke needs one name", Hint: "devcert list tells what was issued"}
			}
			c, changed, err := s.engine.Revoke(ctx, args[0])
			if c == nil {
				return s.failed(nil, err)
			}
			if len(c.Planned) > 0 {
				return s.wouldChange(c.Planned)
			}
			if s.json {
				s.printDocument(nil, reference{Issued: []issuedJSON{s.listed(*c)}}, err)
				return asPrinted(err)
			}
			switch {
			case err != nil:
			case changed:
				s.ui.printf("Revoked: %s\n", c.Name)
			default:
				s.ui.printf("Nothing to do: %s was revoked already.\n", c.Name)
			}
			return err
		}),
	}
}

// issuedJSON is a certificate that was issued.
type issuedJSON struct {
	Name        string   `json:"name"`
	Uses        []string `json:"uses"`           // client, server
	State       string   `json:"state"`          // valid, not-yet-valid, expired, revoked, group-disabled, former-root, unreadable
	Flaw        string   `json:"flaw,omitempty"` // the one that it was made with
	Group       string   `json:"group,omitempty"`
	Subject     string   `json:"subject,omitempty"`
	NotAfter    string   `json:"notAfter,omitempty"` // RFC 3339, UTC
	Thumbprint  string   `json:"thumbprint,omitempty"`
	Fingerprint string   `json:"fingerprint,omitempty"`
	// PublicKey is the SHA-256 of the SubjectPublicKeyInfo, in base64: RFC 7469's pin.
	PublicKey string          `json:"publicKey,omitempty"`
	Names     []string        `json:"names,omitempty"`
	Emails    []string        `json:"emails,omitempty"`
	URIs      []string        `json:"uris,omitempty"`
	Files     []string        `json:"files"` // absolute
	Offered   []offeredByJSON `json:"offeredBy"`
}

type offeredByJSON struct {
	Client string   `json:"client"`
	Places []string `json:"places"`
}

func certJSON(name string, cert *x509.Certificate) issuedJSON {
	out := issuedJSON{Name: name, Uses: []string{}, Files: []string{}, Offered: []offeredByJSON{}}
	if cert == nil {
		return out
	}
	for _, use := range cert.ExtKeyUsage {
		switch use {
		case x509.ExtKeyUsageClientAuth:
			out.Uses = append(out.Uses, "client")
		case x509.ExtKeyUsageServerAuth:
			out.Uses = append(out.Uses, "server")
		}
	}
	pin := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
	out.Subject, out.NotAfter = cert.Subject.CommonName, cert.NotAfter.UTC().Format(time.RFC3339)
	out.Thumbprint, out.Fingerprint = chain.Thumbprint(cert), chain.Fingerprint(cert)
	out.Flaw, out.Group = string(chain.FlawOf(cert)), chain.GroupOf(&x509.Certificate{Subject: cert.Issuer})
	out.PublicKey = base64.StdEncoding.EncodeToString(pin[:])
	out.Names, out.Emails = chain.ServerNames(cert), cert.EmailAddresses
	for _, u := range cert.URIs {
		out.URIs = append(out.URIs, u.String())
	}
	return out
}

// issuedOf is what was just made; its files are in dir where that is named.
func issuedOf(i *devcert.Issuance, dir string, now time.Time) issuedJSON {
	out := certJSON(i.Name, i.Cert())
	out.State = string(devcert.IssuedValid)
	switch cert := i.Cert(); {
	case now.After(cert.NotAfter):
		out.State = string(devcert.IssuedExpired)
	case now.Before(cert.NotBefore):
		out.State = string(devcert.IssuedNotYet)
	}
	if dir == "" {
		dir = i.Dir
	}
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	for _, file := range i.Files {
		out.Files = append(out.Files, filepath.Join(dir, i.Name+file.Ending))
	}
	for _, by := range i.Offered {
		out.Offered = append(out.Offered, offeredByJSON{by.Client, array(by.Places)})
	}
	return out
}

// listed is one of the list.
func (s *session) listed(c devcert.IssuedCert) issuedJSON {
	out := certJSON(c.Name, c.Cert())
	out.State = string(c.State)
	for _, ending := range disk.IssuedEndings {
		path := s.engine.IssuedPath(c.Name, ending)
		if path != "" {
			out.Files = append(out.Files, path)
		}
	}
	for _, client := range c.Offered {
		out.Offered = append(out.Offered, offeredByJSON{Client: client, Places: []string{}})
	}
	return out
}

// useWords says what a certificate is for.
func useWords(uses []string) string {
	if len(uses) == 0 {
		return "-"
	}
	return strings.Join(uses, " & ")
}

package dotnet

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"devcert/devcert"
	"devcert/devcert/chain"
	"devcert/platform/winstore"
)

// staleExports are the files that were exported for one application and do not
// hold the leaf. Kestrel serves what is in them, whatever its dates, where the
// application is given their password; it is not asked for here.
func (s *Store) staleExports(ctx context.Context, home string, leaf *x509.Certificate) []devcert.Stray {
	var strays []devcert.Stray
	names, err := list(s.exports(home))
	for _, name := range names {
		if err != nil || ctx.Err() != nil {
			break
		}
		path := filepath.Join(s.exports(home), name)
		b, info, err := s.readExport(path)
		why := ""
		switch {
		case err == nil:
			why = judgeExport(b, leaf)
		case errors.Is(err, errPassword) && writtenBefore(info, leaf):
			why = "it was written on " + info.ModTime().UTC().Format(time.DateOnly) + ", before the present leaf was made"
		}
		if why != "" {
			strays = append(strays, devcert.Stray{Harm: devcert.HarmStaleExport, Where: path, Why: why})
		}
	}
	return strays
}

// exports is where Kestrel looks for <App>.pfx (TlsConfigurationLoader in
// dotnet/aspnetcore): APPDATA counts on every system.
func (s *Store) exports(home string) string {
	if data := s.env("APPDATA"); filepath.IsAbs(data) {
		return filepath.Join(data, "ASP.NET", "https")
	}
	return filepath.Join(home, ".aspnet", "https")
}

// passwordVariables may carry the password of an application's export.
var passwordVariables = []string{
	"Kestrel__Certificates__Development__Password",
	"ASPNETCORE_Kestrel__Certificates__Development__Password",
	"DOTNET_Kestrel__Certificates__Development__Password",
}

// readExport opens an export with the passwords that a program started from here
// would be given, and with none.
func (s *Store) readExport(path string) (b *bundle, info fs.FileInfo, err error) {
	tried := map[string]bool{}
	for _, password := range []string{"", s.env(passwordVariables[0]), s.env(passwordVariables[1]), s.env(passwordVariables[2])} {
		if tried[password] {
			continue
		}
		tried[password] = true
		if b, info, err = readFile(path, password); !errors.Is(err, errPassword) {
			break
		}
	}
	return b, info, err
}

// judgeExport says why Kestrel serves another certificate than the leaf from a
// file; "" where it serves the leaf, or nothing.
func judgeExport(b *bundle, leaf *x509.Certificate) string {
	der, cert, _ := b.taken()
	if cert == nil || cert.Equal(leaf) || cert.Subject.String() != "CN=localhost" {
		return ""
	}
	marked := winstore.Rivals([]winstore.Entry{{DER: der}}, nil, cert.NotBefore)
	if len(marked) == 0 || marked[0].Version < 0 {
		return ""
	}
	what := "another development certificate"
	if chain.PartOf(cert) == chain.PartLeaf {
		what = "a leaf of devcert's that is not the present one"
	}
	return fmt.Sprintf("it holds %s, until %s", what, cert.NotAfter.UTC().Format(time.DateOnly))
}

// writtenBefore says whether the file was last written before the leaf was made,
// so that it cannot hold it.
func writtenBefore(info fs.FileInfo, leaf *x509.Certificate) bool {
	made := leaf.NotBefore.Add(chain.Backdate)
	return info.ModTime().Before(made)
}

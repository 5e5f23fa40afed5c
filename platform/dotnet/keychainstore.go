package dotnet

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"devcert/devcert"
	"devcert/devcert/chain"
	"devcert/devcert/disk"
	"devcert/platform/keychain"
)

// KeychainStore is .NET's personal store on macOS: the login keychain, and beside
// it a folder with a file for every development certificate. It implements
// [devcert.Store]. The intermediate that Kestrel sends along is in the login
// keychain too, where platform/system puts it.
//
// Since .NET 7 Kestrel takes the key from the file, and believes a file only if
// the keychain has its certificate: so that programs need not be allowed to use a
// key of the keychain one by one. With the certificate in the keychain and no file,
// `dotnet dev-certs` calls its state invalid. Where any certificate has a file, all
// that have none are passed over; and one file in the folder that cannot be read
// hides them all (MacOSCertificateManager in dotnet/aspnetcore).
type KeychainStore struct {
	// Tool is run as the user whose environment Env is.
	Tool  keychain.Tool
	Env   []string
	Files disk.Files // makes private files
	Now   func() time.Time
}

var _ devcert.Store = (*KeychainStore)(nil)

// shared is what is the same on every system: whether .NET is here, what an export
// is, how folders are made.
func (s *KeychainStore) shared() *Store {
	return &Store{Env: s.Env, Files: s.Files, Now: s.Now, Root: s.Tool.Root}
}

// Name is "dotnet".
func (s *KeychainStore) Name() string { return "dotnet" }

// Ready says whether there is a tool, and a home folder.
func (s *KeychainStore) Ready(context.Context) error {
	_, err := s.shared().home()
	return errors.Join(s.Tool.Find(), err)
}

func (s *KeychainStore) login() string { return keychain.Login(s.Tool.Home) }

// The names of the files (MacOSCertificateManager in dotnet/aspnetcore).
const filePrefix = "aspnetcore-localhost-"

func devCerts(home string) string { return filepath.Join(home, ".aspnet", "dev-certs", "https") }

func devCertFile(home string, cert *x509.Certificate) string {
	return filepath.Join(devCerts(home), filePrefix+chain.Thumbprint(cert)+suffix)
}

// keychainSight is what was seen of both. Judging it is pure.
type keychainSight struct {
	keychain string
	entries  []entry         // of the keychain, with its key where the keychain has one
	keyed    map[string]bool // the thumbprints of those that have
	folder   string
	files    []file // of the folder, those with .NET's name for them
	err      error  // the look failed; nothing else is known then
	now      time.Time
}

// Look reports the one place there is, where .NET is on this machine. An account
// that has never logged in at the screen has no keychain.
func (s *KeychainStore) Look(ctx context.Context, m devcert.Material) []devcert.Place {
	if !s.shared().present() {
		return nil
	}
	seen := s.see(ctx)
	if errors.Is(seen.err, keychain.ErrNoKeychain) {
		return nil
	}
	p := seen.place(m.Leaf)
	if seen.err == nil && m.Leaf != nil {
		home, _ := s.shared().home()
		own := sight{files: seen.files}
		p.Strays = append(p.Strays, s.shared().exposed(own, m.Leaf)...)
		p.Strays = append(p.Strays, s.shared().staleExports(ctx, home, m.Leaf)...)
	}
	return []devcert.Place{p}
}

func (s *KeychainStore) see(ctx context.Context) keychainSight {
	seen := keychainSight{keychain: s.login(), now: s.Now()}
	home, err := s.shared().home()
	if seen.err = err; err != nil {
		return seen
	}
	ders, err := s.Tool.Certificates(ctx, seen.keychain)
	if err == nil {
		seen.keyed, err = s.Tool.Identities(ctx, seen.keychain)
	}
	if seen.err = err; err != nil {
		return seen
	}
	for _, der := range ders {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			cert = nil
		}
		seen.entries = append(seen.entries, entry{file: &file{path: seen.keychain}, der: der, cert: cert})
	}
	seen.folder = devCerts(home)
	files, err := readFolder(ctx, seen.folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		seen.err = err
	}
	for _, f := range files {
		if strings.HasPrefix(filepath.Base(f.path), filePrefix) {
			seen.files = append(seen.files, f)
		}
	}
	return seen
}

// place says what the sight means for a leaf, which may be nil.
func (s keychainSight) place(leaf *x509.Certificate) devcert.Place {
	p := devcert.Place{Path: s.keychain, Part: chain.PartLeaf, State: devcert.Missing}
	if s.err != nil {
		p.State, p.Evidence = devcert.Unknown, s.err.Error()
		return p
	}
	if leaf != nil {
		p.State, p.Evidence, p.Remedy = s.state(leaf)
		if p.State == devcert.Trusted {
			p.VerifiedBy = "certificate in the keychain, and with its key in " + filepath.Base(s.fileOf(leaf).path)
		}
		p.Strays = rivals(s.taken(), leaf, s.now)
	}
	for _, e := range s.entries {
		if e.cert != nil && chain.PartOf(e.cert) == chain.PartLeaf && (leaf == nil || !e.cert.Equal(leaf)) {
			p.Others = append(p.Others, e.cert)
		}
	}
	return p
}

// state is that of the place for the leaf.
func (s keychainSight) state(leaf *x509.Certificate) (state devcert.PlaceState, evidence, remedy string) {
	if find(s.entries, leaf.Raw) < 0 {
		return devcert.Missing, "", ""
	}
	own := s.fileOf(leaf)
	for _, f := range s.files {
		if f.err == nil || errors.Is(f.err, errEncoding) || own != nil && f.path == own.path {
			continue // an encoding that is not read here .NET may read
		}
		why := fmt.Sprintf("%s cannot be read (%v), and hides all others from Kestrel", filepath.Base(f.path), plain(f.err))
		return devcert.Denied, why, "remove " + f.path
	}
	switch {
	case !s.keyed[chain.Thumbprint(leaf)]:
		return devcert.Stale, "the keychain has no private key for it", ""
	case own == nil:
		return devcert.Denied, "there is no file of it in " + s.folder + ", which .NET calls an invalid state", ""
	case own.err != nil:
		return devcert.Denied, fmt.Sprintf("%s is damaged: %v", filepath.Base(own.path), plain(own.err)), ""
	case !own.serves(leaf):
		return devcert.Denied, filepath.Base(own.path) + " does not hold the leaf with its key", ""
	}
	return devcert.Trusted, "", ""
}

// fileOf is the file with the leaf's name; nil when there is none.
func (s keychainSight) fileOf(leaf *x509.Certificate) *file {
	at := slices.IndexFunc(s.files, func(f file) bool {
		return filepath.Base(f.path) == filePrefix+chain.Thumbprint(leaf)+suffix
	})
	if at < 0 {
		return nil
	}
	return &s.files[at]
}

// serves says whether .NET takes the leaf with its key out of the file.
func (f file) serves(leaf *x509.Certificate) bool {
	return f.bundle != nil && f.bundle.isOf(leaf) && f.bundle.keyOf(leaf) != nil
}

// keyElsewhere is a private key that was not read.
type keyElsewhere struct{ crypto.Signer }

// taken are the certificates that Kestrel chooses among: those with a key in the
// keychain, and of them only those with a file where there is any.
func (s keychainSight) taken() []entry {
	var keyed, filed []entry
	for _, e := range s.entries {
		if !s.keyed[chain.Thumbprint(&x509.Certificate{Raw: e.der})] {
			continue
		}
		e.key = keyElsewhere{}
		keyed = append(keyed, e)
		for i, f := range s.files {
			if f.bundle == nil {
				continue
			}
			if der, _, key := f.bundle.taken(); find([]entry{e}, der) == 0 {
				e.file, e.key = &s.files[i], key
				filed = append(filed, e)
				break
			}
		}
	}
	if len(filed) > 0 {
		return filed
	}
	return keyed
}

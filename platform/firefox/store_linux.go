package firefox

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"devcert/devcert"
	"devcert/devcert/chain"
	"devcert/devcert/disk"
	"devcert/platform/elevate"
	"devcert/platform/nss"
)

// Privileged is who changes the machine's policies for us, with the Handlers of a
// Changer.
type Privileged interface {
	Ready(ctx context.Context) error
	Do(ctx context.Context, what string, body any) error
}

// Store is the Firefox profiles of one user. It implements [devcert.Store].
type Store struct {
	Privileged Privileged
	// Home is the user's home folder, ConfigHome their XDG_CONFIG_HOME; "" for the
	// usual one. Without a home there are no profiles.
	Home, ConfigHome string
	// System is the machine's own store, which a profile may follow.
	System devcert.Store
	// Files writes the user's files.
	Files disk.Files
	// Root is put before every path of the machine, and Certutil finds the tool
	// that is to be used. Both are for tests; nil finds the machine's.
	Root     string
	Certutil func() (nss.Tool, bool)
}

var _ devcert.Store = (*Store)(nil)

// Name is "firefox".
func (s *Store) Name() string { return "firefox" }

func (s *Store) certutil() (nss.Tool, bool) {
	if s.Certutil != nil {
		return s.Certutil()
	}
	return nss.FindTool()
}

var errNoCertutil = errors.New("certutil is not installed")

// way is how a profile can be made to trust the root.
type way int

const (
	byCertutil  way = iota // in its database
	byFollowing            // with a policy, so that it follows the system's store
	noWay
)

// wayOf is the way for one profile, and for noWay why.
func (s *Store) wayOf(p found) (way, error) {
	if _, ok := s.certutil(); ok {
		return byCertutil, nil
	}
	if p.sandboxed {
		return noWay, fmt.Errorf("%w, and a snap or Flatpak sees no policy of the machine", errNoCertutil)
	}
	_, err := findModule(s.Root)
	if errors.Is(err, errNoModule) {
		return noWay, fmt.Errorf("%w, nor is p11-kit's trust module", errNoCertutil)
	}
	if err != nil {
		return noWay, fmt.Errorf("%w, and %w", errNoCertutil, err)
	}
	return byFollowing, nil
}

// noWayTo is the error of what cannot be done to a profile, and what it would take.
func noWayTo(what string, p found, why error) error {
	return &problem{what + " the Firefox profile " + p.String(), fmt.Errorf("%w: %w", devcert.ErrUnsupported, why), install(p) + again}
}

// install names the packages that make a way: of Debian, and of Fedora where it
// calls them otherwise.
func install(p found) string {
	text := "install the package libnss3-tools (nss-tools, mozilla-nss-tools), which has certutil"
	if !p.sandboxed {
		text += ", or p11-kit-modules (p11-kit-trust)"
	}
	return text
}

// Ready says whether any profile can be changed.
func (s *Store) Ready(ctx context.Context) error {
	profiles, _ := s.profiles()
	var failed error
	for _, p := range profiles {
		way, why := s.wayOf(p)
		switch how, _ := s.follows(p); {
		case way == byCertutil, how != "":
			return nil
		case way == byFollowing:
			return s.Privileged.Ready(ctx)
		}
		failed = errors.Join(failed, noWayTo("change", p, why))
	}
	return failed
}

// Deploy has every profile trust the root that does not yet: by its database, or
// by a policy for the whole machine. One that cannot be changed is left to a
// person; Look says how.
func (s *Store) Deploy(ctx context.Context, m devcert.Material) error {
	profiles, failed := s.profiles()
	policy, _ := s.hasOurs() // it hears of each root, to stay when a former one goes
	var following []found
	for _, p := range profiles {
		place := s.look(ctx, p, m)
		how, _ := s.follows(p)
		switch {
		case place.Remedy != "", place.Machine && m.UserOnly:
		case how != "":
			following = append(following, p)
		case place.State == devcert.Trusted:
		case place.Machine:
			policy, following = true, append(following, p)
		default:
			failed = errors.Join(failed, s.intoDatabase(ctx, p, m))
		}
	}
	if policy && !m.UserOnly {
		if err := s.Privileged.Do(ctx, followSystem, elevate.Certificate{DER: m.Root.Raw}); err != nil {
			return errors.Join(failed, err)
		}
	}
	return errors.Join(failed, s.afterSystem(ctx, following, m))
}

// intoDatabase has the profile itself trust the root. One that was never started
// has no database yet.
func (s *Store) intoDatabase(ctx context.Context, p found, m devcert.Material) error {
	tool, _ := s.certutil()
	return tool.Install(ctx, p.Path, m.Root)
}

// afterSystem deals with profiles that follow the system's store, once it is known
// what became of that.
func (s *Store) afterSystem(ctx context.Context, following []found, m devcert.Material) error {
	if len(following) == 0 {
		return nil
	}
	m.After(devcert.SystemStore)
	var failed error
	for _, p := range following {
		place := s.look(ctx, p, m)
		switch {
		case place.State == devcert.Trusted:
		case place.Machine:
			failed = errors.Join(failed, &problem{
				"have the Firefox profile " + p.String() + " trust the root", errors.New(place.Evidence),
				"let devcert change the system's store too: devcert setup --stores system,firefox",
			})
		default:
			failed = errors.Join(failed, s.intoDatabase(ctx, p, m))
		}
	}
	return failed
}

// Withdraw removes the certificate from every profile, and the policy once no root
// of devcert's needs it, with what it left in the profiles.
func (s *Store) Withdraw(ctx context.Context, cert *x509.Certificate) error {
	profiles, failed := s.profiles()
	tool, there := s.certutil()
	for _, p := range profiles {
		if why := p.unfit(); why != nil {
			if seen, _ := tool.Look(ctx, p.Path, cert); seen.State != devcert.Missing {
				failed = errors.Join(failed, why)
			}
			continue
		}
		err := tool.Remove(ctx, p.Path, cert)
		if err != nil && !there {
			err = noWayTo("remove a certificate from", p, errNoCertutil)
		}
		failed = errors.Join(failed, err)
	}
	ours := s.mayHaveOurs()
	if ours && chain.PartOf(cert) == chain.PartRoot {
		failed = errors.Join(failed, s.Privileged.Do(ctx, leaveSystem, elevate.Certificate{DER: cert.Raw}))
		ours, _ = s.hasOurs()
	}
	if ours {
		return failed
	}
	for _, p := range profiles {
		if p.unfit() == nil {
			failed = errors.Join(failed, s.dropModule(p))
		}
	}
	return failed
}

// dropModule takes the module out of a profile that took it from the policy. A
// Firefox that runs goes on with it until it ends.
func (s *Store) dropModule(p found) error {
	path := filepath.Join(p.Path, "pkcs11.txt")
	data, err := read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		without, has := withoutModule(data, moduleName)
		if !has || bytes.Equal(without, data) {
			return nil
		}
		err = s.replace(path, without)
	}
	if err != nil {
		return &problem{
			"take p11-kit's module out of the Firefox profile " + p.String(), err,
			"unload " + moduleName + " in Firefox: Settings, Security Devices",
		}
	}
	return nil
}

// replace writes a file of the user's anew, with its mode, and where a link leads.
func (s *Store) replace(path string, data []byte) error {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	info, err := os.Stat(real)
	if err != nil {
		return err
	}
	return disk.ReplaceFile(s.Files, real, data, info.Mode().Perm())
}

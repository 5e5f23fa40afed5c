package firefox

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// Where policies stand, for all accounts. Firefox reads one file: the system's, or
// where there is none that of its own installation.
const (
	policyFolder = "/etc/firefox/policies"
	policyFile   = policyFolder + "/policies.json"
	ownPolicies  = "distribution/policies.json"
)

// follows says how the Firefox of a profile comes to take the system's anchors:
// "" when it does not, as far as can be seen.
func (s *Store) follows(p found) (how string, err error) {
	if p.sandboxed {
		return "", nil
	}
	path := filepath.Join(p.Path, "pkcs11.txt")
	data, err := read(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read the modules of a Firefox profile: %w", err)
	}
	for _, m := range parseModules(data) {
		if s.isTrustModule(m.library) {
			return path + " has " + m.library, nil
		}
	}
	installation := s.installation(p.Path)
	if lib := s.ownModule(installation); lib != "" {
		return lib + " is " + trustModule, nil
	}
	return s.byPolicy(installation)
}

// isTrustModule says whether a library is p11-kit's trust module, and there.
func (s *Store) isTrustModule(library string) bool {
	if filepath.Base(library) != trustModule || !filepath.IsAbs(library) {
		return false
	}
	_, err := os.Stat(filepath.Join(s.Root, library))
	return err == nil
}

// installation is the folder of the Firefox that used the profile last; "" when it
// has not been used.
func (s *Store) installation(profile string) string {
	sections, err := sectionsOf(filepath.Join(profile, "compatibility.ini"))
	if err != nil {
		return ""
	}
	for _, section := range sections {
		if dir := section.keys["LastPlatformDir"]; filepath.IsAbs(dir) {
			return dir
		}
	}
	return ""
}

// ownModule is the list of roots that an installation brings as a library, where a
// distribution has made that a link to p11-kit's: Firefox loads libnssckbi.so from
// beside its NSS. "" elsewhere.
func (s *Store) ownModule(installation string) string {
	if installation == "" {
		return ""
	}
	folders := []string{installation}
	if _, err := os.Stat(filepath.Join(s.Root, installation, "libnss3.so")); err != nil {
		folders = append(folders, "/usr/lib64", "/usr/lib")
	}
	for _, folder := range folders {
		path := filepath.Join(folder, "libnssckbi.so")
		real, err := filepath.EvalSymlinks(filepath.Join(s.Root, path))
		if err == nil && filepath.Base(real) == trustModule {
			return path
		}
	}
	return ""
}

// byPolicy looks into the policies that an installation reads.
func (s *Store) byPolicy(installation string) (string, error) {
	path := policyFile
	data, err := read(filepath.Join(s.Root, path))
	if errors.Is(err, fs.ErrNotExist) && installation != "" {
		path = filepath.Join(installation, ownPolicies)
		data, err = read(filepath.Join(s.Root, path))
	}
	// What is kept from us is kept from a Firefox of ours too: it follows none of it.
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return "", nil
	}
	if err != nil {
		return "", unreadPolicies(filepath.Join(s.Root, path), err)
	}
	modules, err := policyModules(data)
	if err != nil {
		return "", nil // Firefox follows none of it either
	}
	for _, name := range slices.Sorted(maps.Keys(modules)) {
		if s.isTrustModule(modules[name]) {
			return path + " has " + modules[name], nil
		}
	}
	return "", nil
}

func unreadPolicies(path string, err error) error {
	return &problem{"read Firefox's policies", err, unreadable(path, err, func(right, path string) string {
		return "let every account read it, as its Firefox has to: sudo chmod a+" + right + " " + path
	})}
}

func malformed(path string, err error) error {
	return &problem{"read Firefox's policies in " + path, err, "mend " + path + ", or move it away" + again}
}

// hasOurs says whether the machine's policies load the module under devcert's name.
func (s *Store) hasOurs() (bool, error) {
	path := filepath.Join(s.Root, policyFile)
	data, err := read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, unreadPolicies(path, err)
	}
	modules, err := policyModules(data)
	if err != nil {
		return bytes.Contains(data, []byte(moduleName)), malformed(path, err)
	}
	_, has := modules[moduleName]
	return has, nil
}

// mayHaveOurs says the same where nobody but root can read the policies: devcert's
// ledger, which is root's too, is there if devcert has written to them.
func (s *Store) mayHaveOurs() bool {
	ours, err := s.hasOurs()
	if !errors.Is(err, fs.ErrPermission) {
		return ours
	}
	_, err = os.Lstat(filepath.Join(s.Root, machineFolder, ledgerName))
	return !errors.Is(err, fs.ErrNotExist)
}

package nss

import (
	"crypto/x509"
	"path/filepath"
	"slices"
)

// PolicyOf is the file of policies by which a browser is given the root, or would
// be: "" where it has the root from the NSS databases of its user. The browser is
// told by its program; machine is put before the paths of the system's, and empty
// but in tests. It starts nothing.
func PolicyOf(machine, program string, root *x509.Certificate) string {
	at := slices.IndexFunc(kinds, func(k kind) bool { return slices.Contains(k.programs, filepath.Base(program)) })
	if at < 0 || kinds[at].policies == "" {
		return ""
	}
	k := kinds[at]
	dir := k.managed(machine)
	if all, err := readPolicies(dir); err == nil && root != nil {
		for _, key := range []string{keyPlain, keyConstrained} {
			if file := all.having(key, root); file != "" {
				return filepath.Join(dir, file)
			}
		}
	}
	if _, certutil := findTool(machine); certutil || k.inSystem(machine) == "" {
		return ""
	}
	return filepath.Join(dir, ownName)
}

// MayHold says whether the database in dir can have cert: where it says no, it has
// not, or there is no database.
func MayHold(dir string, cert *x509.Certificate) bool {
	held, err := readHeld(dir)
	return err == nil && held.mayHave(cert)
}

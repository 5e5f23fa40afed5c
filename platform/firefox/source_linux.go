package firefox

import (
	"crypto/x509"

	"devcert/platform/nss"
)

// Follows says whether the Firefox of a profile has root from the system's store,
// through p11-kit's module: it loads that, and its own database has not the root.
// machine is put before the paths of the system's, and empty but in tests.
func Follows(machine, profile string, root *x509.Certificate) bool {
	if nss.MayHold(profile, root) {
		return false
	}
	how, err := (&Store{Root: machine}).follows(found{Profile: Profile{Path: profile}})
	return err == nil && how != ""
}

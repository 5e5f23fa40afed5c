// Package firefox is the trust of the Firefox profiles of one user.
//
// On Windows and macOS Firefox takes the roots of the operating system, unless a
// profile says otherwise: there the package only finds the profiles and reads that
// one preference. On Linux each profile has a database of its own, which NSS'
// certutil changes; where there is none, a policy makes every Firefox of the
// machine load p11-kit's trust module, so that it follows the system's store.
//
// It never starts Firefox, never changes a preference, and as the user it never
// touches anything of the machine's: policies are the privileged child's, which
// takes no path from anybody.
package firefox

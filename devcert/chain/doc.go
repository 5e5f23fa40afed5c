// Package chain makes and judges devcert's certificates: the profiles and the
// reasons for them, issuing to servers and clients, verifying, name constraints,
// certificate requests, revocation lists, certificates with a flaw for tests, PEM
// and PKCS#12.
//
// It promises to be X.509 and nothing else. It reads and writes no file, starts
// no process and has no clock: the time comes in as a value, and what it makes
// goes out as one. Randomness comes in as an io.Reader where a nil one means
// the system's; Go's key generation and signing take the system's in any case
// (since Go 1.26), so that a reader decides over serial numbers and passwords.
//
// A certificate never leaves here with a name that the constraints above it
// refuse, with an end after its issuer's, or with anything in it that the
// profile does not say: what [New], [NewLeaf], [NewClient] and [NewGroup] make is
// what [CheckRoot], [Check] and [CheckPart] accept, and they accept nothing else.
// Only what [NewOutside] and [NewFlawed] make is meant to be refused, and what the
// latter makes says so in its subject. The root's private key is returned to the
// caller and never encoded here unless the caller asks for it with [EncodeKey].
package chain

// Package system is the trust store that comes with the operating system: on
// Linux the folder of anchors, the bundle that a tool of the distribution makes
// of it, and the hashed folder beside it that OpenSSL reads; on macOS the
// administrators' keychain and trust settings, and beside it the user's.
//
// Looking and changing are apart. The look is our own, reads only, needs no
// rights and believes bytes, not names. The change goes through the system's own
// tool, on Linux by way of smallstep/truststore (on macOS that asks people twice: see
// platform/keychain); it is made for the
// privileged child and for nothing else, derives every path from a table, and
// removes or replaces nothing but exactly the root it is about, on Linux also a file
// of devcert's own name for that root that holds no certificate at all. The user's
// keychain is changed by the user's own process, which needs no rights for it.
package system

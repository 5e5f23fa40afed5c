// Package system is the trust store that comes with the operating system: on
// Linux the folder of anchors, the bundle that a tool of the distribution makes
// of it, and the hashed folder beside it that OpenSSL reads.
//
// Looking and changing are apart. The look is our own, reads only, needs no
// rights and believes bytes, not names. The change goes through
// smallstep/truststore and the distribution's own tool; it is made for the
// privileged child and for nothing else, derives every path from a table, and
// removes or replaces no file but one that holds exactly the root it is about, or
// one of devcert's own name for that root that holds no certificate at all.
package system

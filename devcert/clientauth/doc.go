// Package clientauth says what a server makes of the certificate that a client
// shows it, and why: which gate it does not pass, and what would let it through.
//
// Each server has its own type, since each asks something else of a certificate
// and answers in its own words. [Serve] is devcert's own front, which decides by
// it; the others foresee what other people's servers do.
//
// The package decides and nothing else: it reads no file, asks no store, has no
// clock and remembers nothing. What a certificate says of itself was written by
// whoever made it, and is quoted before it gets into a [Verdict].
package clientauth

// Package elevate answers who the user is, whether we are administrator, and
// how something is done that only an administrator may do.
//
// What runs privileged is a child of this very program that takes a closed list
// of typed requests, its [Handlers], over a pipe. The attack surface is that
// pipe: frames of a bounded size, strict JSON, bound to the start of the child by
// a number it chose and to their order by a counter. Each Handler judges what it
// is given as if an attacker had written it, and derives every path, name and
// command itself.
//
// The child reads nothing of the user's folder, never writes a user's store and
// never acts on anything it was not asked for.
//
// Under sudo the program splits at once: the command itself runs as the user
// who called sudo, so that files stay the user's, and only the child stays root.
package elevate

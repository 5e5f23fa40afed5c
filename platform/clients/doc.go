// Package clients asks the programs of this machine that verify servers whether
// they trust devcert's, by really running them.
//
// Each is given a server of its own on loopback and a folder of its own, which is
// gone afterwards. What it answered is judged by what the server saw and by how the
// program ended, never by its words. The programs are the user's, found as the
// user's shell finds them and run as the user, with no more rights than devcert
// itself has: so nothing privileged may use this package, and root who calls
// without sudo gets the answers of root's own programs and settings.
//
// It never makes a client accept what that would refuse by itself, never writes
// where a client keeps its data, never lets one out of this machine, and never puts
// a private key on disk.
package clients

// Package clients asks the programs of this machine that verify servers whether
// they trust devcert's, by really running them.
//
// Each is given a server of its own on loopback and a folder of its own, which is
// gone afterwards. What it answered is judged by what the server saw and by how the
// program ended, never by its words. One that is a server itself is started there,
// and judged by somebody who comes to it and trusts the root and nothing else. The
// programs are the user's, found as the user's shell finds them and run as the
// user, with no more rights than devcert itself has: so nothing privileged may use
// this package, and root who calls without sudo gets the answers of root's own
// programs and settings.
//
// It never makes a client accept what that would refuse by itself, never writes
// where a client keeps its data, never lets one out of this machine, and never puts
// a private key on disk.
//
// What runtimes are asked with is in scripts. Java and .NET would need a compiler
// for theirs, which is not where programs only run: so those are committed compiled,
// each with the source and a test that compares the two. The one for .NET reaches
// what is newer than .NET's common library by name, and runs on every .NET since 6.
package clients

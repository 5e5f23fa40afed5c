// Package dotnet is .NET's personal store of one user: the folders of PKCS#12
// files in which a .NET program finds the certificate it serves (my) and the
// intermediates it sends along (ca), so that Kestrel starts with no
// configuration and without `dotnet dev-certs`.
//
// Looking reads the folders as .NET reads them: in their own order, with the
// first of two equal certificates counting, and without the files that .NET
// leaves out. It says which certificate Kestrel would take, and which files
// hold one from earlier.
//
// Everything here belongs to the user who runs it and is changed with their own
// rights. The package never reads a password that a person set, never touches
// .NET's root store (the system's roots are .NET's too), starts no process, and
// removes no file but one that holds exactly the certificate it was asked about.
//
// Windows and macOS keep these certificates elsewhere: see platform/winstore and
// [KeychainStore], which does start the system's tool for keychains.
package dotnet

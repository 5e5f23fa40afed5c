// Package wsl is the Windows that a Linux runs under: the certificates that its
// programs trust, above all the browsers of whoever develops in that Linux.
// Nothing that is trusted in the one is trusted in the other by itself.
//
// It knows such a Linux when it sees one, asks Windows by starting its
// powershell.exe, as WSL lets Linux do (interop), and has the root added to and
// removed from CurrentUser\Root, for which no elevation is needed. Windows then
// asks the person in a dialog of its own, so that this happens only where one
// sits at a terminal; everybody else is told the command to type there. It is
// said too where interop is off or does not answer: what Windows trusts is then
// unknown, and never missing.
//
// The scripts are the files in the folder scripts, whole: no word of the user's
// gets into them. A certificate goes in as base64 over their standard input, and
// all that is believed of what they write is lines of a few known words, base64
// and numbers (see parseLook). Certificates are matched by their bytes.
//
// It never changes LocalMachine, whose stores a devcert that runs in Windows
// keeps, with IIS Express and the ports of HTTP.sys, which are no matter of a
// Linux; and it calls nobody's root a former one: what other distributions have
// put into the same store serves them.
//
// How WSL goes about interop is told by its source, github.com/microsoft/WSL,
// and what /etc/wsl.conf means by learn.microsoft.com/windows/wsl/wsl-config.
// Nothing here was run on a real Windows: a program that stands in for
// powershell.exe, and is as strict, is what the tests talk to.
package wsl

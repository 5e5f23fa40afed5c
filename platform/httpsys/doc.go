// Package httpsys is the table of certificates that Windows' HTTP.sys keeps,
// one for each address and port: it reads and changes it through netsh.
//
// netsh translates its words and writes them in the console's code page, and
// its exit status means little. So nothing here reads a label or believes a
// status: values are told by their shape, and a change has succeeded when a
// second look shows it. What cannot be read is an error, never an empty table.
//
// Two sides share the work. [Binder] looks, needs no rights and is what the rest
// of devcert sees. [Machine] changes: it runs in the privileged child, believes
// only numbers and shapes of what it is asked for, looks for itself, replaces
// nothing of another application unasked, and records in a ledger that only
// administrators can write what stood there, before it acts. What a failed
// change has removed for nothing it puts back.
//
// What this package cannot know is handed in: how netsh is run, what the stores
// say of a certificate, how files are guarded. So all but those runs and is
// tested on every system. It never starts a process itself, never asks for
// rights, and writes nothing but that ledger and the script of one run, which is
// removed afterwards.
package httpsys

// Package httpsys is the table of certificates that Windows' HTTP.sys keeps,
// one for each address and port: it reads and changes it through netsh.
//
// netsh translates its words and writes them in the console's code page, and
// its exit status means little. So nothing here reads a label or believes a
// status: values are told by their shape, and a change has succeeded when a
// second look shows it. What cannot be read is an error, never an empty table.
//
// Only running netsh belongs to Windows, and that is handed in as a func; the
// package never starts a process itself, never asks for rights, and writes
// nothing but the script of one run, which is removed afterwards.
package httpsys

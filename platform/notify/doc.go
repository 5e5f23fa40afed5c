// Package notify reaches the user beyond a terminal: by a notice on their screen,
// and by a program of their own.
//
// What is told comes from names that others may have chosen. It is given to
// programs as words of their own or on their standard input, never through a shell
// and never as a script.
package notify

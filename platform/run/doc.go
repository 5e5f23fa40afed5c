// Package run is the one place where devcert starts a process: by absolute
// path, with a list of arguments, an environment made here and a time limit.
//
// It never looks a tool up by PATH, never uses a shell, never passes on the
// environment it was started with, and never interprets what a tool says.
package run

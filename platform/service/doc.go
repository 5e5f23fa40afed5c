// Package service keeps devcert's own services for a user, in what the system has
// for that: units of systemd's user instance on Linux, agents of launchd on macOS,
// tasks that start at the logon on Windows.
//
// What is written, and what is made of what the tools say, is the same code on
// every system; only the tools are started in files of one. It never needs rights
// that the user has not, never changes what it did not make, which it knows by the
// exact text, and never understands a tool by its translated words.
package service

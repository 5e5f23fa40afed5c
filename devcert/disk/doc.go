// Package disk keeps the state folder: generations of the hierarchy, the name
// of the current one, copies at stable paths for people's configuration, the
// ledger, and the lock that lets one writer in at a time.
//
// It promises that a reader, who takes no lock, finds a whole old state or a
// whole new one: every file is written beside its place, synced, and renamed
// into it, and a generation becomes current by the rename of one line. Private
// files are private from their first instant. What is damaged is reported by
// name, with the good bytes where another copy has them; nothing is guessed.
//
// It never looks into a trust store and never follows a symbolic link inside the
// folder. Removing the folder removes what bears a name that devcert gives in
// that place, also half written or set aside, and every folder of its own that
// this leaves empty; all else is somebody's, stays, and is named.
package disk

// Package cli is devcert's command line: it reads arguments, runs a command of
// package devcert, prints what came of it, and turns it into an exit code. One
// file per command; ui.go states the rules of output once.
//
// It decides nothing about certificates and touches nothing of the machine but
// the streams it is given.
package cli

// Package platform is the machine that devcert acts on: it makes the
// [devcert.Host] of the operating system it was built for. It and the packages
// below it are the only ones with files for one system and the only ones that
// start processes.
//
// It decides nothing: what is wanted, and in which order, it is told.
package platform

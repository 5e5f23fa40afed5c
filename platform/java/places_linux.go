package java

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// machinesJavas are where packages and administrators put a Java: Debian, Fedora,
// SUSE and Arch in lib, Oracle in /usr/java, everybody in /opt, there also a
// folder further down (/opt/java/openjdk in Docker's images).
var machinesJavas = []string{"/usr/lib/jvm/*", "/usr/lib64/jvm/*", "/usr/java/*", "/opt/*", "/opt/*/*"}

// machinesPrograms are the links of the alternatives.
var machinesPrograms = []string{"/etc/alternatives/java", "/usr/bin/java"}

// bundled is where in such a folder the Java is.
const bundled = ""

var moreOfUsers []string

// followsSystem says whether the keystore at a place is made from the system's
// store by the tool that the system store runs: it has the root when that one
// does. Such a place is not to be changed while the system's store is.
func (s *Store) followsSystem(path string) bool {
	return followsSystem(s.Root, path)
}

func followsSystem(root, path string) bool {
	in := func(name string) string { return filepath.Join(root, name) }
	switch path {
	case in(debians):
		return hasHook(in)
	case in("/etc/pki/ca-trust/extracted/java/cacerts"), // Fedora's update-ca-trust
		in("/var/lib/ca-certificates/java-cacerts"): // SUSE's update-ca-certificates
		return true
	}
	return false
}

// hasHook says whether update-ca-certificates has that file made: Debian's
// package ca-certificates-java by a hook, unless its settings forbid it; Alpine's
// java-cacerts by another; Arch's update-ca-trust by itself.
func hasHook(in func(string) string) bool {
	if exists(in("/etc/ca-certificates/extracted")) || executable(in("/etc/ca-certificates/update.d/java-cacerts")) {
		return true
	}
	return hasDebiansHook(in)
}

func hasDebiansHook(in func(string) string) bool {
	settings, err := os.ReadFile(in("/etc/default/cacerts"))
	lines := strings.Split(string(settings), "\n")
	return err == nil && slices.Contains(lines, "cacerts_updates=yes") &&
		executable(in("/etc/ca-certificates/update.d/jks-keystore"))
}

// remake is what makes a keystore from nothing, "" where that is not known.
// Debian's hook adds to a file, and leaves one that it cannot read; configuring
// its package anew does not run it.
func remake(path string) string {
	root, ok := strings.CutSuffix(path, debians)
	if !ok || !hasDebiansHook(func(name string) string { return filepath.Join(root, name) }) {
		return ""
	}
	return asAdmin + "rm -f " + path + "; " + asAdmin + "update-ca-certificates --fresh"
}

// exists says whether a path leads to something.
func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

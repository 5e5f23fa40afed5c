//go:build unix && !linux

package java

// bundled is where in a folder of macOS the Java is.
const bundled = "/Contents/Home"

// machinesJavas are where installers and Homebrew put a Java.
var machinesJavas = []string{
	"/Library/Java/JavaVirtualMachines/*" + bundled,
	"/opt/homebrew/opt/openjdk*/libexec/openjdk.jdk" + bundled,
	"/usr/local/opt/openjdk*/libexec/openjdk.jdk" + bundled,
}

// machinesPrograms are none: /usr/bin/java asks which Java is meant.
var machinesPrograms []string

var moreOfUsers = []string{"Library/Java/JavaVirtualMachines/*" + bundled}

// followsSystem says no: no Java's keystore is made from the keychain.
func (s *Store) followsSystem(string) bool { return false }

// remake is what makes a keystore from nothing, "" where that is not known.
func remake(string) string { return "" }

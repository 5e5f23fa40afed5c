//go:build unix

package clients

import (
	"bufio"
	"bytes"
	"path/filepath"
	"slices"
	"strings"

	"devcert/devcert"
	"devcert/devcert/lazy"
)

// findJava lists every Java once, by what it calls itself: "java 17".
func findJava(s *searcher) []devcert.Client {
	var all []devcert.Client
	var seen []string
	for _, home := range s.javaHomes() {
		real, err := filepath.EvalSymlinks(home)
		if err != nil || slices.Contains(seen, real) {
			continue
		}
		seen = append(seen, real)
		program, keystore := filepath.Join(real, "bin", "java"), javaKeystore(real)
		if keystore == "" || !isProgram(program) {
			continue
		}
		c := devcert.Client{Name: javaName(real), Path: program, Store: javaStore, Place: keystore, Roots: keystore}
		s.judgeJava(&c)
		all = append(all, c)
	}
	return all
}

// judgeJava: options may name another keystore, which takes a password to read.
func (s *searcher) judgeJava(c *devcert.Client) {
	for _, name := range []string{"JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS"} {
		if strings.Contains(s.get(name), "javax.net.ssl.trustStore") {
			c.Override, c.State, c.Roots = name, devcert.Unknown, "the keystore that "+name+" names"
			c.Evidence, c.Remedy = name+" sets javax.net.ssl.trustStore", "unset "+name
		}
	}
}

// javaHomes are folders that may be a Java's, the user's own choice first.
func (s *searcher) javaHomes() []string {
	var homes []string
	if home := s.get("JAVA_HOME"); filepath.IsAbs(home) {
		homes = append(homes, home)
	}
	if program := s.program("java"); program != "" {
		if real, err := filepath.EvalSymlinks(program); err == nil {
			homes = append(homes, filepath.Dir(filepath.Dir(real)))
		}
	}
	for _, pattern := range append([]string{s.inHome(".sdkman", "candidates", "java", "*"), s.inHome(".jdks", "*")}, s.javas...) {
		found, _ := filepath.Glob(pattern)
		homes = append(homes, found...)
	}
	return homes
}

// javaKeystore is what a Java reads its roots from: jssecacerts before cacerts
// (JSSE Reference Guide), where its folder is; Java 8's JDK has a JRE inside.
func javaKeystore(home string) string {
	for _, name := range []string{"jssecacerts", "cacerts"} {
		for _, folder := range []string{"jre/lib/security", "lib/security"} {
			if real, err := filepath.EvalSymlinks(filepath.Join(home, folder, name)); err == nil && isFile(real) {
				return real
			}
		}
	}
	return ""
}

// feature is the number of a release as people speak of it.
var feature = lazy.Regexp(`^\d{1,3}\b`)

// javaName is "java" with the feature release that the file "release" gives
// (JAVA_VERSION="17.0.15", or "1.8.0_452").
func javaName(home string) string {
	data, err := read(filepath.Join(home, "release"))
	if err != nil {
		return "java"
	}
	lines := bufio.NewScanner(bytes.NewReader(data))
	for lines.Scan() {
		if value, ok := strings.CutPrefix(lines.Text(), "JAVA_VERSION="); ok {
			version := strings.TrimPrefix(strings.Trim(value, `" `), "1.")
			if found := feature().FindString(version); found != "" {
				return "java " + found
			}
		}
	}
	return "java"
}

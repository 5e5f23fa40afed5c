package clients

import (
	"strings"

	"devcert/devcert"
	"devcert/devcert/lazy"
)

// javaRelease is the feature release in a Java's file "release": 17 of "17.0.9",
// 8 of "1.8.0_452".
var javaRelease = lazy.Regexp(`(?m)^JAVA_VERSION="?(?:1\.)?(\d+)`)

// java is one client for each Java that the store "java" knows of: the registry's,
// JAVA_HOME's, those on PATH. What its keystore holds is for that store to say.
func (f *windowsFinder) java() []devcert.Client {
	var all []devcert.Client
	seen := make(map[string]bool)
	for _, place := range f.keystores(f.Material) {
		home, in := javaHome(place.Path)
		if !in {
			continue
		}
		for _, path := range f.first(join(home, `bin\java.exe`), join(home, `jre\bin\java.exe`)) {
			// A Java reads jssecacerts, which comes first, and not cacerts beside it.
			if seen[strings.ToLower(path)] {
				continue
			}
			seen[strings.ToLower(path)] = true
			c := devcert.Client{Name: f.javaName(home), Path: path, Store: "java", Place: place.Path, Roots: place.Path}
			f.judgeJava(&c)
			all = append(all, c)
		}
	}
	return all
}

// javaHome is the folder of the Java that a keystore belongs to.
func javaHome(keystore string) (home string, in bool) {
	security := folderOf(keystore)
	home = folderOf(folderOf(security))
	if !strings.EqualFold(join(home, `lib\security`), security) || home == "" {
		return "", false
	}
	if strings.EqualFold(baseOf(home), "jre") {
		home = folderOf(home)
	}
	return home, true
}

func (f *windowsFinder) javaName(home string) string {
	data, err := f.read(join(home, "release"))
	if err != nil {
		return "java"
	}
	if found := javaRelease().FindSubmatch(data); found != nil {
		return "java " + string(found[1])
	}
	return "java"
}

// judgeJava: options may name another keystore, which takes a password to read, or
// have Java read Windows' stores.
func (f *windowsFinder) judgeJava(c *devcert.Client) {
	for _, name := range []string{"JDK_JAVA_OPTIONS", "JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS"} {
		options := f.env(name)
		switch {
		case strings.Contains(options, "-Djavax.net.ssl.trustStoreType=Windows-ROOT"):
			c.Store, c.Place, c.State, c.Override = windowsRoot, "", "", ""
			c.Roots, c.Evidence, c.Remedy = bothRoots+" ("+name+")", "", ""
		case strings.Contains(options, "-Djavax.net.ssl.trustStore"):
			c.State, c.Override, c.Roots = devcert.Unknown, name, "the keystore that "+name+" names"
			c.Evidence, c.Remedy = name+" sets javax.net.ssl.trustStore", "unset "+name
		}
	}
}

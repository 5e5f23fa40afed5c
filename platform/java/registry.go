package java

import "slices"

// registry reads one view of Windows' registry.
type registry interface {
	// keys are the names of the keys below path; none where it is not there.
	keys(path string) []string
	// text is a value of the key at path; false where there is none.
	text(path, name string) (string, bool)
}

// javaSoft are the keys of Oracle's installers and of those that imitate them,
// for JDK and JRE, up to Java 8 and since.
var javaSoft = []string{
	`SOFTWARE\JavaSoft\JDK`, `SOFTWARE\JavaSoft\JRE`,
	`SOFTWARE\JavaSoft\Java Development Kit`, `SOFTWARE\JavaSoft\Java Runtime Environment`,
}

// vendors keep a tree KIND\VERSION\hotspot\MSI (or openj9) below their name, or a
// flat VERSION with a path of its own.
var vendors = []string{
	`SOFTWARE\Eclipse Adoptium`, `SOFTWARE\Eclipse Foundation`, `SOFTWARE\AdoptOpenJDK`, `SOFTWARE\Semeru`,
	`SOFTWARE\Microsoft\JDK`, `SOFTWARE\Azul Systems\Zulu`, `SOFTWARE\Amazon Corretto`, `SOFTWARE\BellSoft\Liberica`,
}

// pathNames are what installers call the value with the home.
var pathNames = []string{"JavaHome", "InstallationPath", "Path"}

// maxDepth is how far below a vendor's name a home is noted at most.
const maxDepth = 4

// registeredHomes lists the homes that installers have noted, each once. The
// registry may be anybody's: what is noted need not be there.
func registeredHomes(views ...registry) []string {
	var found []string
	for _, r := range views {
		for _, path := range javaSoft {
			for _, version := range r.keys(path) {
				found = appendHome(found, r, path+`\`+version)
			}
		}
		for _, path := range vendors {
			found = appendTree(found, r, path, maxDepth)
		}
	}
	return found
}

func appendTree(found []string, r registry, path string, depth int) []string {
	if depth == 0 {
		return found
	}
	for _, name := range r.keys(path) {
		below := path + `\` + name
		found = appendTree(appendHome(found, r, below), r, below, depth-1)
	}
	return found
}

func appendHome(found []string, r registry, path string) []string {
	for _, name := range pathNames {
		home, ok := r.text(path, name)
		if ok && home != "" && !slices.Contains(found, home) {
			return append(found, home)
		}
	}
	return found
}

package java

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// fakeRegistry is a registry: values by KEY\NAME.
type fakeRegistry map[string]string

func (r fakeRegistry) keys(path string) []string {
	var names []string
	seen := map[string]bool{}
	for full := range r {
		rest, ok := strings.CutPrefix(full, path+`\`)
		name, _, deeper := strings.Cut(rest, `\`)
		if ok && deeper && !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	return names
}

func (r fakeRegistry) text(path, name string) (string, bool) {
	text, ok := r[path+`\`+name]
	return text, ok
}

func TestRegisteredHomes(t *testing.T) {
	for _, row := range []struct {
		name string
		have []registry
		want []string
	}{
		{"nothing", []registry{fakeRegistry{}}, nil},
		{"Oracle since Java 9", []registry{fakeRegistry{
			`SOFTWARE\JavaSoft\JDK\CurrentVersion`:  `21`,
			`SOFTWARE\JavaSoft\JDK\21\JavaHome`:     `C:\Program Files\Java\jdk-21`,
			`SOFTWARE\JavaSoft\JDK\21.0.2\JavaHome`: `C:\Program Files\Java\jdk-21`,
			`SOFTWARE\JavaSoft\JRE\11\JavaHome`:     `C:\Program Files\Java\jre-11`,
		}}, []string{`C:\Program Files\Java\jdk-21`, `C:\Program Files\Java\jre-11`}},
		{"Oracle up to Java 8, of 32 bits", []registry{fakeRegistry{}, fakeRegistry{
			`SOFTWARE\JavaSoft\Java Runtime Environment\1.8\JavaHome`:           `C:\Program Files (x86)\Java\jre1.8`,
			`SOFTWARE\JavaSoft\Java Runtime Environment\1.8\MSI\INSTALLDIR`:     `C:\elsewhere`,
			`SOFTWARE\JavaSoft\Java Development Kit\1.8.0_402\JavaHome`:         `C:\Program Files (x86)\Java\jdk1.8`,
			`SOFTWARE\JavaSoft\Java Web Start\1.8\Home`:                         `C:\elsewhere`,
			`SOFTWARE\WOW6432Node\JavaSoft\Java Runtime Environment\1\JavaHome`: `C:\a view has no such key`,
		}}, []string{`C:\Program Files (x86)\Java\jdk1.8`, `C:\Program Files (x86)\Java\jre1.8`}},
		{"Adoptium", []registry{fakeRegistry{
			`SOFTWARE\Eclipse Adoptium\JDK\21.0.2.13\hotspot\MSI\Path`: `C:\Program Files\Eclipse Adoptium\jdk-21\`,
			`SOFTWARE\Eclipse Adoptium\JDK\21.0.2.13\hotspot\MSI\Main`: `1`,
			`SOFTWARE\Eclipse Foundation\JRE\17\hotspot\MSI\Path`:      `C:\Program Files\Eclipse Foundation\jre-17\`,
			`SOFTWARE\AdoptOpenJDK\JDK\11\openj9\MSI\Path`:             `C:\Program Files\AdoptOpenJDK\jdk-11\`,
			`SOFTWARE\Microsoft\JDK\21.0.1.12\hotspot\MSI\Path`:        `C:\Program Files\Microsoft\jdk-21\`,
			`SOFTWARE\Azul Systems\Zulu\zulu-21\InstallationPath`:      `C:\Program Files\Zulu\zulu-21\`,
			`SOFTWARE\Amazon Corretto\17.0.1\hotspot\MSI\Path`:         `C:\Program Files\Amazon Corretto\jdk17\`,
		}}, []string{
			`C:\Program Files\AdoptOpenJDK\jdk-11\`, `C:\Program Files\Amazon Corretto\jdk17\`,
			`C:\Program Files\Eclipse Adoptium\jdk-21\`, `C:\Program Files\Eclipse Foundation\jre-17\`,
			`C:\Program Files\Microsoft\jdk-21\`, `C:\Program Files\Zulu\zulu-21\`,
		}},
		{"the same for all and for one user", []registry{
			fakeRegistry{`SOFTWARE\JavaSoft\JDK\21\JavaHome`: `C:\jdk`},
			fakeRegistry{`SOFTWARE\JavaSoft\JDK\21\JavaHome`: `C:\jdk`, `SOFTWARE\JavaSoft\JDK\22\JavaHome`: `C:\Users\a\jdk`},
		}, []string{`C:\jdk`, `C:\Users\a\jdk`}},
		{"too deep, and empty", []registry{fakeRegistry{
			`SOFTWARE\Eclipse Adoptium\a\b\c\d\e\Path`: `C:\deep`,
			`SOFTWARE\JavaSoft\JDK\21\JavaHome`:        ``,
		}}, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			require.ElementsMatch(t, row.want, registeredHomes(row.have...))
		})
	}
}

package iis

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/scripts/fuzzlimit"
)

// locks declares the sections as IIS does as installed, and access as mode says.
func locks(mode string) string {
	return `<configSections><sectionGroup name="system.webServer"><sectionGroup name="security">
  <section name="access" overrideModeDefault="` + mode + `" /><section name="authorization" />
  <sectionGroup name="authentication"><section name="anonymousAuthentication" overrideModeDefault="Deny" />
    <section name="iisClientCertificateMappingAuthentication" overrideModeDefault="` + mode + `" /></sectionGroup>
</sectionGroup></sectionGroup>
<sectionGroup name="system.ftpServer"><section name="access" overrideModeDefault="Allow" /></sectionGroup></configSections>`
}

// hostAt is host with the site Shop in dir's folder shop, its application in app, and
// sections that are locked or not.
func hostAt(dir, mode, sections string) string {
	return strings.NewReplacer(
		`<configSections><section name="access" overrideModeDefault="Deny" /></configSections>`, locks(mode),
		`<application path="/"><virtualDirectory path="/" physicalPath="C:\shop" password="secret" /></application>`,
		`<application path="/"><virtualDirectory path="/" physicalPath="`+filepath.Join(dir, "shop")+`" password="secret" /></application>`+
			`<application path="/app"><virtualDirectory path="/" physicalPath="`+filepath.Join(dir, "app")+`" /></application>`,
	).Replace(host(sections))
}

func webText(inner string) string {
	return `<configuration><system.web><compilation debug="true"/></system.web>` + inner + `</configuration>`
}

func security(inner string) string {
	return "<system.webServer><security>" + inner + "</security></system.webServer>"
}

func TestWebConfig(t *testing.T) {
	const negotiate, none = `<access sslFlags="Ssl,SslNegotiateCert"/>`, `<access sslFlags="None"/>`
	rule := `enabled="true"><manyToOneMappings><add name="a"/></manyToOneMappings>`
	for _, row := range []struct {
		name, mode, sections string            // of applicationHost.config
		files                map[string]string // web.config files by their folder
		want                 []string          // place, what is asked, where that is from, mappings
		damaged              string
	}{
		{"there is none", "Allow", "", nil, []string{"Shop", "Plain"}, ""},
		{"of the site", "Allow", "", map[string]string{"shop": webText(security(negotiate))}, []string{"Shop asks in shop", "Plain"}, ""},
		{"it goes before the configuration", "Allow", at("Shop", negotiate), map[string]string{"shop": webText(security(none))}, []string{"Shop in shop", "Plain"}, ""},
		{"it is about other things", "Allow", at("Shop", negotiate), map[string]string{"shop": webText("")}, []string{"Shop asks", "Plain"}, ""},
		{"locked", "Deny", "", map[string]string{"shop": webText(security(negotiate))}, []string{"Shop", "Plain"}, "locks <access>"},
		{"unlocked for one site", "Deny", at("Shop", negotiate), map[string]string{"shop": webText(security(none))}, []string{"Shop in shop", "Plain"}, ""},
		{"locked for one site", "Allow", strings.Replace(at("Shop", none), "Allow", "Deny", 1), map[string]string{"shop": webText(security(negotiate))}, []string{"Shop", "Plain"}, "locks <access>"},
		{"another part is locked", "Allow", "", map[string]string{"shop": webText(security(negotiate + `<authentication><anonymousAuthentication enabled="false"/></authentication>`))},
			[]string{"Shop asks in shop", "Plain"}, "locks <anonymousAuthentication>"},
		{"of an application", "Allow", "", map[string]string{"app": webText(security(negotiate))}, []string{"Shop", "Shop/app asks in app", "Plain"}, ""},
		{"an application takes its site's", "Allow", "", map[string]string{"shop": webText(security(negotiate)), "app": webText(security(`<authentication><windowsAuthentication/></authentication>` + none))},
			[]string{"Shop asks in shop", "Shop/app in app", "Plain"}, ""},
		{"the configuration says more of the application", "Allow", at("Shop/app", none), map[string]string{"shop": webText(security(negotiate))},
			[]string{"Shop asks in shop", "Shop/app asks in shop", "Plain"}, ""},
		{"a location in it", "Allow", "", map[string]string{"shop": webText(`<location path="in/deep">` + security(negotiate) + `</location>`)},
			[]string{"Shop", "Shop/in/deep asks in shop", "Plain"}, ""},
		{"mappings of the site", "Allow", "", map[string]string{"shop": webText(security(mapping(rule)))}, []string{"Shop maps 1 in shop", "Plain"}, ""},
		{"mappings below the site", "Allow", "", map[string]string{"app": webText(security(mapping(rule)))}, []string{"Shop", "Shop/app maps 1 in app", "Plain"}, ""},
		{"malformed", "Allow", "", map[string]string{"shop": "<configuration>\n<a>"}, []string{"Shop", "Plain"}, "line 2: "},
		{"huge", "Allow", "", map[string]string{"shop": webText(strings.Repeat(" ", maxWebConfig))}, []string{"Shop", "Plain"}, "it is larger than 1 MB"},
		{"another document", "Allow", "", map[string]string{"shop": "<html/>"}, []string{"Shop", "Plain"}, "expected element type <configuration>"},
		{"too many mappings", "Allow", "", map[string]string{"shop": webText(security(mapping(`><manyToOneMappings>` + strings.Repeat("<add/>", maxMappings+1) + `</manyToOneMappings>`)))},
			[]string{"Shop", "Plain"}, "more than 1000 certificate mappings"},
		{"too many locations", "Allow", "", map[string]string{"shop": webText(strings.Repeat("<location/>", maxWebPlaces+1))}, []string{"Shop", "Plain"}, "more than 500 locations"},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir := t.TempDir()
			path := place(t, hostAt(dir, row.mode, row.sections), dir, "applicationHost.config")
			for folder, text := range row.files {
				place(t, text, dir, folder, "web.config")
			}
			var s devcert.IISState
			c, err := readConfig(path, &s)
			require.NoError(t, err)
			var got []string
			for _, p := range c.Places {
				line := p.Name()
				if p.Negotiate {
					line += " asks"
				}
				if p.MapsHere {
					line += " maps " + string(rune('0'+p.ManyToOne))
				}
				for _, in := range []string{p.AccessIn, p.MapsIn} {
					if in != "" {
						line += " in " + filepath.Base(filepath.Dir(in))
					}
				}
				got = append(got, line)
			}
			assert.Equal(t, row.want, got)
			assert.Empty(t, s.Unseen)
			if row.damaged == "" {
				assert.Empty(t, s.Damaged)
				return
			}
			require.Len(t, s.Damaged, 1)
			assert.Equal(t, filepath.Join(dir, "shop", "web.config"), s.Damaged[0].Where)
			assert.Contains(t, s.Damaged[0].Why, row.damaged)
			assert.Equal(t, strings.HasPrefix(row.damaged, "locks "), s.Damaged[0].Locked != "")
		})
	}
}

func TestPhysicalPaths(t *testing.T) {
	here := t.TempDir()
	t.Setenv("DEVCERT_SITES", here)
	for path, want := range map[string]string{
		here: here, `%DEVCERT_SITES%`: here, `%devcert_unset%`: "", "": "", "relative": "",
		`\\server\share\site`: "", "//server/share/site": "", `\\?\` + here: "", here + strings.Repeat("x", maxPath): "",
	} {
		assert.Equal(t, want, physical(path), path)
	}
}

func TestWebConfigIsALink(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("links need a right there")
	}
	dir := t.TempDir()
	place(t, webText(""), dir, "real.config")
	require.NoError(t, os.Symlink("real.config", filepath.Join(dir, "web.config")))
	_, err := readWeb(filepath.Join(dir, "web.config"))
	require.ErrorContains(t, err, "it is a link")
}

func FuzzParseWeb(f *testing.F) {
	f.Add([]byte(host(locks("Allow"))), []byte(webText(security(`<access sslFlags="SslNegotiateCert"/>`))))
	f.Add([]byte(host(at("Shop", `<access/>`))), []byte(webText(`<location path="in/deep">`+security(mapping(`enabled="true"><manyToOneMappings><add/></manyToOneMappings>`))+`</location>`)))
	f.Add([]byte("<configuration/>"), []byte("<configuration>\n<x>"))
	fuzzlimit.Fuzz(f, func(t *testing.T, hostData, webData []byte) {
		h, err := parseHost(hostData)
		if err != nil {
			return
		}
		file, err := parseWeb(webData)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n\r\x1b") {
				t.Fatalf("more than a line: %q", err)
			}
			return
		}
		var s devcert.IISState
		for _, p := range h.config(h.with([]web{{at: "Shop", path: "web.config", file: file}}, &s)).Places {
			if strings.ContainsAny(p.Name(), "\"&|%\n\x1b`$") {
				t.Fatalf("not to be shown: %q", p.Name())
			}
		}
		for _, trouble := range s.Damaged {
			if strings.ContainsAny(trouble.Why, "\n\r\x1b") {
				t.Fatalf("more than a line: %q", trouble.Why)
			}
		}
	})
}

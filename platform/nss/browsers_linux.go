package nss

import (
	"os"
	"path/filepath"
	"strings"

	"devcert/platform/run"
)

// kind is a browser made from Chromium. All that are not confined share the NSS
// databases of the user.
type kind struct {
	name     string
	programs []string // in system folders or on PATH, the usual one first
	policies string   // the folder of its policies; "" where it is not known
	snaps    []string // names of its snap packages
	flatpaks []string // ids of its Flatpak applications
}

// kinds: the folders of policies are those of chromeenterprise.google ("Set Chrome
// browser policies on managed PCs", Linux), of Edge's and of Brave's documents.
// Ubuntu's chromium-browser and the snap read a folder of another name.
var kinds = []kind{
	{
		name: "Chromium", programs: []string{"chromium"}, policies: "/etc/chromium",
		snaps:    []string{"chromium"},
		flatpaks: []string{"org.chromium.Chromium", "io.github.ungoogled_software.ungoogled_chromium"},
	},
	{name: "Chromium", programs: []string{"chromium-browser"}, policies: "/etc/chromium-browser"},
	{
		name:     "Chrome",
		programs: []string{"google-chrome-stable", "google-chrome", "google-chrome-beta", "google-chrome-unstable"},
		policies: "/etc/opt/chrome", flatpaks: []string{"com.google.Chrome", "com.google.ChromeDev"},
	},
	{
		name:     "Edge",
		programs: []string{"microsoft-edge-stable", "microsoft-edge", "microsoft-edge-beta", "microsoft-edge-dev"},
		policies: "/etc/opt/edge", flatpaks: []string{"com.microsoft.Edge"},
	},
	{
		name: "Brave", programs: []string{"brave-browser-stable", "brave-browser", "brave"}, policies: "/etc/brave",
		snaps: []string{"brave"}, flatpaks: []string{"com.brave.Browser"},
	},
	{name: "Vivaldi", programs: []string{"vivaldi-stable", "vivaldi"}, flatpaks: []string{"com.vivaldi.Vivaldi"}},
	{name: "Opera", programs: []string{"opera", "opera-stable"}, snaps: []string{"opera"}, flatpaks: []string{"com.opera.Opera"}},
}

// managed is the folder of the policies that a user cannot change.
func (k kind) managed(root string) string {
	return filepath.Join(root, k.policies, "policies", "managed")
}

// inSystem returns the program in the system's folders; "" when it is not there.
func (k kind) inSystem(root string) string {
	for _, name := range k.programs {
		if path, err := (run.Finder{Root: root}).Find(name); err == nil {
			return path
		}
	}
	return ""
}

// onPath says whether the program is on the user's own PATH. It is never started.
func (k kind) onPath(path string) bool {
	for _, dir := range filepath.SplitList(path) {
		if !filepath.IsAbs(dir) || strings.HasPrefix(dir, "/snap/") {
			continue // a snap's has databases of its own
		}
		for _, name := range k.programs {
			info, err := os.Stat(filepath.Join(dir, name))
			if err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
				return true
			}
		}
	}
	return false
}

// governed are the kinds on this machine that obey a folder of policies: those
// installed for all its users.
func governed(root string) []kind {
	var all []kind
	for _, k := range kinds {
		if k.policies != "" && k.inSystem(root) != "" {
			all = append(all, k)
		}
	}
	return all
}

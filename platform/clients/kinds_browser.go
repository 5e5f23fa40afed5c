package clients

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"devcert/devcert"
)

// chromium is Chromium or what is made from it, with the user's NSS databases and
// a new profile. Whatever it wants besides the page goes to the proxy, which
// refuses, and no name is looked up.
func chromium(name string, find func(*searcher) []devcert.Client) kind {
	return kind{name: name, find: find, version: []string{"--version"}, mute: true, ask: func(q *question) (call, error) {
		if err := q.copyDatabases(); err != nil {
			return call{}, err
		}
		profile := filepath.Join(q.dir, "profile")
		if len(profile) > longestProfile && runtime.GOOS != "windows" {
			return call{}, fmt.Errorf("the folder for temporary files has too long a name for a socket below it; TMPDIR=/tmp devcert doctor --browsers asks %s", name)
		}
		args := []string{
			"--headless", "--disable-gpu", "--disable-quic", "--no-first-run", "--no-default-browser-check",
			"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
			"--disable-dev-shm-usage", "--password-store=basic", "--use-mock-keychain",
			"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
			"--proxy-server=http://" + q.address(), "--user-data-dir=" + profile,
		}
		if os.Geteuid() == 0 {
			args = append(args, "--no-sandbox") // it runs as root in no other way
		}
		return call{args: append(args, "--dump-dom", q.url())}, nil
	}}
}

// longestProfile is how long the name of a profile's folder may be: Chromium makes
// a socket SingletonSocket in it, crashes where that has no room, and a name of a
// socket has 104 bytes on macOS, 108 on Linux, with the zero at its end.
const longestProfile = 104 - 1 - len("/SingletonSocket")

// copyDatabases copies the NSS databases that Chromium reads; the second place
// since 146, unless the first is there.
func (q *question) copyDatabases() error {
	data := q.user.get("XDG_DATA_HOME")
	if !filepath.IsAbs(data) {
		data = filepath.Join(q.user.home, ".local", "share")
	}
	for from, to := range map[string]string{
		filepath.Join(q.user.home, ".pki", "nssdb"): filepath.Join(".pki", "nssdb"),
		filepath.Join(data, "pki", "nssdb"):         filepath.Join(".local", "share", "pki", "nssdb"),
	} {
		for _, name := range database {
			if err := q.copyFile(filepath.Join(from, name), filepath.Join(to, name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// database are the files of an NSS database.
var database = []string{"cert9.db", "key4.db", "pkcs11.txt"}

// firefoxes is Firefox with a copy of a profile: its database and its settings.
func firefoxes(find func(*searcher) []devcert.Client) kind {
	return kind{name: "firefox", find: find, version: []string{"--version"}, mute: true, ask: func(q *question) (call, error) {
		profile := filepath.Join(q.dir, "profile")
		if err := os.Mkdir(profile, 0o700); err != nil {
			return call{}, fmt.Errorf("prepare a Firefox profile: %w", err)
		}
		if q.client.Place != "" {
			for _, name := range append([]string{"prefs.js", "user.js"}, database...) {
				if err := q.copyFile(filepath.Join(q.client.Place, name), filepath.Join("profile", name)); err != nil {
					return call{}, err
				}
			}
		}
		if err := q.addPreferences(filepath.Join(profile, "user.js")); err != nil {
			return call{}, err
		}
		shot := filepath.Join(q.dir, "page.png")
		return call{
			args: []string{"--headless", "--no-remote", "--profile", profile, "--screenshot", shot, q.url()},
			env:  []string{"MOZ_CRASHREPORTER_DISABLE=1"},
		}, nil
	}}
}

// preferences keep a Firefox on this machine: whatever it wants besides the page
// goes to the proxy, which refuses.
const preferences = `
user_pref("network.proxy.type", 1);
user_pref("network.proxy.http", "127.0.0.1");
user_pref("network.proxy.http_port", PORT);
user_pref("network.proxy.ssl", "127.0.0.1");
user_pref("network.proxy.ssl_port", PORT);
user_pref("network.proxy.socks", "");
user_pref("network.proxy.no_proxies_on", "");
user_pref("network.proxy.failover_direct", false);
user_pref("network.proxy.allow_bypass", false);
user_pref("network.trr.mode", 5);
user_pref("network.dns.disablePrefetch", true);
user_pref("network.http.http3.enable", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("app.normandy.enabled", false);
user_pref("app.update.disabledForTesting", true);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("browser.startup.page", 0);
user_pref("browser.startup.homepage_override.mstone", "ignore");
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("toolkit.telemetry.server", "");
user_pref("services.settings.server", "http://127.0.0.1:PORT/");
user_pref("media.gmp-manager.url", "");
user_pref("extensions.update.enabled", false);
`

// addPreferences puts them behind the user's own, where they have the last word.
func (q *question) addPreferences(path string) error {
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("prepare a Firefox profile: %w", err)
	}
	_, err = file.WriteString(strings.ReplaceAll(preferences, "PORT", fmt.Sprint(q.port)))
	if closed := file.Close(); err == nil {
		err = closed
	}
	return err
}

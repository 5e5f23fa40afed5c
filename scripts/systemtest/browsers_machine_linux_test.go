package systemtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// quiet keeps a Firefox from looking for what is not there, and from taking one that
// was ended soon for one that crashed. Nothing in it is about trust.
const quiet = `user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("app.normandy.enabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("network.trr.mode", 5);
user_pref("toolkit.startup.max_resumed_crashes", -1);
user_pref("browser.sessionstore.resume_from_crash", false);
`

// browserImage is a machine on which anna, who may use sudo, has run Chromium, and
// Firefox in two profiles that it made itself. She has a .NET store too.
var browserImage = sync.OnceValues(func() (image, error) {
	base, err := newImage()
	if err != nil {
		return base, err
	}
	return freeze(base, func() error {
		m := &machine{user: anna}
		dotnet := filepath.Join(m.home(), ".dotnet")
		page := httptest.NewTLSServer(nil) // Chromium makes its database when it has to do with a certificate
		defer page.Close()
		page.Config.ErrorLog = log.New(io.Discard, "", 0)
		err := errors.Join(
			show(browsers...), os.WriteFile("/etc/sudoers.d/systemtest", []byte(withoutAsking), 0o440),
			os.Mkdir(dotnet, 0o755), os.Chown(dotnet, int(anna.id), int(anna.id)),
			m.try(append(m.chromium().args, page.URL)...),
		)
		for _, name := range []string{"home", "work"} {
			err = errors.Join(err, m.makeProfile(name), m.firstRun(name))
		}
		return err
	})
})

// try runs a command of the user's that has to succeed.
func (m *machine) try(args ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if out, err := m.command(ctx, args[0], args[1:]...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}

// makeProfile has Firefox make a profile, and does not start it.
func (m *machine) makeProfile(name string) error {
	err := m.try(firefoxProgram, "--headless", "-CreateProfile", name)
	settings := filepath.Join(m.profile(name), "user.js")
	return errors.Join(err, os.WriteFile(settings, []byte(quiet), 0o600), os.Chown(settings, int(m.user.id), int(m.user.id)))
}

// firstRun has Firefox fill a profile.
func (m *machine) firstRun(name string) error {
	shot := filepath.Join(m.home(), "shot.png")
	return errors.Join(
		m.try(append(m.firefox(name).args, "--screenshot", shot, "about:blank")...), os.Remove(shot),
	)
}

// profile is the folder of the Firefox profile that is called so; "" for none.
func (m *machine) profile(name string) string {
	for _, base := range []string{".config/mozilla/firefox", ".mozilla/firefox"} {
		if found, _ := filepath.Glob(filepath.Join(m.home(), base, "*."+name)); len(found) > 0 {
			return found[0]
		}
	}
	return ""
}

// chromium is the user's Chromium as it was run first.
func (m *machine) chromium() browser { return chromiumAt(filepath.Join(m.home(), ".config/chromium")) }

func (m *machine) firefox(name string) browser { return firefoxAt("firefox "+name, m.profile(name)) }

// own are the browsers of browserImage.
func (m *machine) own() []browser {
	return []browser{m.chromium(), m.firefox("home"), m.firefox("work")}
}

func names(all []browser) []string {
	var names []string
	for _, b := range all {
		names = append(names, b.name)
	}
	return names
}

// certutil is hidden from a machine where the browsers' policies are to do it.
const certutilProgram = "/usr/bin/certutil"

// browserMachine is browserImage, seen by anna.
func browserMachine(t *testing.T, certutil bool) *machine {
	t.Helper()
	return startBrowsers(t, browserImage, certutil)
}

func startBrowsers(t *testing.T, from func() (image, error), certutil bool) *machine {
	t.Helper()
	if os.Getenv("DEVCERT_TEST_BROWSERS") != "1" {
		t.Skip("starts browsers: only with DEVCERT_TEST_BROWSERS=1")
	}
	for _, program := range []string{chromiumProgram, firefoxProgram, certutilProgram} {
		if _, err := os.Stat(program); err != nil {
			t.Skip(program + " is not installed")
		}
	}
	m := startMachine(t, from, nil).as(anna)
	require.NoError(t, show(browsers...))
	if !certutil {
		require.NoError(t, hide(certutilProgram))
	}
	return m
}

func exists(path string) bool { _, err := os.Lstat(path); return err == nil }

package clients

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
)

// Without certutil the browsers have the root by their policies: that is where a
// person has to look, and not into databases that lack it.
func TestWhereBrowsersHaveTheRootFrom(t *testing.T) {
	const own, others = "etc/chromium/policies/managed/devcert.json", "etc/chromium/policies/managed/corporate.json"
	const follows = `{"policies": {"SecurityDevices": {"Add": {"devcert system trust": "/usr/lib/pkcs11/p11-kit-trust.so"}}}}`
	for _, row := range []struct {
		name              string
		programs          []string // of the system
		files             map[string]string
		chromium, firefox string
	}{
		{"certutil", []string{"certutil", "chromium"}, nil, "the user's NSS database", "profile PROFILE"},
		{"no certutil", []string{"chromium"}, nil, "SYSTEM/" + own, "profile PROFILE"},
		{"certutil came later", []string{"certutil", "chromium"}, map[string]string{own: `{"CACertificates": ["ROOT"]}`}, "SYSTEM/" + own, "profile PROFILE"},
		{"an administrator's policy", []string{"certutil", "chromium"}, map[string]string{others: `{"CACertificates": ["ROOT"]}`}, "SYSTEM/" + others, "profile PROFILE"},
		{"another root's policy", []string{"certutil", "chromium"}, map[string]string{own: `{"CACertificates": []}`}, "the user's NSS database", "profile PROFILE"},
		{"a Chromium of the user's own", nil, nil, "the user's NSS database", "profile PROFILE"},
		{
			"p11-kit by a policy", []string{"chromium"},
			map[string]string{"etc/firefox/policies/policies.json": follows, "usr/lib/pkcs11/p11-kit-trust.so": ""},
			"SYSTEM/" + own, "the system's store, through p11-kit",
		},
		{
			"a policy without the module", []string{"certutil", "chromium"},
			map[string]string{"etc/firefox/policies/policies.json": follows}, "the user's NSS database", "profile PROFILE",
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			m := newMachine(t)
			m.program("chromium", "firefox")
			system := filepath.Join(m.home, "system")
			for _, name := range row.programs {
				require.NoError(t, os.Chmod(m.put(filepath.Join(system, "usr", "bin", name), "#!/bin/sh\n"), 0o755))
			}
			profile := filepath.Join(m.home, ".mozilla", "firefox", "abcdefgh.work")
			m.put(filepath.Join(filepath.Dir(profile), "profiles.ini"), "[Profile0]\nName=work\nIsRelative=1\nPath=abcdefgh.work\n")
			require.NoError(t, os.Mkdir(profile, 0o700))
			fill := strings.NewReplacer("ROOT", base64.StdEncoding.EncodeToString(m.material.Root.Raw), "SYSTEM", system, "PROFILE", profile).Replace
			for name, text := range row.files {
				m.put(filepath.Join(system, name), fill(text))
			}
			found := m.find()
			require.Equal(t, fill(row.chromium), found["chromium"].Roots)
			require.Equal(t, fill(row.firefox), found["firefox: work"].Roots)
		})
	}
}

// A profile that has the root itself does not owe it to the system's store.
func TestAProfileThatFollowsAndHasTheRoot(t *testing.T) {
	m := newMachine(t)
	m.program("firefox")
	system := filepath.Join(m.home, "system")
	m.put(filepath.Join(system, "usr/lib/pkcs11/p11-kit-trust.so"), "")
	base := filepath.Join(m.home, ".mozilla", "firefox")
	m.put(filepath.Join(base, "profiles.ini"), "[Profile0]\nName=work\nIsRelative=1\nPath=abcdefgh.work\n")
	profile := filepath.Join(base, "abcdefgh.work")
	m.put(filepath.Join(profile, "pkcs11.txt"), "library=/usr/lib/pkcs11/p11-kit-trust.so\nname=p11-kit\n")
	require.Equal(t, "the system's store, through p11-kit", m.find()["firefox: work"].Roots)
	m.put(filepath.Join(profile, "cert9.db"), "SQLite format 3\x00"+string(m.material.Root.Raw))
	require.Equal(t, "profile "+profile, m.find()["firefox: work"].Roots)
}

// A folder in the settings of wget is read in the place of the system's roots.
func TestRealWgetFolder(t *testing.T) {
	for _, row := range []struct {
		name, file string
		inside     devcert.Verdict
	}{{"with the root", "root.pem", devcert.Accepted}, {"without the root", "other.pem", devcert.Refused}} {
		t.Run(row.name, func(t *testing.T) {
			a := newHall(t)
			home := t.TempDir()
			pem, err := os.ReadFile(a.root)
			require.NoError(t, err)
			folder := filepath.Join(home, row.file+".d")
			require.NoError(t, os.Mkdir(folder, 0o700))
			if row.inside == devcert.Accepted {
				require.NoError(t, os.WriteFile(filepath.Join(folder, row.file), pem, 0o600))
			}
			require.NoError(t, os.WriteFile(filepath.Join(home, ".wgetrc"), []byte("ca_directory = ~/"+row.file+".d\n"), 0o600))
			c := New(Options{Env: []string{"PATH=" + os.Getenv("PATH")}, Home: home})
			found := slices.DeleteFunc(c.Find(t.Context(), a.material()), func(c devcert.Client) bool {
				return c.Name != "wget" || links(c.Path, "libssl") // which reads it by hash, beside the system's
			})
			for _, one := range found {
				require.NotEmpty(t, one.State, "it is foreseen")
			}
			examine(t, a, c, found, row.inside)
		})
	}
}

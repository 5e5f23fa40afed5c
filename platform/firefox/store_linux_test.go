package firefox

import (
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/platform/nss"
)

func TestFolders(t *testing.T) {
	bases := func(home, config string) (all []string) {
		for _, f := range foldersOf(home, config) {
			all = append(all, f.base)
		}
		return all
	}
	require.Equal(t, []string{
		"/h/.mozilla/firefox", "/h/.config/mozilla/firefox",
		"/h/snap/firefox/common/.mozilla/firefox", "/h/snap/firefox/common/.config/mozilla/firefox",
		"/h/.var/app/org.mozilla.firefox/.mozilla/firefox", "/h/.var/app/org.mozilla.firefox/config/mozilla/firefox",
	}, bases("/h", ""))
	require.Equal(t, "/c/mozilla/firefox", bases("/h", "/c")[1])
	require.Equal(t, "/h/.config/mozilla/firefox", bases("/h", "c")[1], "a relative one counts for nothing")
	require.Empty(t, bases("", "/c"), "nothing is looked for in the working folder")
}

func TestNoFirefox(t *testing.T) {
	w := newWorld(t).withModule()
	require.Empty(t, w.look(newHierarchy(t).Root))
	require.NoError(t, w.store.Ready(t.Context()))
}

func TestCertutil(t *testing.T) {
	w := newWorld(t).withCertutil()
	h := newHierarchy(t)
	profiles := w.profiles("default", "work")
	before := w.listing()
	require.Equal(t, map[string]devcert.PlaceState{"abcdefgh.default": devcert.Missing, "abcdefgh.work": devcert.Missing}, w.states(h.Root))
	require.Equal(t, before, w.listing(), "looking changes nothing")

	require.NoError(t, w.store.Ready(t.Context()))
	require.NoError(t, w.store.Deploy(t.Context(), devcert.Material{Root: h.Root, UserOnly: true}))
	places := w.look(h.Root)
	require.Equal(t, devcert.Trusted, places["abcdefgh.default"].State)
	require.Contains(t, places["abcdefgh.work"].VerifiedBy, "C,,")
	require.False(t, places["abcdefgh.work"].Machine)
	require.Empty(t, w.private.asked)

	t.Run("only what is broken is changed", func(t *testing.T) {
		tool, _ := w.store.certutil()
		require.NoError(t, tool.Remove(t.Context(), profiles[1], h.Root))
		require.Equal(t, map[string]devcert.PlaceState{"abcdefgh.default": devcert.Trusted, "abcdefgh.work": devcert.Missing}, w.states(h.Root))
		untouched, err := os.Stat(filepath.Join(profiles[0], "cert9.db"))
		require.NoError(t, err)
		require.NoError(t, w.store.Deploy(t.Context(), devcert.Material{Root: h.Root}))
		now, err := os.Stat(filepath.Join(profiles[0], "cert9.db"))
		require.NoError(t, err)
		require.Equal(t, untouched.ModTime(), now.ModTime())
		require.Equal(t, devcert.Trusted, w.states(h.Root)["abcdefgh.work"])
	})
	t.Run("a new profile", func(t *testing.T) {
		w.profiles("default", "work", "new")
		require.Equal(t, devcert.Missing, w.states(h.Root)["abcdefgh.new"])
		require.NoError(t, w.store.Deploy(t.Context(), devcert.Material{Root: h.Root}))
		require.Equal(t, devcert.Trusted, w.states(h.Root)["abcdefgh.new"])
	})
	t.Run("a former root is seen", func(t *testing.T) {
		next := newHierarchy(t)
		places := w.look(next.Root)
		require.Equal(t, devcert.Missing, places["abcdefgh.work"].State)
		require.Len(t, places["abcdefgh.work"].Others, 1)
		require.True(t, places["abcdefgh.work"].Others[0].Equal(h.Root))
	})
	require.NoError(t, w.store.Withdraw(t.Context(), h.Root))
	require.Equal(t, devcert.Missing, w.states(h.Root)["abcdefgh.default"])
	require.Empty(t, w.look(nil)["abcdefgh.work"].Others)
	require.Empty(t, w.policies())
}

// TestTrustBits: an NSS newer than certutil has used the database, and may keep trust
// where certutil does not look. Only what is in there tells whether it does.
func TestTrustBits(t *testing.T) {
	h := newHierarchy(t)
	hash := sha256.Sum256(h.Root.Raw)
	tests := []struct {
		name   string
		beside string // bytes in the file beside the database
		want   devcert.PlaceState
	}{
		{"cleared", "", devcert.Denied},
		{"cleared, in a database of a newer NSS", ", a62b,", devcert.Denied},
		{"with a trust object of a newer NSS", ", a62b," + string(hash[:]), devcert.Unknown},
		{"with one that is cut", ", a62b," + string(hash[3:]), devcert.Unknown},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t).withCertutil()
			profile := w.profiles("default")[0]
			require.NoError(t, w.store.Deploy(t.Context(), devcert.Material{Root: h.Root}))
			tool, _ := w.store.certutil()
			runCertutil(t, tool, "-M", "-d", "sql:"+profile, "-t", ",,", "-n", nss.Nickname(h.Root))
			write(t, test.beside, profile, "cert9.db-wal") // SQLite passes over one without its header
			require.Equal(t, test.want, w.states(h.Root)["abcdefgh.default"])
			require.NoError(t, w.store.Deploy(t.Context(), devcert.Material{Root: h.Root}))
			require.Equal(t, devcert.Trusted, w.states(h.Root)["abcdefgh.default"])
		})
	}
}

func TestAProfileNeverStartedGetsItsDatabase(t *testing.T) {
	w := newWorld(t)
	profile := w.profiles("fresh")[0]
	w.withCertutil()
	h := newHierarchy(t)
	require.NoError(t, w.store.Deploy(t.Context(), devcert.Material{Root: h.Root}))
	require.Equal(t, devcert.Trusted, w.states(h.Root)["abcdefgh.fresh"])
	require.FileExists(t, filepath.Join(profile, "key4.db"))
	require.NoError(t, w.store.Withdraw(t.Context(), h.Root))
	entries, err := os.ReadDir(profile)
	require.NoError(t, err)
	require.Empty(t, entries, "what was made for it is gone")
}

func TestPolicy(t *testing.T) {
	w := newWorld(t).withModule()
	h := newHierarchy(t)
	profile := w.profiles("default")[0]
	before := w.listing()
	place := w.look(h.Root)["abcdefgh.default"]
	require.Equal(t, devcert.Missing, place.State)
	require.True(t, place.Machine)
	require.Empty(t, place.Remedy, "it is devcert's to change")
	require.Equal(t, before, w.listing(), "looking changes nothing")

	t.Run("not for one user alone", func(t *testing.T) {
		require.NoError(t, w.store.Deploy(t.Context(), devcert.Material{Root: h.Root, UserOnly: true}))
		require.Equal(t, before, w.listing())
	})
	t.Run("the system's store does not trust the root", func(t *testing.T) {
		err := w.store.Deploy(t.Context(), devcert.Material{Root: h.Root})
		require.ErrorContains(t, err, "in none of its parts")
		require.Contains(t, remedyOf(t, err), "--stores system,firefox")
		place := w.look(h.Root)["abcdefgh.default"]
		require.Equal(t, devcert.Missing, place.State)
		require.Contains(t, place.Evidence, policyFile)
	})
	w.system.trust = h.Root
	require.NoError(t, w.store.Deploy(t.Context(), devcert.Material{Root: h.Root}))
	require.Equal(t, "{\"policies\": {\"SecurityDevices\": {\"Add\": {\"devcert system trust\": \""+w.modulePath()+"\"}}}}\n", w.policies())
	place = w.look(h.Root)["abcdefgh.default"]
	require.Equal(t, devcert.Trusted, place.State)
	require.True(t, place.Machine)
	require.Equal(t, "it follows the system's store ("+policyFile+" has "+w.modulePath()+"): chain built from /bundle", place.VerifiedBy)

	t.Run("the next root keeps it", func(t *testing.T) {
		next := newHierarchy(t)
		w.system.trust = next.Root
		require.NoError(t, w.store.Deploy(t.Context(), devcert.Material{Root: next.Root}))
		require.NoError(t, w.store.Withdraw(t.Context(), h.Root))
		require.Equal(t, devcert.Trusted, w.states(next.Root)["abcdefgh.default"])
		h = next
	})
	// Firefox notes the module in the profile.
	write(t, internalModule+"\n"+strings.Replace(ourModule, testModule, w.modulePath(), 1)+"\n", profile, "pkcs11.txt")
	require.NoError(t, os.Chmod(filepath.Join(profile, "pkcs11.txt"), 0o640))
	require.NoError(t, w.store.Withdraw(t.Context(), h.Root))
	w.system.trust = nil
	require.Equal(t, devcert.Missing, w.states(h.Root)["abcdefgh.default"])
	data, err := os.ReadFile(filepath.Join(profile, "pkcs11.txt"))
	require.NoError(t, err)
	require.Equal(t, internalModule+"\n", string(data))
	info, err := os.Stat(filepath.Join(profile, "pkcs11.txt"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o640), info.Mode().Perm())
	require.NoError(t, os.Remove(filepath.Join(profile, "pkcs11.txt")))
	require.Equal(t, before, w.listing(), "nothing is left")
	require.Equal(t, []string{followSystem, followSystem, followSystem, leaveSystem, leaveSystem}, w.private.asked)
}

func remedyOf(t *testing.T, err error) string {
	t.Helper()
	var remedied interface{ Remedy() string }
	require.ErrorAs(t, err, &remedied)
	return remedied.Remedy()
}

func TestFollowing(t *testing.T) {
	tests := []struct {
		name string
		make func(w *world, profile string)
		how  string // in VerifiedBy; "" for not following
	}{
		{"nothing", func(*world, string) {}, ""},
		{"the profile has the module", func(w *world, profile string) {
			write(t, internalModule+"\nlibrary="+w.modulePath()+"\nname=mine\n", profile, "pkcs11.txt")
		}, "pkcs11.txt has /usr/lib"},
		{"the profile has a module that is gone", func(w *world, profile string) {
			write(t, internalModule+"\nlibrary=/opt/"+trustModule+"\nname=mine\n", profile, "pkcs11.txt")
		}, ""},
		{"an administrator's policy", func(w *world, _ string) {
			write(t, `{"policies":{"SecurityDevices":{"Trust":"`+w.modulePath()+`"}}}`, w.root, policyFile)
		}, policyFile + " has /usr/lib"},
		{"another module by policy", func(w *world, _ string) {
			write(t, `{"policies":{"SecurityDevices":{"Trust":"/usr/lib/card.so"}}}`, w.root, policyFile)
		}, ""},
		{"the installation's policy", func(w *world, profile string) {
			write(t, "[Compatibility]\nLastPlatformDir=/opt/firefox\n", profile, "compatibility.ini")
			write(t, `{"policies":{"SecurityDevices":{"Add":{"Trust":"`+w.modulePath()+`"}}}}`, w.root, "opt/firefox", ownPolicies)
		}, "/opt/firefox/distribution/policies.json has"},
		{"the installation's policy is hidden by the machine's", func(w *world, profile string) {
			write(t, "[Compatibility]\nLastPlatformDir=/opt/firefox\n", profile, "compatibility.ini")
			write(t, `{"policies":{"SecurityDevices":{"Add":{"Trust":"`+w.modulePath()+`"}}}}`, w.root, "opt/firefox", ownPolicies)
			write(t, `{"policies":{}}`, w.root, policyFile)
		}, ""},
		{"the distribution's own roots", func(w *world, profile string) {
			write(t, "[Compatibility]\nLastPlatformDir=/usr/lib/firefox\n", profile, "compatibility.ini")
			dir := mkdir(t, w.root, "usr/lib/firefox")
			require.NoError(t, os.Symlink(filepath.Join(w.root, w.modulePath()), filepath.Join(dir, "libnssckbi.so")))
		}, "/usr/lib/firefox/libnssckbi.so is " + trustModule},
		{"Mozilla's roots as a library", func(w *world, profile string) {
			write(t, "[Compatibility]\nLastPlatformDir=/usr/lib/firefox\n", profile, "compatibility.ini")
			write(t, "", w.root, "usr/lib/firefox/libnssckbi.so")
		}, ""},
	}
	h := newHierarchy(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t).withModule()
			w.system.trust = h.Root
			test.make(w, w.profiles("default")[0])
			place := w.look(h.Root)["abcdefgh.default"]
			if test.how == "" {
				require.Equal(t, devcert.Missing, place.State)
				return
			}
			require.Equal(t, devcert.Trusted, place.State, place.Evidence)
			require.Contains(t, place.VerifiedBy, test.how)
			before := w.listing()
			require.NoError(t, w.store.Deploy(t.Context(), devcert.Material{Root: h.Root}))
			require.Equal(t, before, w.listing(), "there is nothing to do")
			w.system.trust = nil
			require.Equal(t, devcert.Missing, w.states(h.Root)["abcdefgh.default"])
		})
	}
}

func TestNoWay(t *testing.T) {
	h := newHierarchy(t)
	t.Run("nothing is installed", func(t *testing.T) {
		w := newWorld(t)
		w.profiles("default")
		before := w.listing()
		place := w.look(h.Root)["abcdefgh.default"]
		require.Equal(t, devcert.Missing, place.State)
		require.False(t, place.Machine)
		require.Contains(t, place.Remedy, "libnss3-tools")
		require.Contains(t, place.Remedy, "p11-kit-modules")
		err := w.store.Ready(t.Context())
		require.ErrorIs(t, err, devcert.ErrUnsupported)
		require.Contains(t, remedyOf(t, err), "libnss3-tools")
		require.NoError(t, w.store.Deploy(t.Context(), devcert.Material{Root: h.Root}))
		require.NoError(t, w.store.Withdraw(t.Context(), h.Root), "it is certain that there is nothing")
		require.Equal(t, before, w.listing())
		require.Empty(t, w.private.asked)
	})
	t.Run("a snap sees no policy", func(t *testing.T) {
		w := newWorld(t).withModule()
		base := filepath.Join(w.home, "snap/firefox/common/.mozilla/firefox")
		mkdir(t, base, "a")
		write(t, "[Profile0]\nPath=a\n", base, "profiles.ini")
		write(t, `{"policies":{"SecurityDevices":{"Add":{"Trust":"`+w.modulePath()+`"}}}}`, w.root, policyFile)
		place := w.look(h.Root)["a"]
		require.Equal(t, devcert.Missing, place.State)
		require.Contains(t, place.Remedy, "libnss3-tools")
		require.NotContains(t, place.Remedy, "p11-kit")
	})
	t.Run("a database with the root, and no certutil any more", func(t *testing.T) {
		w := newWorld(t).withCertutil()
		w.profiles("default")
		require.NoError(t, w.store.Deploy(t.Context(), devcert.Material{Root: h.Root}))
		w.store.Certutil = func() (nss.Tool, bool) { return nss.Tool{}, false }
		place := w.look(h.Root)["abcdefgh.default"]
		require.Equal(t, devcert.Unknown, place.State)
		require.Contains(t, place.Remedy, "libnss3-tools")
		err := w.store.Withdraw(t.Context(), h.Root)
		require.ErrorIs(t, err, devcert.ErrUnsupported)
		require.Contains(t, remedyOf(t, err), "libnss3-tools")
	})
	t.Run("no rights", func(t *testing.T) {
		w := newWorld(t).withModule()
		w.profiles("default")
		w.private.refuse = devcert.ErrNeedsAdmin
		require.ErrorIs(t, w.store.Ready(t.Context()), devcert.ErrNeedsAdmin)
		require.ErrorIs(t, w.store.Deploy(t.Context(), devcert.Material{Root: h.Root}), devcert.ErrNeedsAdmin)
	})
	t.Run("malformed policies", func(t *testing.T) {
		w := newWorld(t).withModule()
		w.profiles("default")
		path := write(t, "{ mine, }", w.root, policyFile)
		place := w.look(h.Root)["abcdefgh.default"]
		require.Equal(t, devcert.Missing, place.State, "Firefox follows none of them")
		require.Contains(t, place.Evidence, path)
		require.Contains(t, place.Remedy, path)
		before := w.listing()
		require.NoError(t, w.store.Deploy(t.Context(), devcert.Material{Root: h.Root}))
		require.NoError(t, w.store.Withdraw(t.Context(), h.Root))
		require.Equal(t, before, w.listing())
	})
	t.Run("a damaged list of profiles", func(t *testing.T) {
		w := newWorld(t).withCertutil()
		path := write(t, "rubbish", w.home, ".mozilla/firefox/profiles.ini")
		place := w.look(h.Root)["profiles.ini"]
		require.Equal(t, devcert.Unknown, place.State)
		require.Contains(t, place.Remedy, path)
		base := filepath.Join(w.home, ".config/mozilla/firefox")
		mkdir(t, base, "good")
		write(t, "[Profile0]\nPath=good\n", base, "profiles.ini")
		err := w.store.Deploy(t.Context(), devcert.Material{Root: h.Root})
		require.ErrorContains(t, err, path)
		require.Equal(t, devcert.Trusted, w.states(h.Root)["good"], "the others are done")
	})
}

func TestFaultyDatabases(t *testing.T) {
	h := newHierarchy(t)
	tests := []struct {
		name   string
		break_ func(t *testing.T, w *world, profile string)
		remedy string
	}{
		{"a password", func(t *testing.T, w *world, profile string) {
			tool, _ := w.store.certutil()
			password := write(t, "secret\n", t.TempDir(), "password")
			require.NoError(t, os.RemoveAll(filepath.Join(profile, "cert9.db")))
			require.NoError(t, os.RemoveAll(filepath.Join(profile, "key4.db")))
			runCertutil(t, tool, "-N", "-d", "sql:"+profile, "-f", password)
		}, "password"},
		{"damaged", func(t *testing.T, w *world, profile string) {
			write(t, "rubbish", profile, "cert9.db")
		}, "cert9.db"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t).withCertutil()
			profiles := w.profiles("bad", "good")
			test.break_(t, w, profiles[0])
			require.NoError(t, w.store.Deploy(t.Context(), devcert.Material{Root: h.Root}), "it is left to a person")
			bad := w.look(h.Root)["abcdefgh.bad"]
			require.Contains(t, bad.Evidence, profiles[0])
			require.Contains(t, bad.Remedy, test.remedy)
			states := w.states(h.Root)
			require.Equal(t, devcert.Trusted, states["abcdefgh.good"], "the others are done")
			require.NotEqual(t, devcert.Trusted, states["abcdefgh.bad"])
			require.Empty(t, w.look(nil)["abcdefgh.bad"].Others, "nothing is left half done")
		})
	}
}

var errTest = errors.New("test")

func TestWithdrawGoesOnAfterAFailure(t *testing.T) {
	w := newWorld(t).withModule()
	h := newHierarchy(t)
	w.profiles("default")
	w.system.trust = h.Root
	require.NoError(t, w.store.Deploy(t.Context(), devcert.Material{Root: h.Root}))
	w.private.refuse = errTest
	require.ErrorIs(t, w.store.Withdraw(t.Context(), h.Root), errTest)
	require.NotEmpty(t, w.policies())
	w.private.refuse = nil
	require.NoError(t, w.store.Withdraw(t.Context(), h.Root))
	require.Empty(t, w.policies())
}

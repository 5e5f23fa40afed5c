package nss

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/devcert/chain"
	"devcert/platform/elevate"
	"devcert/scripts/fuzzlimit"
)

func encode(der []byte) string { return base64.StdEncoding.EncodeToString(der) }

// newPolicyScratch is a machine with Chromium and no certutil.
func newPolicyScratch(t testing.TB) *scratch {
	s := newScratch(t)
	s.install("chromium", "Chromium 156.0.1.2")
	return s
}

func TestPolicyAndBack(t *testing.T) {
	s, root, other := newPolicyScratch(t), newRoot(t), newRoot(t)
	s.install("google-chrome", "Google Chrome 156.0.1.2")
	s.mkdir("etc/opt")
	before := s.tree()
	chrome := filepath.Join(s.root, "etc/opt/chrome/policies/managed", ownName)
	both := func(state devcert.PlaceState) map[string]devcert.PlaceState {
		return map[string]devcert.PlaceState{s.own(): state, chrome: state}
	}
	require.NoError(t, s.Ready(t.Context()))
	require.Equal(t, both(devcert.Missing), s.states(root))
	require.NoError(t, s.Deploy(t.Context(), devcert.Material{Root: root, UserOnly: true}))
	require.Equal(t, before, s.tree())
	require.NoError(t, s.deploy(root))
	require.Equal(t, both(devcert.Trusted), s.states(root))
	data, err := os.ReadFile(chrome)
	require.NoError(t, err)
	require.JSONEq(t, `{"CACertificates":["`+encode(root.Raw)+`"]}`, string(data))
	info, err := os.Stat(chrome)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o644), info.Mode())
	asked := s.asked
	require.NoError(t, s.deploy(root))
	require.Equal(t, asked, s.asked, "what is right was changed")

	// Another root of devcert's, such as one that is being staged or another
	// user's, stands beside it.
	require.NoError(t, s.deploy(other))
	require.Equal(t, both(devcert.Trusted), s.states(root))
	require.Equal(t, both(devcert.Trusted), s.states(other))
	for _, place := range s.Look(t.Context(), devcert.Material{Root: root}) {
		require.Len(t, place.Others, 1)
		require.True(t, place.Machine)
	}
	require.NoError(t, s.Withdraw(t.Context(), root))
	require.Equal(t, both(devcert.Missing), s.states(root))
	require.Equal(t, both(devcert.Trusted), s.states(other))
	require.NoError(t, s.Withdraw(t.Context(), other))
	asked = s.asked
	require.NoError(t, s.Withdraw(t.Context(), other))
	require.Equal(t, asked, s.asked)
	after := s.tree()
	delete(after, filepath.Join(s.root, "var"))
	delete(after, filepath.Join(s.root, "var/lib"))
	require.Equal(t, before, after, "something was left behind")
}

// A certutil that is installed later changes nothing while the policy does its
// work; a withdrawal takes it out, and then the databases are the way.
func TestCertutilComesLater(t *testing.T) {
	s, root := newPolicyScratch(t), newRoot(t)
	require.NoError(t, s.deploy(root))
	s.installCertutil()
	require.Equal(t, s.own(), s.only(root).Path)
	require.Equal(t, devcert.Trusted, s.only(root).State)
	require.NoError(t, s.Withdraw(t.Context(), root))
	db := s.below(".local/share/pki/nssdb")
	require.Equal(t, map[string]devcert.PlaceState{db: devcert.Missing}, s.states(root))
	require.NoError(t, s.deploy(root))
	require.Equal(t, map[string]devcert.PlaceState{db: devcert.Trusted}, s.states(root))

	// And when it goes again: whether the browser trusts is not known any more,
	// until a policy says so.
	s.removeCertutil()
	require.Equal(t, devcert.Unknown, s.only(root).State)
	require.Contains(t, s.only(root).Evidence, db)
	require.NoError(t, s.deploy(root))
	require.Equal(t, devcert.Trusted, s.only(root).State)
}

// What others have in the folder stays, byte by byte, and goes on to count.
func TestPoliciesOfOthers(t *testing.T) {
	root := newRoot(t)
	theirs := encode(newRoot(t).Raw) // any certificate
	plain := `{"CACertificates":["` + theirs + `"]}`
	constr := `{"CACertificatesWithConstraints":[{"certificate":"` + theirs + `","constraints":{"permitted_dns_names":["x"]}}]}`
	for _, row := range []struct {
		name  string
		files map[string]string
		key   string // by which the root is named; "" means refused
	}{
		{"another policy", map[string]string{"corp.json": `{"HomepageLocation":"https://x"}`}, keyPlain},
		{"malformed", map[string]string{"corp.json": `{"CACertificates":[`}, keyPlain},
		{"not an object", map[string]string{"corp.json": `["CACertificates"]`, "z": `null`}, keyPlain},
		{"certificates, before ours", map[string]string{"corp.json": plain}, keyConstrained},
		{"certificates, after ours", map[string]string{"zcorp.json": plain}, keyConstrained},
		{"certificates with comments", map[string]string{"corp.json": "/* x */" + plain + "// y"}, keyConstrained},
		{"whatever the ending", map[string]string{"corp.json.bak~": plain}, keyConstrained},
		{"constrained ones", map[string]string{"corp.json": constr}, keyPlain},
		{"both", map[string]string{"a": plain, "z": constr}, ""},
		{"both, merged", map[string]string{"a": plain, "z": constr, "m": `{"PolicyListMultipleSourceMergeList":["CACertificates"]}`}, keyPlain},
		{"both, the other merged", map[string]string{"a": plain, "z": constr, "m": `{"PolicyListMultipleSourceMergeList":["CACertificatesWithConstraints"]}`}, keyConstrained},
		{"all merged", map[string]string{"a": plain, "z": constr, "m": `{"PolicyListMultipleSourceMergeList":["*"]}`}, keyPlain},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newPolicyScratch(t)
			for name, text := range row.files {
				s.policy(name, text)
			}
			before := s.tree()
			err := s.deploy(root)
			if row.key == "" {
				require.NoError(t, err, "it is left to a person")
				require.Contains(t, s.only(root).Remedy, "PolicyListMultipleSourceMergeList")
				requireRemedy(t, s.trust(root), "PolicyListMultipleSourceMergeList")
				require.Contains(t, s.only(root).Evidence, s.managed())
				require.Equal(t, devcert.Missing, s.only(root).State)
			} else {
				require.NoError(t, err)
				require.Equal(t, devcert.Trusted, s.only(root).State, s.only(root).Evidence)
				data, err := os.ReadFile(s.own())
				require.NoError(t, err)
				require.Contains(t, string(data), `"`+row.key+`"`)
			}
			require.NoError(t, s.Withdraw(t.Context(), root))
			after := s.tree()
			delete(after, filepath.Join(s.root, "var"))
			delete(after, filepath.Join(s.root, "var/lib"))
			require.Equal(t, before, after)
		})
	}
}

// A file of somebody else's that comes later takes the browser away from ours, or
// ours hides it: both are seen and mended.
func TestPolicyOfOthersComesLater(t *testing.T) {
	for name, words := range map[string]string{"zcorp.json": "instead", "corp.json": "hides"} {
		t.Run(name, func(t *testing.T) {
			s, root := newPolicyScratch(t), newRoot(t)
			require.NoError(t, s.deploy(root))
			s.policy(name, `{"CACertificates":["`+encode(newRoot(t).Raw)+`"]}`)
			place := s.only(root)
			require.Equal(t, devcert.Stale, place.State)
			require.Contains(t, place.Evidence, words)
			require.Contains(t, place.Evidence, filepath.Join(s.managed(), name))
			require.NoError(t, s.deploy(root))
			require.Equal(t, devcert.Trusted, s.only(root).State)
		})
	}
}

func TestPolicyDistrustsAndConstrains(t *testing.T) {
	s, root := newPolicyScratch(t), newRoot(t)
	s.policy("admin.json", `{"CACertificates":["`+encode(root.Raw)+`"]}`)
	require.Equal(t, devcert.Trusted, s.only(root).State, "an administrator's own way")
	s.policy("corp.json", `{"CADistrustedCertificates":["`+encode(root.Raw)+`"]}`)
	require.Equal(t, devcert.Denied, s.only(root).State)
	require.Contains(t, s.only(root).Evidence, "corp.json")
}

// Nothing is written where somebody else than root could have a say, and nothing
// of another's is taken for devcert's.
func TestPolicyRefused(t *testing.T) {
	root := newRoot(t)
	for _, row := range []struct {
		name string
		harm func(s *scratch)
	}{
		{"the folder is a link", func(s *scratch) {
			s.mkdir("etc/chromium/policies")
			require.NoError(t, os.Symlink(s.home, s.managed()))
		}},
		{"a folder above is a link", func(s *scratch) {
			s.mkdir("etc")
			require.NoError(t, os.Symlink(s.home, filepath.Join(s.root, "etc/chromium")))
		}},
		{"a folder that others can write to", func(s *scratch) {
			s.mkdir("etc/chromium/policies/managed")
			require.NoError(t, os.Chmod(filepath.Join(s.root, "etc/chromium/policies"), 0o775))
		}},
		{"a file in the way", func(s *scratch) {
			s.mkdir("etc/chromium")
			require.NoError(t, os.WriteFile(filepath.Join(s.root, "etc/chromium/policies"), nil, 0o644))
		}},
		{"our file is a link", func(s *scratch) {
			s.mkdir("etc/chromium/policies/managed")
			require.NoError(t, os.Symlink(filepath.Join(s.home, "x"), s.own()))
		}},
		{"our file is another's", func(s *scratch) { s.policy(ownName, `{"HomepageLocation":"x"}`) }},
		{"our file is another's and cut short", func(s *scratch) { s.policy(ownName, `{"HomepageLocation":"x`) }},
		{"our file has a comment", func(s *scratch) { s.policy(ownName, "// mine\n{\"HomepageLocation\":\"x\"}") }},
		{"our file has another's certificate", func(s *scratch) {
			s.policy(ownName, `{"CACertificates":["`+encode(newHierarchy(t, time.Now()).Leaf.Cert.Raw)+`"]}`)
		}},
		{"our file and more", func(s *scratch) { s.policy(ownName, `{} {}`) }},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newPolicyScratch(t)
			row.harm(s)
			s.mkdir("var/lib")
			before := s.tree()
			place := s.only(root)
			require.NotEqual(t, devcert.Trusted, place.State)
			require.Contains(t, place.Evidence, "etc/chromium")
			require.Contains(t, place.Remedy, "etc/chromium")
			require.NoError(t, s.deploy(root), "it is left to a person")
			requireRemedy(t, s.trust(root), "etc/chromium")
			require.Equal(t, before, s.tree())
			require.Empty(t, must(os.ReadDir(s.home)))
			require.NoError(t, s.Withdraw(t.Context(), root))
			require.Equal(t, before, s.tree())
		})
	}
}

// What a crash or a slip left of devcert's own file is nobody's: no browser takes
// anything from it.
func TestDamagedPolicyOfOurOwn(t *testing.T) {
	root := newRoot(t)
	for name, left := range map[string]string{
		"empty": "", "a brace": "{\n", "in a name": `{"CACert`, "in a list": `{"CACertificates":["`, "zeros": "\x00\x00\x00",
		"in a constrained one": `{"CACertificatesWithConstraints":[{"certificate":"QUJD","constraints":{"permitted_dns_names":["a`,
	} {
		t.Run(name, func(t *testing.T) {
			s := newPolicyScratch(t)
			s.mkdir("var/lib")
			s.policy("theirs.json", `{"HomepageLocation":"x"}`)
			before := s.tree()
			s.policy(ownName, left)
			place := s.only(root)
			require.Equal(t, devcert.Missing, place.State)
			require.Contains(t, place.Evidence, s.own()+" is damaged")
			require.Empty(t, place.Remedy, "it is devcert's to mend")
			require.NoError(t, s.deploy(root))
			require.Equal(t, devcert.Trusted, s.only(root).State)

			s.policy(ownName, left)
			require.NoError(t, s.Withdraw(t.Context(), root))
			require.Equal(t, devcert.Missing, s.only(nil).State)
			require.Equal(t, before, s.tree())
		})
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// Whatever the privileged child is asked, only a root of our own profile gets
// in or out.
func TestRequestsRefused(t *testing.T) {
	made := newHierarchy(t, time.Now())
	quote := func(der []byte) string { b, _ := json.Marshal(elevate.Certificate{DER: der}); return string(b) }
	for _, row := range []struct{ name, what, body, says string }{
		{"a leaf", trustRoot, quote(made.Leaf.Cert.Raw), "not a devcert root"},
		{"an intermediate", trustRoot, quote(made.Intermediate.Cert.Raw), "not a devcert root"},
		{"an intermediate to remove", distrustRoot, quote(made.Intermediate.Cert.Raw), "not a devcert root"},
		{"a root and more", trustRoot, quote(append(made.Root.Raw[:len(made.Root.Raw):len(made.Root.Raw)], 0)), "not a certificate"},
		{"a path", trustRoot, `{"der":"/etc/passwd"}`, "refused"},
		{"a path beside it", distrustRoot, `{"dir":"/etc"}`, "unknown field"},
		{"nothing", trustRoot, `{}`, "not a certificate"},
	} {
		t.Run(row.name, func(t *testing.T) {
			handlers := Changer{Root: "/nonexistent"}.Handlers()
			err := handlers[row.what](t.Context(), json.RawMessage(row.body), func() { t.Error("began") })
			require.ErrorContains(t, err, "privileged request refused")
			require.ErrorContains(t, err, row.says)
		})
	}
}

// A domain that was permitted can become a public suffix: such a root is not
// trusted anew, and must be removable still.
func TestOnlyAdditionsAskForPublicSuffixes(t *testing.T) {
	made := newHierarchy(t, time.Now())
	template := *made.Root
	template.PermittedDNSDomains = append(template.PermittedDNSDomains, "github.io")
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, made.RootKey.Public(), made.RootKey)
	require.NoError(t, err)
	s := newPolicyScratch(t)
	s.policy(ownName, `{"CACertificates":["`+encode(der)+`"]}`)
	root, err := chain.CheckRoot(der)
	require.NoError(t, err)
	require.ErrorContains(t, s.Privileged.Do(t.Context(), trustRoot, elevate.Certificate{DER: der}), "public suffix")
	require.NoError(t, s.Withdraw(t.Context(), root))
	require.NoFileExists(t, s.own())
}

// Two devcerts change policies one after the other.
func TestPolicyLock(t *testing.T) {
	s, root := newPolicyScratch(t), newRoot(t)
	held, err := claimPolicies(t.Context(), s.root, func() {})
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), untold+300*time.Millisecond)
	defer cancel()
	told := 0
	err = Changer{Root: s.root}.Trust(ctx, root, func() { told++ })
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Equal(t, 1, told)
	require.NoFileExists(t, s.own())
	time.AfterFunc(100*time.Millisecond, held.release)
	require.NoError(t, Changer{Root: s.root}.Trust(t.Context(), root, func() {}))
	require.FileExists(t, s.own())
}

func TestNoBrowserForPolicies(t *testing.T) {
	s := newScratch(t)
	err := Changer{Root: s.root}.Trust(t.Context(), newRoot(t), func() {})
	require.ErrorIs(t, err, devcert.ErrUnsupported)
	requireRemedy(t, err, "certutil")
	require.NoDirExists(t, filepath.Join(s.root, "etc"))
}

// What Chromium takes is read as it does, and nothing else is taken for policy.
func FuzzPolicy(f *testing.F) {
	f.Add([]byte(`{"CACertificates":["AA==",],} // x`))
	f.Add([]byte(`{"CACertificatesWithConstraints":[{"certificate":"AA==","constraints":{"permitted_cidrs":["::1/128"]}}]}`))
	f.Add([]byte(`{"CAPlatformIntegrationEnabled":false,"PolicyListMultipleSourceMergeList":["*"]}`))
	root := newRoot(f)
	fuzzlimit.Fuzz(f, func(t *testing.T, data []byte) {
		all := policies{{"corp.json", parsePolicy(data)}}
		if all.having(keyPlain, root) != "" {
			require.True(t, strings.Contains(string(data), encode(root.Raw)[:20]) || strings.Contains(string(data), `\`))
		}
		if _, err := all.freeKey("/etc"); err != nil {
			require.NotNil(t, all.last(keyPlain))
			require.NotNil(t, all.last(keyConstrained))
		}
		require.Contains(t, []string{"", "corp.json"}, all.platformOff())
		if damagedOwn(data) {
			require.Empty(t, parsePolicy(data), "a browser takes something from it")
		}
		roots, err := parseOwn(data)
		if err != nil {
			return
		}
		for _, key := range []string{keyPlain, keyConstrained} {
			again, err := encodeOwn(roots, key)
			require.NoError(t, err)
			back, err := parseOwn(again)
			require.NoError(t, err)
			require.Len(t, back, len(roots))
		}
	})
}

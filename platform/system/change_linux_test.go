package system

import (
	"context"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/devcert/chain"
	"devcert/platform/run"
)

func runTool(ctx context.Context, command []string) error {
	_, err := run.Command{Path: command[0], Args: command[1:]}.Run(ctx)
	return err
}

func TestEveryFamily(t *testing.T) {
	for which, name := range familyNames {
		if which == alpine {
			continue // its tool makes hash links of its own: see TestLookAlpine
		}
		t.Run(name, func(t *testing.T) {
			s := newScratch(t, which)
			s.rebuild()
			before := s.listing()
			root, other := newRoot(t), newRoot(t)

			s.requireState(devcert.Missing, root, s.f.anchors, s.f.bundle)
			require.NoError(t, s.distrust(root), "what is not there is removed without error")
			require.Equal(t, 1, s.runs(), "and without running anything")

			require.NoError(t, s.trust(root))
			s.requireState(devcert.Trusted, root)
			s.requireState(devcert.Missing, other)
			require.Equal(t, string(chain.EncodeCertificates(root)), s.read(s.f.anchor(root)))
			require.Equal(t, "devcert-"+chain.HierarchyID(root)+s.f.ext, filepath.Base(s.f.anchor(root)))

			require.NoError(t, s.trust(other), "a staged root beside it")
			s.requireState(devcert.Trusted, root)
			s.requireState(devcert.Trusted, other)
			require.NoError(t, s.distrust(root))
			s.requireState(devcert.Missing, root)
			s.requireState(devcert.Trusted, other)

			require.NoError(t, s.distrust(other))
			require.Equal(t, before, s.listing(), "all as it was, and no link left over")
		})
	}
}

func TestTrustMends(t *testing.T) {
	for which, name := range familyNames {
		if which == alpine {
			continue
		}
		for _, row := range []struct {
			name string
			harm func(s *scratch, anchor string)
		}{
			{"mkcert's fault 12: anchor gone, bundle not rebuilt", func(s *scratch, anchor string) { s.remove(anchor) }},
			{"anchor gone, bundle rebuilt", func(s *scratch, anchor string) { s.remove(anchor); s.rebuild() }},
			{"cut out of the bundle", func(s *scratch, _ string) { s.write(s.f.bundle, []byte(s.read(s.root+"/base.pem"))) }},
			{"bundle gone", func(s *scratch, _ string) { s.remove(s.f.bundle) }},
			{"anchor cut short", func(s *scratch, anchor string) { s.write(anchor, []byte(s.read(anchor)[:100])) }},
			{"anchor empty", func(s *scratch, anchor string) { s.write(anchor, nil) }},
			{"anchor overwritten", func(s *scratch, anchor string) { s.write(anchor, []byte("# junk\n")) }},
			{"anchor overwritten and taken up", func(s *scratch, anchor string) { s.write(anchor, []byte("# junk\n")); s.rebuild() }},
			{"anchor cut short in the middle of a block", func(s *scratch, anchor string) {
				s.write(anchor, []byte("-----BEGIN CERTIFICATE-----\nbXVjaA==\n-----END CERTIFICATE-----\n"+s.read(anchor)[:300]))
			}},
			{"anchor is a dangling link", func(s *scratch, anchor string) {
				s.remove(anchor)
				require.NoError(s.t, os.Symlink(s.root+"/nothing", anchor))
			}},
			{"anchor is a link to itself", func(s *scratch, anchor string) {
				s.remove(anchor)
				require.NoError(s.t, os.Symlink(anchor, anchor))
			}},
			{"anchor is another name of a file", func(s *scratch, anchor string) {
				s.remove(anchor)
				require.NoError(s.t, os.Link(s.root+"/text", anchor))
			}},
			{"truststore under umask 077", func(s *scratch, anchor string) { require.NoError(s.t, os.Chmod(anchor, 0o600)) }},
			{"bundle is a dangling link", func(s *scratch, _ string) {
				s.remove(s.f.bundle)
				require.NoError(s.t, os.Symlink("nothing", s.f.bundle))
			}},
		} {
			t.Run(name+"/"+row.name, func(t *testing.T) {
				s := newScratch(t, which)
				s.rebuild()
				s.write(s.root+"/text", []byte("precious"))
				before := s.listing()
				root := newRoot(t)
				require.NoError(t, s.trust(root))
				row.harm(s, s.f.anchor(root))
				require.NotEqual(t, devcert.Trusted, s.look(devcert.Material{Root: root}).State)
				require.NoError(t, s.trust(root))
				s.requireState(devcert.Trusted, root)
				row.harm(s, s.f.anchor(root))
				require.NoError(t, s.distrust(root))
				require.Equal(t, before, s.listing())
			})
		}
	}
}

func TestToolMissingOrBroken(t *testing.T) {
	for which, name := range familyNames {
		t.Run(name, func(t *testing.T) {
			s, root := newScratch(t, which), newRoot(t)
			s.rebuild()
			before := s.listing()
			require.NoError(t, os.WriteFile(s.root+"/fail", nil, 0o644))
			err := s.trust(root)
			require.EqualError(t, err, "rebuild "+s.f.bundle+": "+s.f.tool+": exit status 1: E: something in the tool is broken")
			require.Equal(t, "run "+strings.Join(append([]string{s.f.tool}, s.f.args...), " ")+
				" by hand as root and see what it says", remedyOf(t, err))
			s.remove(s.root + "/fail")
			require.Equal(t, before, s.listing(), "no orphan anchor stays")

			s.remove(filepath.Join(s.root, "usr/sbin", s.f.tool))
			delete(before, filepath.Join(s.root, "usr/sbin", s.f.tool))
			err = s.trust(root)
			require.ErrorIs(t, err, devcert.ErrUnsupported)
			require.Contains(t, remedyOf(t, err), "install the package "+s.f.from)
			require.Equal(t, before, s.listing())
			require.ErrorIs(t, (&Store{Root: s.root}).Ready(t.Context()), devcert.ErrUnsupported)
		})
	}
}

func remedyOf(t *testing.T, err error) string {
	t.Helper()
	var remedied interface{ Remedy() string }
	require.ErrorAs(t, err, &remedied)
	return remedied.Remedy()
}

// What a tool was stopped by is told by the system's own words for it.
func TestToolStoppedByTheDisk(t *testing.T) {
	for words, remedy := range map[string]string{
		"sed: couldn't flush stdout: No space left on device":           "free space in ",
		"cat: write error: Disk quota exceeded":                         "free space in ",
		"ln: failed to create symbolic link 'x': Read-only file system": "make ",
	} {
		s := newScratch(t, fedora)
		s.executable("usr/sbin/"+s.f.tool, "#!/bin/sh\necho begun\necho \""+words+"\" >&2\nexit 1\n")
		err := s.trust(newRoot(t))
		require.EqualError(t, err, "rebuild "+s.f.bundle+": update-ca-trust: exit status 1: "+words)
		require.True(t, strings.HasPrefix(remedyOf(t, err), remedy+filepath.Dir(s.f.bundle)+" and /tmp"), remedyOf(t, err))
	}
}

func TestNoFamily(t *testing.T) {
	c := Changer{Root: t.TempDir()}
	root := newRoot(t)
	require.ErrorIs(t, c.Trust(t.Context(), root, nil), devcert.ErrUnsupported)
	require.ErrorIs(t, c.Distrust(t.Context(), root, nil), devcert.ErrUnsupported)
	store := &Store{Root: c.Root}
	require.ErrorIs(t, store.Ready(t.Context()), devcert.ErrUnsupported)
	require.Empty(t, store.Look(t.Context(), devcert.Material{Root: root}))
}

func TestForeignFileOfOurName(t *testing.T) {
	target := filepath.Join(t.TempDir(), "target")
	require.NoError(t, os.WriteFile(target, []byte("precious"), 0o644))
	root, company := newRoot(t), foreignRoot(t, "Company CA")
	for _, row := range []struct {
		name string
		put  func(s *scratch, path string)
		says string
	}{
		{"another certificate", func(s *scratch, path string) { s.write(path, chain.EncodeCertificates(company)) }, "holds something else than this root"},
		{"another certificate in DER", func(s *scratch, path string) { s.write(path, company.Raw) }, "holds something else than this root"},
		{"a root of ours, but not this one", func(s *scratch, path string) {
			s.write(path, chain.EncodeCertificates(newRoot(s.t)))
		}, "holds something else than this root"},
		{"the root and another", func(s *scratch, path string) { s.write(path, chain.EncodeCertificates(root, company)) }, "holds something else than this root"},
		{"a certificate as OpenSSL trusts it", func(s *scratch, path string) {
			s.write(path, pem.EncodeToMemory(&pem.Block{Type: "TRUSTED CERTIFICATE", Bytes: company.Raw}))
		}, "holds something else than this root"},
		{"a link", func(s *scratch, path string) { require.NoError(s.t, os.Symlink(target, path)) }, "is a link to something else than this root"},
		{"a folder", func(s *scratch, path string) { s.mkdir(path) }, "is not a regular file"},
		{"a FIFO", func(s *scratch, path string) { require.NoError(s.t, syscall.Mkfifo(path, 0o644)) }, "is not a regular file"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newScratch(t, fedora)
			path := s.f.anchor(root)
			row.put(s, path)
			before, err := os.Lstat(path)
			require.NoError(t, err)
			requireForeign := func(err error) {
				require.EqualError(t, err, path+" "+row.says+": not devcert's to change")
				require.Contains(t, remedyOf(t, err), path)
			}
			requireForeign(s.trust(root))

			// the root in the bundle: the rebuild drops it, the file stays
			s.write(s.f.bundle, chain.EncodeCertificates(root))
			if row.name != "the root and another" {
				s.requireState(devcert.Stale, root, "left there: "+path+", which "+row.says)
			}
			requireForeign(s.distrust(root))
			if row.name != "the root and another" {
				s.requireState(devcert.Missing, root, "left there: "+path+", which "+row.says)
				runs := s.runs()
				require.NoError(t, s.distrust(root), "the root is nowhere, and the file not ours")
				require.Equal(t, runs, s.runs())
			}
			after, err := os.Lstat(path)
			require.NoError(t, err)
			require.True(t, os.SameFile(before, after) && before.ModTime().Equal(after.ModTime()))
			require.FileExists(t, target)
		})
	}
}

// A foreign certificate of our name is linked in our stead, and nothing of the
// root is left, so that to remove it again is no error.
func TestForeignAnchorOnDebian(t *testing.T) {
	s, root, company := newScratch(t, debian), newRoot(t), foreignRoot(t, "Company CA")
	s.executable("etc/ca-certificates/update.d/java", "#!/bin/sh\ncat >>"+s.root+"/hook\n")
	require.NoError(t, s.trust(root))
	anchor := s.f.anchor(root)
	s.write(anchor, chain.EncodeCertificates(company))
	s.write(s.root+"/hook", nil)
	require.ErrorContains(t, s.distrust(root), "not devcert's to change")
	require.Equal(t, "+"+s.f.link(anchor)+"\n", s.read(s.root+"/hook"), "Java hears that it is another")
	require.NoError(t, s.distrust(root))
	s.requireState(devcert.Missing, root)
	has, err := inHashed(s.f.hashed, company)
	require.NoError(t, err)
	require.True(t, has)
}

func TestALinkToTheRootIsItsAnchor(t *testing.T) {
	s, root := newScratch(t, debian), newRoot(t)
	s.rebuild()
	elsewhere := s.root + "/root.pem"
	s.write(elsewhere, chain.EncodeCertificates(root))
	before := s.listing()
	link := func() { require.NoError(t, os.Symlink(elsewhere, s.f.anchor(root))) }
	link()
	s.requireState(devcert.Stale, root, "not in the bundle")
	require.NoError(t, s.trust(root))
	s.requireState(devcert.Trusted, root)
	info, err := os.Lstat(s.f.anchor(root))
	require.NoError(t, err)
	require.True(t, info.Mode().IsRegular())
	s.remove(s.f.anchor(root))
	link()
	require.NoError(t, s.distrust(root))
	require.Equal(t, before, s.listing())
}

func TestDamagedAnchorBesideAnother(t *testing.T) {
	s, root := newScratch(t, fedora), newRoot(t)
	require.NoError(t, s.trust(root))
	s.write(s.f.anchors+"/copy.pem", chain.EncodeCertificates(root))
	s.write(s.f.anchor(root), []byte("junk"))
	s.requireState(devcert.Stale, root, s.f.anchor(root)+", which holds no certificate")
	require.NoError(t, s.trust(root))
	s.requireState(devcert.Trusted, root)
}

// A damaged anchor of a root that is nowhere is devcert's still.
func TestDamagedAnchorOfNoRoot(t *testing.T) {
	for name, put := range map[string]func(path string) error{
		"junk":          func(path string) error { return os.WriteFile(path, []byte("0 junk\n"), 0o644) },
		"dangling link": func(path string) error { return os.Symlink("nothing", path) },
	} {
		t.Run(name, func(t *testing.T) {
			s, root := newScratch(t, debian), newRoot(t)
			s.rebuild()
			before := s.listing()
			require.NoError(t, put(s.f.anchor(root)))
			s.requireState(devcert.Missing, root, "left there: "+s.f.anchor(root))
			require.NoError(t, s.distrust(root))
			require.Equal(t, before, s.listing())
		})
	}
}

func TestDistrustGoesByBytes(t *testing.T) {
	s, root := newScratch(t, debian), newRoot(t)
	s.rebuild()
	before := s.listing()
	local := s.f.anchors
	s.write(local+"/my old (test), ca.crt", chain.EncodeCertificates(root))
	s.write(local+"/deep/er/copy.crt", chain.EncodeCertificates(root, root))
	shared := chain.EncodeCertificates(root, foreignRoot(t, "Company CA"))
	s.write(local+"/shared.crt", shared)
	s.write(local+"/ignored.pem", chain.EncodeCertificates(root)) // the tool does not take it
	s.rebuild()
	s.requireState(devcert.Trusted, root)

	err := s.distrust(root)
	require.ErrorContains(t, err, "shared.crt holds the root among other certificates")
	require.Contains(t, remedyOf(t, err), "take the root out of "+local+"/shared.crt by hand")
	require.Equal(t, string(shared), s.read(local+"/shared.crt"))
	require.FileExists(t, local+"/ignored.pem")
	s.requireState(devcert.Stale, root, "not in the hash links") // openssl rehash takes no file with two

	s.remove(local + "/shared.crt")
	s.remove(local + "/ignored.pem")
	require.NoError(t, s.distrust(root))
	require.Equal(t, before, s.listing())
}

func TestDebianLeftovers(t *testing.T) {
	hash := func(s *scratch, name string) string {
		entries, err := os.ReadDir(s.f.hashed)
		require.NoError(s.t, err)
		for _, e := range entries {
			if to, _ := os.Readlink(filepath.Join(s.f.hashed, e.Name())); to == name {
				return filepath.Join(s.f.hashed, e.Name())
			}
		}
		s.t.Fatalf("no hash link to %s", name)
		return ""
	}
	for _, row := range []struct {
		name string
		harm func(s *scratch, anchor string)
	}{
		{"anchor gone: both links dangle", func(s *scratch, anchor string) { s.remove(anchor); s.rebuild() }},
		{"only the hash link dangles", func(s *scratch, anchor string) {
			s.remove(anchor)
			s.remove(s.f.link(anchor))
			s.rebuild()
		}},
		{"only the name link is there", func(s *scratch, anchor string) { s.remove(hash(s, filepath.Base(s.f.link(anchor)))) }},
		{"only the anchor is there", func(s *scratch, anchor string) {
			s.remove(hash(s, filepath.Base(s.f.link(anchor))))
			s.remove(s.f.link(anchor))
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			s, root := newScratch(t, debian), newRoot(t)
			s.executable("etc/ca-certificates/update.d/java", "#!/bin/sh\ncat >>"+s.root+"/hook\n")
			s.rebuild()
			s.write(s.root+"/hook", nil)
			before := s.listing()
			anchor := s.f.anchor(root)

			require.NoError(t, s.trust(root))
			require.Equal(t, "+"+s.f.link(anchor)+"\n", s.read(s.root+"/hook"))
			row.harm(s, anchor)
			s.write(s.root+"/hook", nil)
			require.NoError(t, s.distrust(root))
			require.Equal(t, "-"+s.f.link(anchor)+"\n", s.read(s.root+"/hook"), "Java hears of it")
			s.write(s.root+"/hook", nil)
			require.Equal(t, before, s.listing())

			require.NoError(t, s.trust(root))
			row.harm(s, anchor)
			require.NoError(t, s.trust(root))
			s.requireState(devcert.Trusted, root)
		})
	}
}

// A root with the same subject shares the hash: when HASH.0 goes, HASH.1 must
// become HASH.0, or OpenSSL does not find it any more.
func TestDebianRenumbers(t *testing.T) {
	s, root := newScratch(t, debian), newRoot(t)
	twin := foreignRoot(t, root.Subject.CommonName)
	require.Equal(t, root.RawSubject, twin.RawSubject)
	require.NoError(t, s.trust(root))
	s.write(s.f.anchors+"/z-twin.crt", chain.EncodeCertificates(twin))
	s.rebuild()
	has, err := inHashed(s.f.hashed, twin)
	require.NoError(t, err)
	require.True(t, has)
	require.NoError(t, s.distrust(root))
	has, err = inHashed(s.f.hashed, twin)
	require.NoError(t, err)
	require.True(t, has)
}

func TestForeignLinkOfOurName(t *testing.T) {
	s, root := newScratch(t, debian), newRoot(t)
	s.rebuild()
	link, elses := s.f.link(s.f.anchor(root)), s.root+"/base.pem"
	require.NoError(t, os.Symlink(elses, link))
	s.write(s.f.bundle, chain.EncodeCertificates(root))
	require.NoError(t, s.distrust(root))
	to, err := os.Readlink(link)
	require.NoError(t, err)
	require.Equal(t, elses, to)
}

func TestTwentyAtOnce(t *testing.T) {
	s := newScratch(t, debian)
	var wait sync.WaitGroup
	for range 20 {
		root := newRoot(t)
		wait.Go(func() {
			if err := s.trust(root); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	require.Equal(t, 22, strings.Count(s.read(s.f.bundle), "BEGIN CERTIFICATE"))
}

// A hostile PATH, TMPDIR or DPKG variable must not reach the tools.
func TestChangeIgnoresTheCallersEnvironment(t *testing.T) {
	s, root := newScratch(t, fedora), newRoot(t)
	s.executable("usr/sbin/"+s.f.tool, "#!/bin/sh\nenv | sort >"+s.root+"/seen\n")
	evil := t.TempDir()
	for _, tool := range []string{"sudo", "tee", "rm", "env", "sh", s.f.tool} {
		require.NoError(t, os.WriteFile(filepath.Join(evil, tool), []byte("#!/bin/sh\ntouch "+evil+"/ran\n"), 0o755))
	}
	t.Setenv("PATH", evil)
	t.Setenv("DPKG_MAINTSCRIPT_PACKAGE", "x")
	t.Setenv("LD_LIBRARY_PATH", evil)
	require.NoError(t, s.trust(root))
	require.NoFileExists(t, evil+"/ran")
	require.Equal(t, evil, os.Getenv("PATH"))
	for _, line := range strings.Split(strings.TrimSpace(s.read(s.root+"/seen")), "\n") {
		name, _, _ := strings.Cut(line, "=")
		require.Contains(t, []string{"PATH", "LANG", "LC_ALL", "PWD", "OLDPWD", "SHLVL", "_"}, name)
	}
}

package system

import (
	"bytes"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/devcert/chain"
	"devcert/scripts/fuzzlimit"
)

func TestSubjectHashIsOpenSSLs(t *testing.T) {
	for _, cn := range []string{
		"devcert root anna@birch 1F3A9C2E", "  Blanks   in\tand  around ", "MiXeD Case", "Zürich Ä",
	} {
		cert := foreignRoot(t, cn)
		cmd := exec.Command("openssl", "x509", "-noout", "-subject_hash")
		cmd.Stdin = bytes.NewReader(chain.EncodeCertificates(cert))
		out, err := cmd.Output()
		require.NoError(t, err)
		got, err := subjectHash(cert.RawSubject)
		require.NoError(t, err)
		require.Equal(t, strings.TrimSpace(string(out)), got, cn)
	}
	_, err := subjectHash([]byte{0x30, 0x03, 0x01})
	require.Error(t, err)
}

func TestLook(t *testing.T) {
	root := newRoot(t)
	der := chain.EncodeCertificates(root)
	for _, row := range []struct {
		name     string
		family   int
		arrange  func(s *scratch)
		want     devcert.PlaceState
		evidence []string
	}{
		{"by any name, in DER", fedora, func(s *scratch) {
			s.write(s.f.anchors+"/whatever", root.Raw)
			s.write(s.f.bundle, der)
		}, devcert.Trusted, nil},
		{"orphan anchor: the tool was missing", fedora, func(s *scratch) { s.write(s.f.anchor(root), der) },
			devcert.Stale, []string{"in the anchors", "not in the bundle"}},
		{"anchor lost", fedora, func(s *scratch) { s.write(s.f.bundle, der) },
			devcert.Stale, []string{"in the bundle", "not in the anchors"}},
		{"hash link lost", debian, func(s *scratch) {
			require.NoError(s.t, s.trust(root))
			hash, err := subjectHash(root.RawSubject)
			require.NoError(s.t, err)
			s.remove(s.f.hashed + "/" + hash + ".0")
		}, devcert.Stale, []string{"in the anchors", "in ", "not in the hash links"}},
		{"hash link behind a gap", debian, func(s *scratch) {
			require.NoError(s.t, s.trust(root))
			hash, err := subjectHash(root.RawSubject)
			require.NoError(s.t, err)
			require.NoError(s.t, os.Rename(s.f.hashed+"/"+hash+".0", s.f.hashed+"/"+hash+".1"))
		}, devcert.Stale, []string{"not in the hash links"}},
		{"anchor lost and the bundle rebuilt: the links stay", debian, func(s *scratch) {
			require.NoError(s.t, s.trust(root))
			s.remove(s.f.anchor(root))
			s.rebuild()
		}, devcert.Missing, []string{"left there: ", ".0, a link to devcert-", "which leads nowhere"}},
		{"bundle is a dangling link", fedora, func(s *scratch) {
			s.remove(s.f.bundle)
			require.NoError(s.t, os.Symlink("/mnt/nothing.pem", s.f.bundle))
		}, devcert.Unknown, []string{"a symbolic link to /mnt/nothing.pem, which is not there"}},
		{"bundle is a dangling link, anchor there", fedora, func(s *scratch) {
			s.write(s.f.anchor(root), der)
			s.remove(s.f.bundle)
			require.NoError(s.t, os.Symlink("/mnt/nothing.pem", s.f.bundle))
		}, devcert.Stale, []string{"a symbolic link to /mnt/nothing.pem"}},
		{"bundle is a loop", fedora, func(s *scratch) {
			s.remove(s.f.bundle)
			require.NoError(s.t, os.Symlink(s.f.bundle, s.f.bundle))
		}, devcert.Unknown, []string{"could not look into the bundle"}},
		{"bundle is a folder", fedora, func(s *scratch) { s.remove(s.f.bundle); s.mkdir(s.f.bundle) },
			devcert.Unknown, []string{"not a regular file"}},
		{"bundle is a FIFO", fedora, func(s *scratch) {
			s.remove(s.f.bundle)
			require.NoError(s.t, syscall.Mkfifo(s.f.bundle, 0o644))
		}, devcert.Unknown, []string{"not a regular file"}},
		{"bundle is huge", fedora, func(s *scratch) { require.NoError(s.t, os.Truncate(s.f.bundle, 1<<40)) },
			devcert.Unknown, []string{"at most 16 MiB"}},
		{"bundle is gone", fedora, func(s *scratch) { s.remove(s.f.bundle) }, devcert.Missing, nil},
		{"bundle is garbage", fedora, func(s *scratch) { s.write(s.f.bundle, []byte("\x30\x82\x00\xff\x00\n-----BEGIN CERTIFICATE")) },
			devcert.Missing, nil},
		{"bundle only root can read", fedora, func(s *scratch) {
			s.write(s.f.anchor(root), der)
			s.write(s.f.bundle, der)
			require.NoError(s.t, os.Chmod(s.f.bundle, 0o640))
		}, devcert.Stale, []string{"mode 0640: not everyone can read it"}},
		{"anchor only root can read", fedora, func(s *scratch) {
			s.write(s.f.anchor(root), der)
			s.write(s.f.bundle, der)
			require.NoError(s.t, os.Chmod(s.f.anchor(root), 0o600))
		}, devcert.Stale, []string{"mode 0600: not everyone can read it"}},
		{"what is no anchor file", debian, func(s *scratch) {
			a := s.f.anchors
			s.mkdir(a + "/folder.crt")
			require.NoError(s.t, syscall.Mkfifo(a+"/fifo.crt", 0o644))
			require.NoError(s.t, os.Symlink("loop.crt", a+"/loop.crt"))
			require.NoError(s.t, os.Symlink("nothing", a+"/dangling.crt"))
			require.NoError(s.t, os.Symlink("/dev/zero", a+"/device.crt"))
			require.NoError(s.t, os.Symlink(a, a+"/folder.crt/up"))
			s.write(a+"/garbage.crt", []byte{0x30, 0x82, 0, 1, 2, 3})
			s.write(a+"/root.pem", der) // not taken by the tool
		}, devcert.Missing, nil},
		{"a huge file may hide the root", fedora, func(s *scratch) {
			s.write(s.f.anchors+"/huge", nil)
			require.NoError(s.t, os.Truncate(s.f.anchors+"/huge", 1<<40))
		}, devcert.Unknown, []string{"huge"}},
		{"a huge file beside the root hides nothing", fedora, func(s *scratch) {
			require.NoError(s.t, s.trust(root))
			s.write(s.f.anchors+"/huge", nil)
			require.NoError(s.t, os.Truncate(s.f.anchors+"/huge", 1<<40))
		}, devcert.Trusted, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newScratch(t, row.family)
			row.arrange(s)
			s.requireState(row.want, root, row.evidence...)
		})
	}
}

// Alpine's own tool makes the links; here they are made by hand.
func TestLookAlpine(t *testing.T) {
	s, root := newScratch(t, alpine), newRoot(t)
	s.requireState(devcert.Missing, root)
	require.NoError(t, s.trust(root))
	s.requireState(devcert.Stale, root, "hash links")
	hash, err := subjectHash(root.RawSubject)
	require.NoError(t, err)
	require.NoError(t, os.Symlink(s.f.anchor(root), filepath.Join(s.f.hashed, hash+".0")))
	s.requireState(devcert.Trusted, root)
}

func TestLookUnreadable(t *testing.T) {
	s, root := newScratch(t, fedora), newRoot(t)
	if os.Geteuid() == 0 {
		t.Skip("root reads everything")
	}
	hide := func() {
		s.write(s.f.anchors+"/secret", nil)
		require.NoError(t, os.Chmod(s.f.anchors+"/secret", 0))
	}
	hide()
	s.requireState(devcert.Unknown, root, "secret", "permission denied")
	s.remove(s.f.anchors + "/secret")
	require.NoError(t, s.trust(root))
	hide()
	s.requireState(devcert.Trusted, root)
	require.NoError(t, os.Chmod(s.f.anchor(root), 0))
	s.requireState(devcert.Stale, root, "mode 0000")
	require.NoError(t, os.Chmod(s.f.anchors, 0))
	s.requireState(devcert.Unknown, root, "permission denied")
	require.NoError(t, os.Chmod(s.f.anchors, 0o755))
}

func TestLookOthers(t *testing.T) {
	s, root, former, other := newScratch(t, fedora), newRoot(t), newRoot(t), newRoot(t)
	forged := foreignRoot(t, "devcert root anna@birch 12345678")
	require.NoError(t, s.trust(root))
	require.NoError(t, s.trust(former))
	s.write(s.f.bundle, append([]byte(s.read(s.f.bundle)), chain.EncodeCertificates(other, other, forged)...))

	place := s.look(devcert.Material{Root: root})
	require.Equal(t, devcert.Trusted, place.State)
	require.Len(t, place.Others, 2, "each once, the wanted one and the forged one not")
	require.True(t, place.Others[0].Equal(former))
	require.True(t, place.Others[1].Equal(other))

	place = s.look(devcert.Material{})
	require.Equal(t, devcert.Missing, place.State)
	require.Empty(t, place.Evidence)
	require.Len(t, place.Others, 3, "without a hierarchy all of ours are others")
}

func TestLookVerifies(t *testing.T) {
	s, h := newScratch(t, fedora), newHierarchy(t)
	m := devcert.Material{Root: h.Root, Intermediate: h.Intermediate.Cert, Leaf: h.Leaf.Cert}
	require.NoError(t, s.trust(h.Root))
	place := s.look(m)
	require.Equal(t, devcert.Trusted, place.State)
	require.Equal(t, "chain built from "+s.f.bundle, place.VerifiedBy)

	later := &Store{Root: s.root, Now: func() time.Time { return h.Leaf.Cert.NotAfter.Add(time.Hour) }}
	place = later.Look(t.Context(), m)[0]
	require.Equal(t, devcert.Trusted, place.State, "an expired leaf is not a lost root")
	require.Contains(t, place.VerifiedBy, "found by its bytes")
}

func TestOverrides(t *testing.T) {
	s, root, other := newScratch(t, debian), newRoot(t), newRoot(t)
	require.NoError(t, s.trust(root))
	fifo := filepath.Join(s.root, "fifo")
	require.NoError(t, syscall.Mkfifo(fifo, 0o644))
	none := filepath.Join(s.root, "none")
	store := &Store{Root: s.root}
	others := filepath.Join(s.root, "base.pem")
	for _, row := range []struct {
		env, reason string
		not         bool // not reported
	}{
		{"SSL_CERT_FILE=" + s.f.bundle, "", false},
		{"SSL_CERT_FILE=" + others, "", false}, // the system's folder stays in force
		{"SSL_CERT_FILE=" + none, "no such file", false},
		{"SSL_CERT_FILE=" + fifo, "cannot be read", false},
		{"SSL_CERT_FILE=" + s.f.hashed, "cannot be read", false},
		{"SSL_CERT_FILE=/dev/null", "cannot be read", false},
		{"SSL_CERT_FILE=", "", true},
		{"SSL_CERT_DIR=" + s.f.hashed, "", false},
		{"SSL_CERT_DIR=" + none + ":" + s.f.hashed, "", false},
		{"SSL_CERT_DIR=" + s.f.anchors, "", false}, // the system's bundle stays in force
		{"CURL_CA_BUNDLE=" + s.f.bundle, "", false},
		{"CURL_CA_BUNDLE=" + others, "", false},
		{"GIT_SSL_CAINFO=" + none, "no such file", false},
		{"GIT_SSL_CAINFO=" + others, "", false},
		{"REQUESTS_CA_BUNDLE=" + s.f.hashed, "", false},
		{"REQUESTS_CA_BUNDLE=" + s.f.bundle, "", false},
		{"REQUESTS_CA_BUNDLE=" + others, "does not hold the root", false},
		{"NODE_EXTRA_CA_CERTS=" + none, "", true},
	} {
		t.Run(row.env[:strings.Index(row.env, "=")]+" "+row.reason, func(t *testing.T) {
			found := store.Overrides([]string{"A=b", row.env}, root)
			if row.not {
				require.Empty(t, found)
				return
			}
			require.Len(t, found, 1)
			require.Equal(t, row.env, found[0].Name+"="+found[0].Value)
			if row.reason == "" {
				require.Empty(t, found[0].Reason)
			}
			require.Contains(t, found[0].Reason, row.reason)
			if found[0].Name == "REQUESTS_CA_BUNDLE" { // without it there is certifi's list
				require.Equal(t, `eval "$(devcert env)"`, found[0].Remedy)
			} else {
				require.Empty(t, found[0].Remedy)
			}
		})
	}
	require.Len(t, store.Overrides([]string{"SSL_CERT_FILE=" + s.f.bundle, "CURL_CA_BUNDLE=" + s.f.bundle}, other), 2)
	require.Empty(t, store.Overrides([]string{"SSL_CERT_FILE=" + none}, nil))
}

// OpenSSL reads a file and a folder: only both together lead away.
func TestOverridesOfBothHalves(t *testing.T) {
	s, root := newScratch(t, debian), newRoot(t)
	require.NoError(t, s.trust(root))
	store := &Store{Root: s.root}
	others := filepath.Join(s.root, "base.pem")
	for _, row := range []struct {
		name    string
		env     []string
		reasons []string
	}{
		{"neither has it", []string{"SSL_CERT_FILE=" + others, "SSL_CERT_DIR=" + s.f.anchors}, []string{"does not hold", "no hash link"}},
		{"the file has it", []string{"SSL_CERT_FILE=" + s.f.bundle, "SSL_CERT_DIR=" + s.f.anchors}, []string{"", ""}},
		{"the folder has it", []string{"SSL_CERT_FILE=" + others, "SSL_CERT_DIR=" + s.f.hashed}, []string{"", ""}},
		{"git's own two", []string{"GIT_SSL_CAINFO=" + others, "GIT_SSL_CAPATH=" + s.f.anchors}, []string{"does not hold"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			found := store.Overrides(row.env, root)
			require.Len(t, found, len(row.reasons))
			for i, reason := range row.reasons {
				if reason == "" {
					require.Empty(t, found[i].Reason)
				}
				require.Contains(t, found[i].Reason, reason)
			}
		})
	}
}

func FuzzCertificates(f *testing.F) {
	f.Add([]byte("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"))
	f.Add(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte(chain.Organization)}))
	f.Add([]byte{0x30, 0x82})
	f.Add([]byte("-----BEGIN CERTIFICATE-----END CERTIFICATE-----"))
	fuzzlimit.Fuzz(f, func(t *testing.T, data []byte) {
		ders := certificates(data)
		ourRoots(ders, nil)
		sole(ders)
	})
}

func FuzzSubjectHash(f *testing.F) {
	f.Add([]byte{0x30, 0})
	fuzzlimit.Fuzz(f, func(t *testing.T, data []byte) { subjectHash(data) })
}

// The look is most of what `status` costs.
func BenchmarkLook(b *testing.B) {
	store := &Store{Now: time.Now}
	if _, ok := familyOf(""); !ok {
		b.Skip("no family of ours")
	}
	h, err := chain.New(chain.Options{Owner: "anna@birch", Key: chain.ECDSA, Now: time.Now()})
	require.NoError(b, err)
	m := devcert.Material{Root: h.Root, Intermediate: h.Intermediate.Cert, Leaf: h.Leaf.Cert}
	for b.Loop() {
		store.Look(b.Context(), m)
	}
}

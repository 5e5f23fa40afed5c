package winstore

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestError(t *testing.T) {
	root := Store{Location: LocalMachine, Name: Root}
	for _, row := range []struct {
		number uint32
		text   string
		remedy bool
		is     syscall.Errno
	}{
		{5, `add to LocalMachine\Root: access denied (5)`, true, 5},
		{0x80070005, `add to LocalMachine\Root: access denied (0x80070005)`, true, 5},
		{0x80090010, `add to LocalMachine\Root: access to the key denied (0x80090010)`, true, 5},
		{1223, `add to LocalMachine\Root: the person who was asked said no (1223)`, true, 1223},
		{0x800704C7, `add to LocalMachine\Root: the person who was asked said no (0x800704c7)`, true, 1223},
		{0x8010006E, `add to LocalMachine\Root: the person who was asked said no (0x8010006e)`, true, 1223},
		{0x80092004, `add to LocalMachine\Root: not there (0x80092004)`, false, 0x80092004},
		{0x80092005, `add to LocalMachine\Root: another certificate with the same issuer and serial number is there (0x80092005)`, true, 0x80092005},
	} {
		t.Run(row.text, func(t *testing.T) {
			err := fail("add to", root, syscall.Errno(row.number))
			require.EqualError(t, err, row.text)
			require.ErrorIs(t, fmt.Errorf("setup: %w", err), row.is)
			require.ErrorIs(t, err, syscall.Errno(row.number))
			require.NotErrorIs(t, err, syscall.Errno(87))
			var e *Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, row.remedy, e.Remedy != "")
		})
	}
	require.NoError(t, fail("add to", root, nil))
	require.EqualError(t, fail("add to", root, errors.New("an empty certificate")), `add to LocalMachine\Root: an empty certificate`)
	require.NotErrorIs(t, fail("add to", root, errors.New("x")), syscall.Errno(0))
	require.Contains(t, fail("add to", root, syscall.Errno(0x80091234)).Error(), "(0x80091234)", "unknown numbers can be searched for")
}

func TestKnownWords(t *testing.T) {
	for number, w := range known {
		require.Equal(t, strings.ToLower(w.meaning[:1]), w.meaning[:1], "%x", number)
		require.NotRegexp(t, `\.$`, w.meaning+w.remedy)
		require.Equal(t, win32(number), number, "an HRESULT of a Win32 number would never be found")
	}
}

func TestStateOf(t *testing.T) {
	for number, state := range map[uint32]KeyState{
		cryptNoKeyProperty: KeyMissing,
		nteBadKeyset:       KeyMissing,
		nteNoKey:           KeyMissing,
		nteBadPublicKey:    KeyWrong,
		5:                  KeyDenied,
		0x80070005:         KeyDenied,
		ntePerm:            KeyDenied,
		nteSilentContext:   KeyDenied,
		nteBadKeyState:     KeyDenied,
		1223:               KeyDenied,
		0x80090020:         KeyUnknown, // NTE_FAIL
		87:                 KeyUnknown,
	} {
		require.Equal(t, state, stateOf(fail("open", Store{}, syscall.Errno(number))), "%x", number)
	}
	require.Equal(t, KeyOpens, stateOf(nil))
	require.Equal(t, KeyUnknown, stateOf(errors.New("x")))
	require.Equal(t, KeyUnknown, stateOf(fmt.Errorf("a key of kind x: %w", errors.ErrUnsupported)))
	_, err := x509.ParseCertificate(nil)
	require.Equal(t, KeyUnknown, stateOf(err), "a certificate that cannot be read says nothing of its key")
}

// The files of IIS's and Remote Desktop's containers are the same on every
// machine, up to the machine's id, and known from many a forum.
func TestKeyFile(t *testing.T) {
	for container, file := range map[string]string{
		"iisConfigurationKey":          "6de9cb26d2b98c01ec4e9e8b34824aa2",
		"iisWasKey":                    "76944fb33636aeddb9590521c2e8815a",
		"NetFrameworkConfigurationKey": "d6d986f09a1ee04e24c949879fdb506c",
		"TSSecKeySet1":                 "f686aace6942fb7f7ceb231212eef4a4",
	} {
		require.Equal(t, file, keyFile(container))
		dir := t.TempDir()
		require.False(t, hasKeyFile(list(t, dir), container))
		require.NoError(t, os.WriteFile(filepath.Join(dir, strings.ToUpper(file)+"_0a8e5b1c"), nil, 0o600))
		require.True(t, hasKeyFile(list(t, dir), container))
		require.False(t, hasKeyFile(list(t, dir), container+"2"))

		files := list(t, dir)
		require.Equal(t, KeyDenied, hidden(Key{Container: container, Type: 1}, files, nil))
		require.Equal(t, KeyMissing, hidden(Key{Container: container + "2", Type: 24}, files, nil))
		require.Equal(t, KeyUnknown, hidden(Key{Container: container}, files, nil), "CNG keeps its files elsewhere")
		require.Equal(t, KeyUnknown, hidden(Key{Container: container, Type: 13}, files, nil), "and so does DSA")
		require.Equal(t, KeyUnknown, hidden(Key{Container: container, Type: 1}, nil, fs.ErrPermission))
	}
}

func list(t *testing.T, dir string) []fs.DirEntry {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	return entries
}

func TestVerdict(t *testing.T) {
	for _, row := range []struct {
		name           string
		status, policy uint32
		reasons        []string
	}{
		{"trusted", 0, 0, nil},
		{"no root", 0x20, 0x800B0109, []string{"the root is not trusted (chain status 0x00000020)", "the root is not trusted (SSL policy 0x800b0109)"}},
		{"two bits", 0x21, 0, []string{"expired or not yet valid (chain status 0x00000001)", "the root is not trusted (chain status 0x00000020)"}},
		{"a bit of a later Windows counts", 0x40000000, 0, []string{"unknown chain status (0x40000000)"}},
		{"another name", 0, 0x800B010F, []string{"the name is not in the certificate (SSL policy 0x800b010f)"}},
		{"an error of a later Windows", 0, 0x800B01FF, []string{"refused (SSL policy 0x800b01ff)"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			v := Verdict{Status: row.status, Policy: row.policy}.conclude()
			require.Equal(t, row.reasons == nil, v.Trusted)
			require.Equal(t, row.reasons, v.Reasons)
		})
	}
}

func TestCNGFile(t *testing.T) {
	const data, name = `C:\ProgramData`, "c2319c42033a5ca7f44e731bfd3fa2b5_11111111-2222-3333-4444-555555555555"
	for _, row := range []struct {
		name, file string
		machine    bool
		there      []string
		want       string
	}{
		{"of the machine", name, true, []string{`Keys\` + name}, `Keys\` + name},
		{"of the system", name, true, []string{`SystemKeys\` + name}, `SystemKeys\` + name},
		{"made by CAPI", name, true, []string{`RSA\MachineKeys\` + name}, `RSA\MachineKeys\` + name},
		{"the same name twice", name, true, []string{`SystemKeys\` + name, `Keys\` + name}, `Keys\` + name},
		{"of a user", name, false, []string{`Keys\` + name}, `Keys\` + name},
		{"a user has no others", name, false, []string{`SystemKeys\` + name}, ""},
		{"not in a file", name, true, nil, ""},
		{"no name", "", true, []string{`Keys\`}, ""},
		{"a name that leads elsewhere", `..\x`, true, []string{`Keys\..\x`}, ""},
		{"a name that is a folder", "..", true, []string{`Keys\..`}, ""},
		{"a stream", "a:b", true, []string{`Keys\a:b`}, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			want := ""
			if row.want != "" {
				want = data + `\Microsoft\Crypto\` + row.want
			}
			require.Equal(t, want, cngFile(data, row.file, row.machine, func(path string) bool {
				below, is := strings.CutPrefix(path, data+`\Microsoft\Crypto\`)
				return is && slices.Contains(row.there, below)
			}))
		})
	}
}

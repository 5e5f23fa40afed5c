package winstore

import (
	"crypto/md5" // #nosec G501: a name, see keyFile
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

// keyFile is how the name of the file starts in which Windows' RSA providers
// keep the key container: the MD5 of the name in lower case with its closing
// zero, as four little-endian words. An underscore and the machine's id follow.
// The names of IIS's containers prove it: iisConfigurationKey is
// 6de9cb26d2b98c01ec4e9e8b34824aa2.
func keyFile(container string) string {
	sum := md5.Sum([]byte(strings.ToLower(container) + "\x00")) // #nosec G401
	var b strings.Builder
	for word := 0; word < len(sum); word += 4 {
		fmt.Fprintf(&b, "%08x", binary.LittleEndian.Uint32(sum[word:]))
	}
	return b.String()
}

func hasKeyFile(entries []fs.DirEntry, container string) bool {
	start := keyFile(container) + "_"
	for _, e := range entries {
		if strings.HasPrefix(strings.ToLower(e.Name()), start) {
			return true
		}
	}
	return false
}

// hidden decides what "there is no such key" means to somebody who may not read
// the machine's keys, for Windows says the same of those it hides: the key's file
// is there, or is not; or that cannot be known. The files are those of the RSA
// providers, err is why they could not be listed.
func hidden(key Key, files []fs.DirEntry, err error) KeyState {
	const full, schannel, aes = 1, 12, 24 // PROV_RSA_FULL, PROV_RSA_SCHANNEL, PROV_RSA_AES
	switch {
	case err != nil, key.Type != full && key.Type != schannel && key.Type != aes:
		return KeyUnknown
	case hasKeyFile(files, key.Container):
		return KeyDenied
	}
	return KeyMissing
}

// stateOf says what the outcome of opening a private key means.
func stateOf(err error) KeyState {
	if err == nil {
		return KeyOpens
	}
	if errors.Is(err, errors.ErrUnsupported) {
		return KeyUnknown
	}
	switch canonical(numberOf(err)) {
	case cryptNoKeyProperty, cryptNotFound, nteBadKeyset, nteNoKey, nteNotFound:
		return KeyMissing
	case nteBadPublicKey:
		return KeyWrong
	case errorAccessDenied, nteSilentContext, errorCancelled, nteBadKeyState, nteKeysetEntryBad:
		return KeyDenied
	}
	return KeyUnknown
}

// cngFolders are where Microsoft's key storage provider keeps keys of the machine:
// those of services that run as the system apart, and RSA keys that CAPI made where
// they are ("Key Storage and Retrieval").
var cngFolders = []string{"Keys", "SystemKeys", `RSA\MachineKeys`}

// cngFile is the path of the file called name below the folder of program data or, of
// a user's key, of roaming data; "" where there is none. A provider of another
// company's may call its keys anything.
func cngFile(folder, name string, machine bool, exists func(path string) bool) string {
	if name == "" || strings.ContainsAny(name, `\/:*?"<>|`) || strings.Trim(name, ". ") == "" {
		return ""
	}
	folders := cngFolders
	if !machine {
		folders = cngFolders[:1]
	}
	for _, below := range folders {
		path := folder + `\Microsoft\Crypto\` + below + `\` + name
		if exists(path) {
			return path
		}
	}
	return ""
}

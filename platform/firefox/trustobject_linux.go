package firefox

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"io/fs"
	"path/filepath"
)

// mayHaveTrustObject says whether the profile may keep trust in root in the form of
// PKCS #11 3.2, which a certutil older than that does not see: Firefox 153 writes
// it when a person or a policy imports a certificate. Such an object names its
// certificate by its SHA-256 (CKA_HASH_OF_CERTIFICATE), which NSS's older form, with
// SHA-1 and MD5, and the certificate itself do not have: where those bytes are
// nowhere, there is none. Removed rows leave their bytes, so that the opposite is not
// certain; and what cannot be read may have them.
func mayHaveTrustObject(profile string, root *x509.Certificate) bool {
	hash := sha256.Sum256(root.Raw)
	for _, name := range []string{"cert9.db", "cert9.db-wal", "cert9.db-journal"} {
		data, err := read(filepath.Join(profile, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return true
		}
		// SQLite cuts long rows, at most once in so few bytes: one half is whole.
		if bytes.Contains(data, hash[:16]) || bytes.Contains(data, hash[16:]) {
			return true
		}
	}
	return false
}

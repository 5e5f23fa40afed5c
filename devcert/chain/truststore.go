package chain

import (
	"crypto/x509"
	"errors"
	"fmt"

	pkcs12 "software.sslmate.com/src/go-pkcs12"
)

// EncodeTrustStore writes roots as a PKCS#12 trust store, which Java reads
// (javax.net.ssl.trustStore) since version 8. Its password protects it from
// changes only: what it holds is public. Every entry carries Oracle's attribute
// for "trusted for any purpose", without which keytool does not see it.
func EncodeTrustStore(password string, roots ...*x509.Certificate) ([]byte, error) {
	if len(roots) == 0 {
		return nil, errors.New("making a trust store: there are no roots")
	}
	if err := checkPassword(password); err != nil {
		return nil, err
	}
	entries := make([]pkcs12.TrustStoreEntry, len(roots))
	for i, root := range roots {
		entries[i] = pkcs12.TrustStoreEntry{Cert: root, FriendlyName: root.Subject.CommonName}
	}
	store, err := pkcs12.Modern2023.EncodeTrustStoreEntries(entries, password)
	if err != nil {
		return nil, fmt.Errorf("making a trust store: %w", err)
	}
	return store, nil
}

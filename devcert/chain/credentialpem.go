package chain

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"strings"
)

var pemMark = []byte("-----BEGIN ")

// maxKey bounds a private key, in bytes of DER: RSA with 16384 bits has 9,300.
// Making sense of one takes time with the cube of its size.
const maxKey = 16 << 10

// ReadKey reads the one private key that a PEM or DER file holds, in PKCS#8,
// PKCS#1 or SEC 1, whatever else is there. An error is a [*CredentialError].
func ReadKey(data []byte) (crypto.Signer, error) {
	data, err := credentialText(data)
	if err != nil {
		return nil, err
	}
	keys := []crypto.Signer(nil)
	if bytes.Contains(data, pemMark) {
		blocks, err := pemBlocks(data)
		if err != nil {
			return nil, err
		}
		if keys, err = keysIn(blocks); err != nil {
			return nil, err
		}
	} else if key, err := parseAnyKey(data); err == nil {
		keys = append(keys, key)
	}
	switch len(keys) {
	case 0:
		return nil, &CredentialError{Problem: "it holds no private key", Hint: "name the file of the private key, in PEM"}
	case 1:
		return keys[0], nil
	}
	return nil, &CredentialError{Problem: fmt.Sprintf("it holds %d private keys", len(keys)), Hint: "write the one that is meant into a file of its own"}
}

// ReadRevocationLists reads CRLs in PEM or DER. An error is a [*CredentialError].
func ReadRevocationLists(data []byte) ([]*x509.RevocationList, error) {
	data, err := credentialText(data)
	if err != nil {
		return nil, err
	}
	ders := [][]byte{data}
	if bytes.Contains(data, pemMark) {
		blocks, err := pemBlocks(data)
		if err != nil {
			return nil, err
		}
		ders = nil
		for _, b := range blocks {
			if b.Type == crlBlock {
				ders = append(ders, b.Bytes)
			}
		}
	}
	var lists []*x509.RevocationList
	for _, der := range ders {
		list, err := x509.ParseRevocationList(der)
		if err != nil {
			return nil, &CredentialError{Problem: "its revocation list cannot be read: " + readable(err), Hint: "name a file with a CRL in PEM or DER", Err: err}
		}
		lists = append(lists, list)
	}
	if len(lists) == 0 {
		return nil, &CredentialError{Problem: "it holds no revocation list", Hint: "name a file with a CRL in PEM or DER"}
	}
	return lists, nil
}

func readPEM(data []byte) ([]*x509.Certificate, []crypto.Signer, error) {
	blocks, err := pemBlocks(data)
	if err != nil {
		return nil, nil, err
	}
	certs, err := certificatesIn(blocks)
	if err != nil {
		return nil, nil, err
	}
	keys, err := keysIn(blocks)
	return certs, keys, err
}

// pemBlocks takes a file apart. encoding/pem passes over what it cannot decode in
// silence; here a certificate that was cut off is an error.
func pemBlocks(data []byte) ([]*pem.Block, error) {
	begun := 0
	for line := range bytes.Lines(data) {
		if bytes.HasPrefix(line, pemMark) {
			begun++
		}
	}
	var blocks []*pem.Block
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		blocks = append(blocks, block)
	}
	if len(blocks) != begun || begun == 0 {
		return nil, &CredentialError{
			Problem: fmt.Sprintf("a PEM block in it is damaged, after %d good ones", len(blocks)),
			Hint:    "copy the file again, whole: from -----BEGIN to -----END, each at the start of a line",
		}
	}
	return blocks, nil
}

// certificatesIn reads the certificates. The other kinds that one could have taken
// for certificates are named when there are none.
func certificatesIn(blocks []*pem.Block) ([]*x509.Certificate, error) {
	var certs []*x509.Certificate
	instead := (*CredentialError)(nil)
	for _, b := range blocks {
		der := b.Bytes
		switch b.Type {
		case "TRUSTED CERTIFICATE": // OpenSSL's: what it is trusted for stands behind it
			var first asn1.RawValue
			if _, err := asn1.Unmarshal(der, &first); err == nil {
				der = first.FullBytes
			}
		case certificateBlock, "X509 CERTIFICATE":
		case "CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST":
			instead = &CredentialError{Problem: "it is a certificate request, and no certificate", Hint: "have a certificate issued for it first"}
			continue
		case "PKCS7", "CMS":
			instead = &CredentialError{Problem: "it is a PKCS#7 file, which is not read", Hint: viaPKCS7}
			continue
		default:
			continue
		}
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, &CredentialError{
				Problem: fmt.Sprintf("certificate %d in it cannot be read: %s", len(certs)+1, readable(err)), Hint: "have it issued anew", Err: err,
			}
		}
		certs = append(certs, c)
	}
	if len(certs) == 0 && instead != nil {
		return nil, instead
	}
	return certs, nil
}

// keysIn reads the private keys, each once.
func keysIn(blocks []*pem.Block) ([]crypto.Signer, error) {
	var keys []crypto.Signer
	for _, b := range blocks {
		switch {
		case b.Type == "ENCRYPTED PRIVATE KEY", strings.HasSuffix(b.Type, "PRIVATE KEY") && strings.Contains(b.Headers["Proc-Type"], "ENCRYPTED"):
			return nil, &CredentialError{Problem: "the private key in it is encrypted, and such PEM files are not read", Hint: decrypt}
		case b.Type != keyBlock && b.Type != "RSA PRIVATE KEY" && b.Type != "EC PRIVATE KEY":
			continue
		}
		key, err := parseAnyKey(b.Bytes)
		if err != nil {
			return nil, &CredentialError{Problem: "the private key in it cannot be read: " + readable(err), Hint: "write it anew:  openssl pkey -in FILE -out key.pem", Err: err}
		}
		if !hasKey(keys, key) {
			keys = append(keys, key)
		}
	}
	return keys, nil
}

func hasKey(keys []crypto.Signer, key crypto.Signer) bool {
	for _, k := range keys {
		if pub, ok := k.Public().(interface{ Equal(crypto.PublicKey) bool }); ok && pub.Equal(key.Public()) {
			return true
		}
	}
	return false
}

func isKey(der []byte) bool {
	_, err := parseAnyKey(der)
	return err == nil
}

// parseAnyKey goes by what is there: what stands above it in PEM is often wrong.
func parseAnyKey(der []byte) (crypto.Signer, error) {
	if len(der) > maxKey {
		return nil, fmt.Errorf("it has %d bytes", len(der))
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
			return key, nil
		}
		if key, err := x509.ParseECPrivateKey(der); err == nil {
			return key, nil
		}
		return nil, err
	}
	key, ok := parsed.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("it is a %T, which cannot sign", parsed)
	}
	return key, nil
}

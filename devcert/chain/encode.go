package chain

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
)

// The types of PEM blocks (RFC 7468).
const (
	certificateBlock = "CERTIFICATE"
	keyBlock         = "PRIVATE KEY"
	crlBlock         = "X509 CRL"
)

// EncodeCertificates writes certificates as PEM, in the order given.
func EncodeCertificates(certs ...*x509.Certificate) []byte {
	var out []byte
	for _, c := range certs {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: certificateBlock, Bytes: c.Raw})...)
	}
	return out
}

// ParseCertificates reads a PEM file of certificates. It is strict, because the
// files it reads are devcert's own: anything but CERTIFICATE blocks and blank
// space between them, or no block at all, means that the file is damaged.
func ParseCertificates(data []byte) ([]*x509.Certificate, error) {
	blocks, err := blocksOf(data, certificateBlock)
	if err != nil {
		return nil, err
	}
	certs := make([]*x509.Certificate, 0, len(blocks))
	for i, der := range blocks {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("certificate %d: %w", i+1, err)
		}
		certs = append(certs, c)
	}
	return certs, nil
}

// EncodeKey writes a private key as PKCS#8 in PEM.
func EncodeKey(key crypto.Signer) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encoding a private key as PKCS#8: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: keyBlock, Bytes: der}), nil
}

// ParseKey reads a file with one PKCS#8 key in PEM: RSA of at least 2048 bits,
// or ECDSA on P-256. Errors never quote the file.
func ParseKey(data []byte) (crypto.Signer, error) {
	blocks, err := blocksOf(data, keyBlock)
	if err != nil {
		return nil, err
	}
	if len(blocks) != 1 {
		return nil, fmt.Errorf("%d private keys where one is expected", len(blocks))
	}
	// ParsePKCS8PrivateKey does not look at what follows the key.
	if rest, err := asn1.Unmarshal(blocks[0], new(asn1.RawValue)); err != nil || len(rest) > 0 {
		return nil, errors.New("private key: not one DER structure")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(blocks[0])
	if err != nil {
		return nil, fmt.Errorf("private key: %w", err)
	}
	switch key := parsed.(type) {
	case *rsa.PrivateKey:
		if err := checkPublicKey(key.Public()); err != nil {
			return nil, fmt.Errorf("private key: %w", err)
		}
		return key, nil
	case *ecdsa.PrivateKey:
		if key.Curve != elliptic.P256() {
			return nil, fmt.Errorf("private key: curve %s where P-256 is expected", key.Curve.Params().Name)
		}
		return key, nil
	}
	return nil, fmt.Errorf("private key: a %T where RSA or ECDSA is expected", parsed)
}

// EncodeCRL writes a revocation list as PEM.
func EncodeCRL(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: crlBlock, Bytes: der})
}

// ParseCRL reads a file with one revocation list in PEM. Whose it is, and
// whether its signature holds, is for the caller to check.
func ParseCRL(data []byte) (*x509.RevocationList, error) {
	blocks, err := blocksOf(data, crlBlock)
	if err != nil {
		return nil, err
	}
	if len(blocks) != 1 {
		return nil, fmt.Errorf("%d revocation lists where one is expected", len(blocks))
	}
	list, err := x509.ParseRevocationList(blocks[0])
	if err != nil {
		return nil, fmt.Errorf("revocation list: %w", err)
	}
	return list, nil
}

// blocksOf takes a PEM file of one kind of block apart, and refuses everything
// that encoding/pem would skip in silence.
func blocksOf(data []byte, kind string) ([][]byte, error) {
	begin := []byte("-----BEGIN ")
	var blocks [][]byte
	for rest := bytes.TrimSpace(data); len(rest) > 0; rest = bytes.TrimSpace(rest) {
		if !bytes.HasPrefix(rest, begin) {
			return nil, fmt.Errorf("text that is no PEM block, after %d blocks", len(blocks))
		}
		block, after := pem.Decode(rest)
		if block == nil || bytes.Count(rest[:len(rest)-len(after)], begin) != 1 {
			return nil, fmt.Errorf("a damaged PEM block, after %d good ones", len(blocks))
		}
		if block.Type != kind {
			return nil, fmt.Errorf("a PEM block %q where %q is expected", block.Type, kind)
		}
		if len(block.Headers) > 0 {
			return nil, fmt.Errorf("a PEM block %q with headers", kind)
		}
		blocks, rest = append(blocks, block.Bytes), after
	}
	if len(blocks) == 0 {
		return nil, errors.New("empty: no PEM block")
	}
	return blocks, nil
}

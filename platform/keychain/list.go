package keychain

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"devcert/devcert/chain"
)

// Certificates returns what a keychain holds, each as DER. Where there is
// none it gives ErrNoKeychain. It needs no password: only keys are locked.
func (t Tool) Certificates(ctx context.Context, keychain string) ([][]byte, error) {
	if err := readable(keychain); err != nil {
		return nil, err
	}
	out, err := t.do(ctx, looking, "find-certificate", "-a", "-p", keychain)
	if err != nil {
		return nil, err
	}
	return parseList(out)
}

var errNotPEM = errors.New("security find-certificate wrote something else than certificates")

// parseList reads certificates in PEM, one after the other and nothing else.
func parseList(data []byte) ([][]byte, error) {
	var ders [][]byte
	for {
		data = bytes.TrimSpace(data)
		if len(data) == 0 {
			return ders, nil
		}
		block, rest := pem.Decode(data)
		if block == nil || !bytes.HasPrefix(data, []byte("-----BEGIN CERTIFICATE-----")) {
			return nil, errNotPEM
		}
		ders, data = append(ders, block.Bytes), rest
	}
}

// Holds says whether cert is among ders, by its bytes.
func Holds(ders [][]byte, cert *x509.Certificate) bool {
	for _, der := range ders {
		if cert != nil && bytes.Equal(der, cert.Raw) {
			return true
		}
	}
	return false
}

// Identities returns the thumbprints of the certificates in a keychain whose
// private key is known there too, upper-case.
func (t Tool) Identities(ctx context.Context, keychain string) (map[string]bool, error) {
	if err := readable(keychain); err != nil {
		return nil, err
	}
	out, err := t.do(ctx, looking, "find-identity", keychain)
	if err != nil {
		return nil, err
	}
	return parseIdentities(out), nil
}

// parseIdentities takes the thumbprints out of lines with a number and a bracket, a
// thumbprint, and a name in quotes. What has another form is left out: the words
// between them are translated. A name cannot pretend to be a line of its own.
func parseIdentities(out []byte) map[string]bool {
	found := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		number, rest, ok := strings.Cut(strings.TrimSpace(line), ") ")
		thumbprint, _, _ := strings.Cut(rest, " ")
		if ok && isNumber(number) && isThumbprint(thumbprint) {
			found[thumbprint] = true
		}
	}
	return found
}

func isNumber(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

func isThumbprint(s string) bool {
	return len(s) == 40 && strings.Trim(s, "0123456789ABCDEF") == ""
}

// in says whether the keychain has cert; one that does not exist has not.
func (t Tool) in(ctx context.Context, keychain string, cert *x509.Certificate) (bool, error) {
	ders, err := t.Certificates(ctx, keychain)
	if err != nil {
		return false, fmt.Errorf("look for %s in %s: %w", chain.Thumbprint(cert), keychain, err)
	}
	return Holds(ders, cert), nil
}

package chain

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"math/big"
)

// KeyType is the kind of key a leaf has. CAs always have ECDSA P-256.
type KeyType string

// The key types. RSA (2048 bits) is the default, because dotnet dev-certs and
// old clients take nothing else; ECDSA (P-256) is made a hundred times faster.
const (
	RSA   KeyType = "rsa"
	ECDSA KeyType = "ecdsa"
)

// Sizes in bits. Go's own TLS refuses RSA keys beyond maxRSABits, because
// verifying with them is a way to keep a peer busy.
const (
	rsaBits    = 2048
	maxRSABits = 8192
	serialBits = 127 // 16 octets whose first bit is never set
)

// ParseKeyType reads "rsa" or "ecdsa".
func ParseKeyType(s string) (KeyType, error) {
	switch k := KeyType(s); k {
	case RSA, ECDSA:
		return k, nil
	}
	return "", fmt.Errorf("key type %q: rsa or ecdsa is expected", s)
}

// newKey makes a leaf's key; RSA when t is empty.
func newKey(t KeyType) (crypto.Signer, error) {
	switch t {
	case RSA, "":
		key, err := rsa.GenerateKey(rand.Reader, rsaBits)
		if err != nil {
			return nil, fmt.Errorf("making an RSA key: %w", err)
		}
		return key, nil
	case ECDSA:
		return newECDSA()
	}
	return nil, fmt.Errorf("making a key of type %q: rsa or ecdsa is expected", t)
}

func newECDSA() (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making an ECDSA key: %w", err)
	}
	return key, nil
}

// checkPublicKey refuses keys that clients refuse or that are too weak: what is
// not RSA of 2048 to 8192 bits or ECDSA on P-256 or P-384. Browsers take no
// Ed25519, and Chrome no P-521.
func checkPublicKey(pub crypto.PublicKey) error {
	switch key := pub.(type) {
	case *rsa.PublicKey:
		if n := key.N.BitLen(); n < rsaBits || n > maxRSABits {
			return fmt.Errorf("an RSA key of %d bits where %d to %d are expected", n, rsaBits, maxRSABits)
		}
		return nil
	case *ecdsa.PublicKey:
		if key.Curve != elliptic.P256() && key.Curve != elliptic.P384() {
			return fmt.Errorf("an ECDSA key on %s where P-256 or P-384 is expected", key.Curve.Params().Name)
		}
		return nil
	case nil: // an algorithm that Go does not know
		return errors.New("a key of another type where RSA or ECDSA is expected")
	}
	return fmt.Errorf("a key of type %T where RSA or ECDSA is expected", pub)
}

// newSerial draws a serial number: positive, and random so that no two
// certificates of one issuer's name share it even across hierarchies.
func newSerial(random io.Reader) (*big.Int, error) {
	if random == nil {
		random = rand.Reader
	}
	octets := make([]byte, (serialBits+7)/8)
	if _, err := io.ReadFull(random, octets); err != nil {
		return nil, fmt.Errorf("drawing a serial number: %w", err)
	}
	octets[0] &= 0x7f
	serial := new(big.Int).SetBytes(octets)
	if serial.Sign() == 0 {
		return nil, errors.New("drawing a serial number: the source of randomness gives zeros only")
	}
	return serial, nil
}

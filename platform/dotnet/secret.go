package dotnet

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/des" //nolint:gosec // what .NET wrote is read as it is
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509/pkix"
	"encoding/asn1"
	"hash"
	"math/big"
	"unicode/utf16"
)

// secret is a password in the two forms in which PKCS#12 uses one.
type secret struct {
	text   string
	bmp    []byte // UTF-16, big endian, with its terminating zero (RFC 7292, appendix B.1)
	rounds *int   // of key derivation that are left
}

func newSecret(password string) secret {
	s := secret{text: password}
	for _, unit := range append(utf16.Encode([]rune(password)), 0) {
		s.bmp = append(s.bmp, byte(unit>>8), byte(unit)) //nolint:gosec // its two halves
	}
	return s
}

// spend takes n rounds off those that are left.
func (s secret) spend(n int) error {
	if n < 1 || n > maxRounds || n > *s.rounds {
		return errCostly
	}
	*s.rounds -= n
	return nil
}

var (
	oidSHA1   = asn1.ObjectIdentifier{1, 3, 14, 3, 2, 26}
	oidSHA256 = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}
	oidSHA384 = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 2}
	oidSHA512 = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 3}

	// With SHA-1: RFC 7292, appendix C.
	oidTripleDES = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 1, 3}
	oidRC2Long   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 1, 5}
	oidRC2Short  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 1, 6}

	oidPBES2  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}
	oidPBKDF2 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 12}
	oidHMAC   = asn1.ObjectIdentifier{1, 2, 840, 113549, 2}
	oidAES    = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1}
)

// digests are the hash functions of a MAC.
func digests(oid asn1.ObjectIdentifier) func() hash.Hash {
	switch {
	case oid.Equal(oidSHA1):
		return sha1.New
	case oid.Equal(oidSHA256):
		return sha256.New
	case oid.Equal(oidSHA384):
		return sha512.New384
	case oid.Equal(oidSHA512):
		return sha512.New
	}
	return nil
}

// verify checks the MAC of a file, which is how a wrong password shows.
func (s secret) verify(mac *macData, message []byte) error {
	digest := digests(mac.Digest.Algorithm.Algorithm)
	if digest == nil {
		return errEncoding
	}
	if err := s.spend(mac.Rounds); err != nil {
		return err
	}
	check := hmac.New(digest, derive(digest, forMAC, s.bmp, mac.Salt, mac.Rounds, digest().Size()))
	check.Write(message)
	if !hmac.Equal(check.Sum(nil), mac.Digest.Value) {
		return errPassword
	}
	return nil
}

// What a key is derived for (RFC 7292, appendix B.3).
const (
	forKey byte = 1
	forIV  byte = 2
	forMAC byte = 3
)

// derive is PKCS#12's own key derivation (RFC 7292, appendix B.2).
func derive(digest func() hash.Hash, purpose byte, password, salt []byte, rounds, size int) []byte {
	h := digest()
	block := h.BlockSize()
	input := append(fill(salt, block), fill(password, block)...)
	var out []byte
	for {
		h.Reset()
		h.Write(bytes.Repeat([]byte{purpose}, block))
		h.Write(input)
		sum := h.Sum(nil)
		for range rounds - 1 {
			h.Reset()
			h.Write(sum)
			sum = h.Sum(sum[:0])
		}
		if out = append(out, sum...); len(out) >= size {
			return out[:size]
		}
		addToBlocks(input, fill(sum, block)[:block])
	}
}

// fill repeats b up to a multiple of block. Of nothing it makes nothing.
func fill(b []byte, block int) []byte {
	size := (len(b) + block - 1) / block * block
	out := make([]byte, 0, size+len(b))
	for len(out) < size {
		out = append(out, b...)
	}
	return out[:size]
}

// addToBlocks adds b + 1 to every block of input, each a big-endian number that
// overflows in silence.
func addToBlocks(input, b []byte) {
	add := new(big.Int).Add(new(big.Int).SetBytes(b), big.NewInt(1))
	modulus := new(big.Int).Lsh(big.NewInt(1), uint(8*len(b)))
	for ; len(input) >= len(b); input = input[len(b):] {
		sum := new(big.Int).SetBytes(input[:len(b)])
		sum.Mod(sum.Add(sum, add), modulus).FillBytes(input[:len(b)])
	}
}

// decrypt undoes the encryptions that .NET reads: triple DES and RC2 with keys of
// PKCS#12's own, and PBES2 with AES.
func (s secret) decrypt(algorithm pkix.AlgorithmIdentifier, data []byte) ([]byte, error) {
	var block cipher.Block
	var iv []byte
	var err error
	switch {
	case algorithm.Algorithm.Equal(oidTripleDES):
		block, iv, err = s.old(algorithm.Parameters.FullBytes, 24, des.NewTripleDESCipher)
	case algorithm.Algorithm.Equal(oidRC2Long):
		block, iv, err = s.old(algorithm.Parameters.FullBytes, 16, anyRC2)
	case algorithm.Algorithm.Equal(oidRC2Short):
		block, iv, err = s.old(algorithm.Parameters.FullBytes, 5, anyRC2)
	case algorithm.Algorithm.Equal(oidPBES2):
		block, iv, err = s.pbes2(algorithm.Parameters.FullBytes)
	default:
		return nil, errEncoding
	}
	if err != nil {
		return nil, err
	}
	if len(iv) != block.BlockSize() || len(data) == 0 || len(data)%block.BlockSize() != 0 {
		return nil, errEncoding
	}
	plain := make([]byte, len(data))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(plain, data)
	pad := int(plain[len(plain)-1])
	if pad == 0 || pad > block.BlockSize() || !bytes.HasSuffix(plain, bytes.Repeat([]byte{plain[len(plain)-1]}, pad)) {
		return nil, errPassword
	}
	return plain[:len(plain)-pad], nil
}

func anyRC2(key []byte) (cipher.Block, error) { return newRC2(key), nil }

// old derives key and vector of a cipher with blocks of eight bytes.
func (s secret) old(parameters []byte, size int, open func([]byte) (cipher.Block, error)) (cipher.Block, []byte, error) {
	var p struct {
		Salt   []byte
		Rounds int
	}
	if !whole(parameters, &p) {
		return nil, nil, errEncoding
	}
	if err := s.spend(p.Rounds); err != nil {
		return nil, nil, err
	}
	block, err := open(derive(sha1.New, forKey, s.bmp, p.Salt, p.Rounds, size))
	return block, derive(sha1.New, forIV, s.bmp, p.Salt, p.Rounds, rc2Block), err
}

// pbes2 is RFC 8018, section 6.2, with PBKDF2 and AES.
func (s secret) pbes2(parameters []byte) (cipher.Block, []byte, error) {
	var p struct{ KDF, Cipher pkix.AlgorithmIdentifier }
	var kdf struct {
		Salt   []byte
		Rounds int
		Size   int                      `asn1:"optional"`
		PRF    pkix.AlgorithmIdentifier `asn1:"optional"`
	}
	if !whole(parameters, &p) || !p.KDF.Algorithm.Equal(oidPBKDF2) || !whole(p.KDF.Parameters.FullBytes, &kdf) {
		return nil, nil, errEncoding
	}
	digest, size := prf(kdf.PRF.Algorithm), keySize(p.Cipher.Algorithm)
	if digest == nil || size == 0 {
		return nil, nil, errEncoding
	}
	if err := s.spend(kdf.Rounds); err != nil {
		return nil, nil, err
	}
	key, err := pbkdf2.Key(digest, s.text, kdf.Salt, kdf.Rounds, size)
	if err != nil {
		return nil, nil, errEncoding
	}
	block, err := aes.NewCipher(key)
	return block, p.Cipher.Parameters.Bytes, err
}

// prf is the hash function of HMAC for PBKDF2, by the last number of its name
// (RFC 8018, appendix B.1.2); SHA-1 where none is given.
func prf(oid asn1.ObjectIdentifier) func() hash.Hash {
	if oid == nil {
		return sha1.New
	}
	last := len(oidHMAC)
	if len(oid) != last+1 || !oid[:last].Equal(oidHMAC) {
		return nil
	}
	return map[int]func() hash.Hash{7: sha1.New, 9: sha256.New, 10: sha512.New384, 11: sha512.New}[oid[last]]
}

// keySize is that of AES in CBC mode, in bytes; 0 for every other cipher.
func keySize(oid asn1.ObjectIdentifier) int {
	last := len(oidAES)
	if len(oid) != last+1 || !oid[:last].Equal(oidAES) {
		return 0
	}
	return map[int]int{2: 16, 22: 24, 42: 32}[oid[last]]
}

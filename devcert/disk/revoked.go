package disk

import (
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/big"
	"slices"
	"time"

	"devcert/devcert/chain"
)

// RevokedFile lists the certificates that were revoked.
const RevokedFile = "revoked.json"

const revokedSchema = 1

// Revocation is one certificate that counts no longer.
type Revocation struct {
	Issuer string // whose list it is on: the issuer's key identifier, in hex
	Name   string // what it was issued as, for people
	chain.Revoked
}

type revokedJSON struct {
	Schema  int              `json:"schema"`
	Number  int              `json:"number"` // grows with every change
	Revoked []revocationJSON `json:"revoked"`
}

type revocationJSON struct {
	Issuer string    `json:"issuer"`
	Serial string    `json:"serial"` // hexadecimal
	At     time.Time `json:"at"`
	Name   string    `json:"name"`
	Hold   bool      `json:"hold,omitempty"`
}

// Revoked reads what was revoked. No file means nothing was, unless the ledger knows
// of one. A file that cannot be understood, is gone or is older than the ledger says
// is an error: to take it for empty would make good what was revoked.
func (f Folder) Revoked() ([]Revocation, error) {
	all, _, err := f.readRevoked(f.knownRevoked())
	return all, err
}

// readRevoked reads a list that is at least the one of the number known.
func (f Folder) readRevoked(known int) ([]Revocation, int, error) {
	data, err := f.Read(RevokedFile)
	var all []Revocation
	number := 0
	switch {
	case err == nil:
		all, number, err = parseRevoked(data)
	case errors.Is(err, fs.ErrNotExist) && known == 0:
		return nil, 0, nil
	case errors.Is(err, fs.ErrNotExist):
		err = errRevokedLost
	}
	if err == nil && number < known {
		err = errRevokedOld
	}
	if err != nil {
		return nil, 0, &revokedError{f.path(RevokedFile), err}
	}
	return all, number, nil
}

var (
	errRevokedLost = errors.New("it is gone, and the ledger knows that something was revoked")
	errRevokedOld  = errors.New("it is older than the ledger says, and may lack what was revoked since")
)

// knownRevoked is the number of the list that the ledger knows of; 0 where it knows
// of none, or cannot be read, which is said elsewhere.
func (f Folder) knownRevoked() int {
	data, err := f.Read(LedgerFile)
	if err != nil {
		return 0
	}
	ledger, err := ParseLedger(data)
	if err != nil {
		return 0
	}
	return ledger.Revoked
}

// revokedError is a list that cannot be relied on. Nothing else says what was on it.
type revokedError struct {
	path string
	err  error
}

func (e *revokedError) Error() string { return "reading " + e.path + ": " + reason(e.err).Error() }
func (e *revokedError) Unwrap() error { return e.err }

// Remedy says what a person can do.
func (*revokedError) Remedy() string {
	return "put it back from a backup; without one, devcert renew --root ends all that was ever issued, and then remove the file if it is there"
}

// maxSerial is how long a serial number may be, in bits: RFC 5280, section 4.1.2.2.
const maxSerial = 20 * 8

// parseRevoked reads the file's bytes: what was revoked, and the list's number.
func parseRevoked(data []byte) ([]Revocation, int, error) {
	var in revokedJSON
	if err := CheckSchema(data, revokedSchema); err != nil {
		return nil, 0, err
	}
	if err := UnmarshalStrict(data, &in); err != nil {
		return nil, 0, err
	}
	if in.Schema != revokedSchema {
		return nil, 0, fmt.Errorf("schema %d never was", in.Schema)
	}
	if in.Number < 0 || in.Number >= math.MaxInt32 {
		return nil, 0, fmt.Errorf("%d is no number of a list", in.Number)
	}
	var all []Revocation
	for i, r := range in.Revoked {
		serial, ok := new(big.Int).SetString(r.Serial, 16)
		if !ok || serial.Sign() <= 0 || serial.BitLen() > maxSerial || r.Issuer == "" || !writable(r.At) {
			return nil, 0, fmt.Errorf("entry %d is not a revoked certificate", i+1)
		}
		all = append(all, Revocation{r.Issuer, r.Name, chain.Revoked{Serial: serial, At: r.At, Hold: r.Hold}})
	}
	return all, in.Number, nil
}

// writable says of an instant that JSON has a form for it (RFC 3339).
func writable(at time.Time) bool {
	year := at.UTC().Year()
	return year > 1 && year <= 9999
}

// WriteRevoked replaces the list. The number is for the ledger to know, once the list
// is safe on disk: see [Ledger].
func (f Folder) WriteRevoked(all []Revocation) (number int, err error) {
	_, before, err := f.readRevoked(f.knownRevoked())
	if err != nil {
		return 0, err // what it was must not be written over
	}
	out := revokedJSON{Schema: revokedSchema, Number: before + 1, Revoked: []revocationJSON{}}
	for _, r := range all {
		out.Revoked = append(out.Revoked, revocationJSON{r.Issuer, r.Serial.Text(16), r.At.UTC().Truncate(time.Second), r.Name, r.Hold})
	}
	data, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return 0, err
	}
	return out.Number, f.Write(RevokedFile, append(data, '\n'), PrivateMode)
}

// RevokedBy are those on the list of an issuer.
func RevokedBy(all []Revocation, issuer *x509.Certificate) []chain.Revoked {
	id := hex.EncodeToString(issuer.SubjectKeyId)
	var out []chain.Revoked
	for _, r := range all {
		if r.Issuer == id {
			out = append(out, r.Revoked)
		}
	}
	return out
}

// IsRevoked says whether cert is among all.
func IsRevoked(all []Revocation, cert *x509.Certificate) bool {
	issuer := hex.EncodeToString(cert.AuthorityKeyId)
	return slices.ContainsFunc(all, func(r Revocation) bool { return r.Issuer == issuer && r.Serial.Cmp(cert.SerialNumber) == 0 })
}

// Revoke is the entry of cert, which was issued as name.
func Revoke(name string, cert *x509.Certificate, now time.Time) Revocation {
	return Revocation{hex.EncodeToString(cert.AuthorityKeyId), name, chain.Revoked{Serial: cert.SerialNumber, At: now}}
}

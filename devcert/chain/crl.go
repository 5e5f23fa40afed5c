package chain

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"
)

// Revoked is one certificate that its issuer no longer stands for.
type Revoked struct {
	Serial *big.Int
	At     time.Time // since when
	// Hold says that it may be good again later: the reason is certificateHold, the
	// one that lets an entry leave the list (RFC 5280, section 5.3.1).
	Hold bool
}

// certificateHold is its number in a list's entry.
const certificateHold = 6

// SignCRL makes the issuer's revocation list (RFC 5280, section 5; DER), good
// until now + life. Its number is the time in Unix seconds, so that of two lists
// the later one has the higher number without anybody keeping count. It starts
// an hour back, as certificates do, and no revocation is dated later than that:
// a list does not tell the future.
//
// It is an error to give no time, no life, no serial number or no date, or an
// issuer whose key is not its own or that may not sign revocation lists.
func SignCRL(issuer Pair, revoked []Revoked, now time.Time, life time.Duration) ([]byte, error) {
	switch {
	case !SameKey(issuer.Cert, issuer.Key):
		return nil, errors.New("signing a revocation list: the issuer's key is not that of its certificate")
	case issuer.Cert.KeyUsage&x509.KeyUsageCRLSign == 0:
		return nil, fmt.Errorf("signing a revocation list: %q may not sign any", issuer.Cert.Subject.CommonName)
	case now.IsZero():
		return nil, errors.New("signing a revocation list: no time was given")
	case life <= 0:
		return nil, errors.New("signing a revocation list: it would be out of date at once")
	}
	start := seconds(now).Add(-Backdate)
	entries, err := revocations(revoked, start)
	if err != nil {
		return nil, err
	}
	return signCRL(issuer, x509.RevocationList{
		Number:                    big.NewInt(now.Unix()),
		ThisUpdate:                start,
		NextUpdate:                seconds(now.Add(life)),
		RevokedCertificateEntries: entries,
	})
}

// revocations are the entries of a list, each serial number once: the second of
// two that claim the same would be ignored by some readers and fatal to others.
func revocations(revoked []Revoked, start time.Time) ([]x509.RevocationListEntry, error) {
	entries := make([]x509.RevocationListEntry, 0, len(revoked))
	listed := map[string]bool{}
	for _, r := range revoked {
		if r.Serial == nil || r.Serial.Sign() <= 0 || r.At.IsZero() {
			return nil, errors.New("signing a revocation list: a certificate without serial number or date of revocation")
		}
		if listed[r.Serial.String()] {
			continue
		}
		listed[r.Serial.String()] = true
		at := seconds(r.At)
		if at.After(start) {
			at = start
		}
		entry := x509.RevocationListEntry{SerialNumber: r.Serial, RevocationTime: at}
		if r.Hold {
			entry.ReasonCode = certificateHold
		}
		entries = append(entries, entry)
	}
	return entries, nil
}

// emptyCRL is the list that a root signs before its key is gone, and so must
// last as long as the root.
func emptyCRL(root Pair) ([]byte, error) {
	return signCRL(root, x509.RevocationList{
		Number:     big.NewInt(1),
		ThisUpdate: root.Cert.NotBefore,
		NextUpdate: root.Cert.NotAfter,
	})
}

// maxCRL is the size limit in bytes of a list that CheckCRL takes: some hundred
// revoked certificates, where a developer has a few.
const maxCRL = 16 << 10

// CheckCRL parses a revocation list in DER and says why it is not one that issuer
// signed in the form that [SignCRL] gives it: complete, about nothing but
// certificates of issuer's, and with no extension but the issuer's key, the number
// and the reason of a hold. Its dates are not looked at.
func CheckCRL(der []byte, issuer *x509.Certificate) (*x509.RevocationList, error) {
	if len(der) > maxCRL {
		return nil, fmt.Errorf("a revocation list of %d bytes, at most %d", len(der), maxCRL)
	}
	list, err := x509.ParseRevocationList(der)
	if err != nil {
		return nil, fmt.Errorf("not a revocation list: %w", err)
	}
	name := issuer.Subject.CommonName
	switch {
	case !bytes.Equal(list.Raw, der):
		return nil, errors.New("bytes after the revocation list")
	case !bytes.Equal(list.RawIssuer, issuer.RawSubject) || !bytes.Equal(list.AuthorityKeyId, issuer.SubjectKeyId):
		return nil, fmt.Errorf("not a revocation list of %q", name)
	}
	if err := list.CheckSignatureFrom(issuer); err != nil {
		return nil, fmt.Errorf("a revocation list without valid signature by %q: %w", name, err)
	}
	// RFC 5280, section 5.2: what limits a list to some certificates, or makes it
	// the difference to another one, is an extension.
	extended := func(e x509.RevocationListEntry) bool {
		held := len(e.Extensions) == 1 && e.ReasonCode == certificateHold
		return len(e.Extensions) > 0 && !held
	}
	if len(list.Extensions) != 2 || list.Number == nil || slices.ContainsFunc(list.RevokedCertificateEntries, extended) {
		return nil, fmt.Errorf("a revocation list of %q with extensions that devcert gives none", name)
	}
	return list, nil
}

func signCRL(issuer Pair, list x509.RevocationList) ([]byte, error) {
	der, err := x509.CreateRevocationList(rand.Reader, &list, issuer.Cert, issuer.Key)
	if err != nil {
		return nil, fmt.Errorf("signing the revocation list of %q: %w", issuer.Cert.Subject.CommonName, err)
	}
	return der, nil
}

// CRLName is the file under CRLBase/ID/ in which issuer can revoke what it has
// signed, and "" where issuer does not have the name of a CA of ours. What
// [NewClient] makes names that list; a server's leaf names none, but for
// [FlawRevoked].
func CRLName(issuer *x509.Certificate) string {
	ca, _, _ := authorityIn(issuer.Subject.CommonName)
	return ca.revokes
}

package disk

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"devcert/devcert/chain"
)

// ledgerSchema is the newest form of the ledger this program understands.
const ledgerSchema = 1

// Ledger is what devcert has put outside its folder on this machine, recorded
// before it acts, so that a killed run is found and undone by the next.
type Ledger struct {
	Machine string  // which machine and user; see Owner in package devcert
	Entries []Entry // in the order they were made
	// Offered are clients' certificates that were put, with their keys, where a
	// client offers them; Store is the name of that kind of client.
	Offered []Entry
	// Exposed are key identifiers (hex) of intermediate keys that others could
	// once read. Taking the permission away later does not make them secret.
	Exposed []string
	// Revoked is the number of the list of what was revoked, as it was last written:
	// 0 for none. A list that is gone or older than that has lost something.
	Revoked int
	// Leaving says that an uninstall was begun, and nothing since then to stay.
	Leaving bool
}

// Entry is one certificate in one store.
type Entry struct {
	Store string
	Cert  *x509.Certificate
	Since time.Time
}

// Record adds an entry unless the same certificate in the same store is there.
func (l *Ledger) Record(store string, cert *x509.Certificate, now time.Time) {
	if !l.Has(store, cert) {
		l.Entries = append(l.Entries, Entry{Store: store, Cert: cert, Since: now.UTC().Truncate(time.Second)})
	}
}

// Forget removes the entry of cert in store.
func (l *Ledger) Forget(store string, cert *x509.Certificate) {
	l.Entries = slices.DeleteFunc(l.Entries, func(e Entry) bool { return e.Store == store && e.Cert.Equal(cert) })
}

// RecordOffered is Record for a certificate that a client is to offer.
func (l *Ledger) RecordOffered(client string, cert *x509.Certificate, now time.Time) {
	there := func(e Entry) bool { return e.Store == client && e.Cert.Equal(cert) }
	if !slices.ContainsFunc(l.Offered, there) {
		l.Offered = append(l.Offered, Entry{Store: client, Cert: cert, Since: now.UTC().Truncate(time.Second)})
	}
}

// ForgetOffered removes that entry.
func (l *Ledger) ForgetOffered(client string, cert *x509.Certificate) {
	l.Offered = slices.DeleteFunc(l.Offered, func(e Entry) bool { return e.Store == client && e.Cert.Equal(cert) })
}

// Has says whether devcert put cert into store; the empty store means any.
func (l *Ledger) Has(store string, cert *x509.Certificate) bool {
	return slices.ContainsFunc(l.Entries, func(e Entry) bool {
		return (store == "" || e.Store == store) && e.Cert.Equal(cert)
	})
}

// Empty says that there is nothing to remember.
func (l *Ledger) Empty() bool {
	return len(l.Entries)+len(l.Offered)+len(l.Exposed)+l.Revoked == 0 && !l.Leaving
}

type ledgerJSON struct {
	Schema  int         `json:"schema"`
	Machine string      `json:"machine"`
	Entries []entryJSON `json:"entries"`
	Offered []entryJSON `json:"offered,omitempty"`
	Exposed []string    `json:"exposed,omitempty"`
	Revoked int         `json:"revoked,omitempty"`
	Leaving bool        `json:"leaving,omitempty"`
}

type entryJSON struct {
	Store       string    `json:"store"`
	Certificate string    `json:"certificate"` // PEM: enough to remove it when all else is lost
	Since       time.Time `json:"since"`
}

// Encode gives the ledger's file.
func (l *Ledger) Encode() ([]byte, error) {
	out := ledgerJSON{Schema: ledgerSchema, Machine: l.Machine, Entries: []entryJSON{}, Exposed: l.Exposed, Revoked: l.Revoked, Leaving: l.Leaving}
	for _, e := range l.Entries {
		out.Entries = append(out.Entries, e.json())
	}
	for _, e := range l.Offered {
		out.Offered = append(out.Offered, e.json())
	}
	data, err := json.MarshalIndent(out, "", "  ")
	return append(data, '\n'), err
}

// ParseLedger reads a ledger's file. Certificates that are not of devcert's
// profile make it damaged: nothing else was ever written there, and what stands in a
// ledger is removed from stores.
func ParseLedger(data []byte) (*Ledger, error) {
	var in ledgerJSON
	if err := CheckSchema(data, ledgerSchema); err != nil {
		return nil, err
	}
	if err := UnmarshalStrict(data, &in); err != nil {
		return nil, err
	}
	if in.Schema < ledgerSchema {
		return nil, fmt.Errorf("schema %d never was", in.Schema)
	}
	l := &Ledger{Machine: in.Machine, Exposed: in.Exposed, Revoked: in.Revoked, Leaving: in.Leaving}
	var err error
	if l.Entries, err = parseEntries(in.Entries, func(p chain.Part) bool { return p != chain.PartClient }); err != nil {
		return nil, err
	}
	l.Offered, err = parseEntries(in.Offered, func(p chain.Part) bool { return p == chain.PartClient })
	return l, err
}

func (e Entry) json() entryJSON {
	return entryJSON{e.Store, string(chain.EncodeCertificates(e.Cert)), e.Since}
}

func parseEntries(list []entryJSON, fits func(chain.Part) bool) ([]Entry, error) {
	var out []Entry
	for i, e := range list {
		certs, err := chain.ParseCertificates([]byte(e.Certificate))
		if err != nil || len(certs) != 1 || e.Store == "" {
			return nil, fmt.Errorf("entry %d is not one certificate in one store", i+1)
		}
		_, part, err := chain.CheckPart(certs[0].Raw)
		if err != nil {
			return nil, fmt.Errorf("entry %d: %w", i+1, err)
		}
		if !fits(part) {
			return nil, fmt.Errorf("entry %d: a %s does not belong there", i+1, part)
		}
		out = append(out, Entry{e.Store, certs[0], e.Since})
	}
	return out, nil
}

// ErrSchema is returned for a file that a newer program wrote. It is not
// damaged: it must be neither replaced nor guessed at.
var ErrSchema = errors.New("written by a newer devcert")

// CheckSchema returns ErrSchema for a document whose schema is past newest, and
// nil for everything else, JSON or not: judging that is the reader's.
func CheckSchema(data []byte, newest int) error {
	var head struct {
		Schema int `json:"schema"`
	}
	if json.Unmarshal(data, &head) == nil && head.Schema > newest {
		return fmt.Errorf("schema %d: %w", head.Schema, ErrSchema)
	}
	return nil
}

// UnmarshalStrict is json.Unmarshal that refuses fields nobody knows and
// anything after the document: either means that devcert did not write it.
func UnmarshalStrict(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return InPlainWords(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the document")
	}
	return nil
}

// InPlainWords replaces what encoding/json says of a value of the wrong kind,
// which names Go's types and would be read by who looks into the file.
func InPlainWords(err error) error {
	var wrong *json.UnmarshalTypeError
	if !errors.As(err, &wrong) {
		return err
	}
	if wrong.Field == "" {
		return fmt.Errorf("it cannot be a JSON %s", wrong.Value)
	}
	return fmt.Errorf("%s cannot be a JSON %s", wrong.Field, wrong.Value)
}

package firefox

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"devcert/devcert/chain"
	"devcert/devcert/disk"
	"devcert/platform/securefile"
)

const (
	// machineFolder is devcert's folder of the machine.
	machineFolder = "/var/lib/devcert"
	// ledgerName is the file in it that remembers what the policies were.
	ledgerName = "firefox-policies.json"
)

// ledger is what devcert has done to the policies, for whoever undoes it. No path
// in it is ever followed.
type ledger struct {
	Schema int `json:"schema"`
	// Roots are the fingerprints of those on whose behalf the module is there: each
	// user of the machine may have one.
	Roots []string `json:"roots"`
	// Kept is how many of the keys that lead to the module were there before.
	Kept int `json:"kept"`
	// Created says that there was no file of policies; Copied is then the SHA-256 of
	// the installation's own, which devcert began with so that they go on being
	// followed.
	Created bool   `json:"created,omitempty"`
	Copied  string `json:"copied,omitempty"`
	// Blank is what was in a file that held nothing, as Firefox sees it.
	Blank *string `json:"blank,omitempty"`
	// Folders is how many folders were made for it: policies, and the one it is in.
	Folders int `json:"folders,omitempty"`
}

const ledgerSchema = 1

func (l *ledger) add(root *x509.Certificate) {
	if id := chain.Fingerprint(root); !slices.Contains(l.Roots, id) {
		l.Roots = append(l.Roots, id)
	}
}

func (l *ledger) drop(root *x509.Certificate) {
	id := chain.Fingerprint(root)
	l.Roots = slices.DeleteFunc(l.Roots, func(r string) bool { return r == id })
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// ledgerError is a ledger that cannot be used.
func ledgerError(path string, err error) error {
	return &problem{
		"read what Firefox's policies were before devcert", err,
		"see what is in " + path + ", mend " + policyFile + " by hand if need be, and remove it as root",
	}
}

// readLedger reads the ledger, which is empty where there is none. The folder is
// claimed, and only root can write there.
func readLedger(folder string) (*ledger, error) {
	path := filepath.Join(folder, ledgerName)
	data, err := disk.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return &ledger{Schema: ledgerSchema}, nil
	}
	if err != nil {
		return nil, ledgerError(path, err)
	}
	l, err := parseLedger(data)
	if err != nil {
		return nil, ledgerError(path, err)
	}
	return l, nil
}

func parseLedger(data []byte) (*ledger, error) {
	var l ledger
	if err := json.Unmarshal(data, &l); err != nil {
		return nil, err
	}
	if l.Schema != ledgerSchema {
		return nil, fmt.Errorf("its schema is %d, not %d", l.Schema, ledgerSchema)
	}
	return &l, nil
}

// write keeps the ledger, durably: what it says is about to be done.
func (l *ledger) write(folder string) error {
	path := filepath.Join(folder, ledgerName)
	data, err := json.MarshalIndent(l, "", "  ")
	if err == nil {
		err = disk.WriteFile(securefile.Files{}, path, append(data, '\n'), disk.PrivateMode)
	}
	if err != nil {
		return fmt.Errorf("record what Firefox's policies were before devcert: %w", err)
	}
	return nil
}

func removeLedger(folder string) error {
	err := os.Remove(filepath.Join(folder, ledgerName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forget what Firefox's policies were before devcert: %w", err)
	}
	return nil
}

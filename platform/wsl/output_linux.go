package wsl

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// place is one of Windows' stores.
type place string

// The stores that are looked into. What a user's programs see of CurrentUser is
// what LocalMachine has too.
const (
	userRoot      place = `CurrentUser\Root`
	machineRoot   place = `LocalMachine\Root`
	userBanned    place = `CurrentUser\Disallowed`
	machineBanned place = `LocalMachine\Disallowed`
)

const (
	lookFirst = "devcert look 1" // the first line of what look.ps1 writes
	lookLast  = "end "           // the last, before a number
	sequence  = 0x30             // the first byte of every certificate
)

// entry is a certificate in one of them.
type entry struct {
	in  place
	der []byte
}

// failedError is what Windows said of a change that it did not make, or of a look.
type failedError struct{ number uint32 }

// The numbers that are told apart, as .NET has them (winerror.h).
const (
	accessDenied = 0x80070005
	cancelled    = 0x800704C7 // ERROR_CANCELLED: the person said no
)

func (e *failedError) Error() string {
	switch e.number {
	case accessDenied:
		return "windows denies access (0x80070005)"
	case cancelled:
		return "the person whom Windows asked said no"
	}
	return fmt.Sprintf("windows' error 0x%08X", e.number)
}

// lines splits what a script wrote, which ends each of them as Windows does. All
// of it is printable ASCII: whatever else came is no script's of ours.
func lines(out []byte) ([]string, error) {
	text := strings.ReplaceAll(string(out), "\r\n", "\n")
	if strings.ContainsFunc(text, func(r rune) bool { return r != '\n' && (r < ' ' || r > '~') }) {
		return nil, errors.New("powershell.exe wrote other things than it was told to")
	}
	text, whole := strings.CutSuffix(text, "\n")
	if !whole {
		return nil, errors.New("what powershell.exe wrote has no end")
	}
	return strings.Split(text, "\n"), nil
}

// parseLook reads what look.ps1 wrote: a first line, one per certificate with the
// store it is in, and a last one that counts them.
func parseLook(out []byte) ([]entry, error) {
	all, err := lines(out)
	if err != nil {
		return nil, err
	}
	last := len(all) - 1
	if err := parseFailed(all[last]); err != nil {
		return nil, err
	}
	if all[0] != lookFirst || last == 0 || all[last] != lookLast+strconv.Itoa(last-1) {
		return nil, errors.New("powershell.exe wrote something else than a list of certificates")
	}
	entries := make([]entry, 0, last-1)
	for _, line := range all[1:last] {
		e, err := parseEntry(line)
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, nil
}

func parseEntry(line string) (entry, error) {
	in, text, _ := strings.Cut(line, " ")
	switch e := (entry{in: place(in)}); e.in {
	case userRoot, machineRoot, userBanned, machineBanned:
		der, err := base64.StdEncoding.Strict().DecodeString(text)
		if err != nil || len(der) == 0 || der[0] != sequence {
			return entry{}, fmt.Errorf("what powershell.exe lists in %s is no certificate", in)
		}
		e.der = der
		return e, nil
	}
	return entry{}, errors.New("powershell.exe lists a certificate in a store that it was not asked about")
}

// parseChange reads what add.ps1 and remove.ps1 wrote: one line.
func parseChange(out []byte) error {
	all, err := lines(out)
	if err != nil {
		return err
	}
	if err := parseFailed(all[0]); err != nil {
		return err
	}
	if len(all) != 1 || all[0] != "done" {
		return errors.New("powershell.exe did not say what became of it")
	}
	return nil
}

// parseFailed is the error that a line is about; nil for every other line.
func parseFailed(line string) error {
	text, is := strings.CutPrefix(line, "failed ")
	if !is || len(text) != 8 {
		return nil
	}
	number, err := strconv.ParseUint(text, 16, 32)
	if err != nil {
		return nil
	}
	return &failedError{uint32(number)}
}

package winstore

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
)

// The error numbers that are told apart here. Their texts are translated by
// Windows, so that only the numbers mean anything.
const (
	errorFileNotFound   = 2
	errorAccessDenied   = 5
	errorNoMoreFiles    = 18
	errorPassword       = 86
	errorCancelled      = 1223
	nteBadPublicKey     = 0x80090015
	nteBadKeyset        = 0x80090016
	nteNoKey            = 0x8009000D
	ntePerm             = 0x80090010
	nteSilentContext    = 0x80090022
	nteNotFound         = 0x80090011
	nteBadKeyState      = 0x8009000B
	nteKeysetEntryBad   = 0x8009001A
	cryptNotFound       = 0x80092004
	cryptExists         = 0x80092005
	cryptNoKeyProperty  = 0x8009200B
	cryptBadEncode      = 0x80092002
	cryptASN1BadTag     = 0x8009310B
	cancelledByUser     = 0x8010006E // SCARD_W_CANCELLED_BY_USER: key protected by a dialog
	hresultOfWin32      = 0x80070000
	hresultFacilityMask = 0xFFFF0000
)

// words say what a number means and what to do; both may be empty.
type words struct{ meaning, remedy string }

var known = map[uint32]words{
	errorFileNotFound:  {"there is no such store", ""},
	errorAccessDenied:  {"access denied", "run it as administrator"},
	errorPassword:      {"the password does not open it", ""},
	errorCancelled:     {"the person who was asked said no", "answer yes when Windows asks about the certificate, or use LocalMachine\\Root, which asks nothing"},
	ntePerm:            {"access to the key denied", "run it as administrator, or as the user whom the key belongs to"},
	nteBadKeyset:       {"the private key is not there, or not for this user to open", "run devcert repair as administrator"},
	nteNoKey:           {"the private key is not there", "run devcert repair"},
	nteNotFound:        {"the private key is not there", "run devcert repair"},
	nteBadPublicKey:    {"the private key is another certificate's", "run devcert repair"},
	nteSilentContext:   {"the private key opens only after asking a person", "import it again without strong protection"},
	nteBadKeyState:     {"the private key cannot be decrypted by this user", "run devcert repair"},
	nteKeysetEntryBad:  {"the private key is damaged", "run devcert repair"},
	cryptNotFound:      {"not there", ""},
	cryptExists:        {"another certificate with the same issuer and serial number is there", "look at it in certlm.msc or certmgr.msc, and remove it there if it is not needed"},
	cryptNoKeyProperty: {"no private key was ever linked to it", "run devcert repair"},
	cryptBadEncode:     {"not a PKCS#12 file that this Windows can read", ""},
	cryptASN1BadTag:    {"not a certificate", ""},
	cancelledByUser:    {"the person who was asked said no", "answer yes when Windows asks"},
}

// Error is an attempt on a store that failed. On Windows it unwraps to the
// windows.Errno it came from, whose text is translated: print this one.
//
// errors.Is(err, windows.ERROR_ACCESS_DENIED) also holds for the other numbers
// that say so, errors.Is(err, windows.ERROR_CANCELLED) for those by which a
// person said no.
type Error struct {
	Op     string // what was tried: "add to", "open"
	Store  string // on what: LocalMachine\Root
	Number uint32 // Windows' error number; 0 when it is not Windows' error
	Remedy string // what to do next; "" when nothing is known
	Err    error  // never nil
}

func (e *Error) Error() string {
	what := strings.TrimSpace(e.Op + " " + e.Store)
	if e.Number == 0 {
		return what + ": " + e.Err.Error()
	}
	if w := known[win32(e.Number)]; w.meaning != "" {
		return fmt.Sprintf("%s: %s (%s)", what, w.meaning, numeral(e.Number))
	}
	return fmt.Sprintf("%s: %v (%s)", what, e.Err, numeral(e.Number))
}

func (e *Error) Unwrap() error { return e.Err }

// Is lets the aliases of a number stand for it.
func (e *Error) Is(target error) bool {
	errno, ok := target.(syscall.Errno)
	return ok && e.Number != 0 && canonical(e.Number) == uint32(errno) // #nosec G115: Windows' numbers have 32 bits
}

// canonical is the Win32 number for those that mean the same in other words.
func canonical(number uint32) uint32 {
	switch number {
	case ntePerm:
		return errorAccessDenied
	case cancelledByUser:
		return errorCancelled
	}
	return win32(number)
}

// win32 takes the Win32 number out of the HRESULT that crypt32 and .NET wrap
// some of them in: 0x80070005 is 5.
func win32(number uint32) uint32 {
	if number&hresultFacilityMask == hresultOfWin32 {
		return number &^ uint32(hresultFacilityMask)
	}
	return number
}

// numeral writes a number the way people search for it.
func numeral(number uint32) string {
	if number < 1<<16 {
		return fmt.Sprint(number)
	}
	return fmt.Sprintf("0x%08x", number)
}

// fail makes an *Error of what a call of Windows returned, nil of nil.
func fail(op string, s Store, err error) error {
	if err == nil {
		return nil
	}
	e := &Error{Op: op, Store: s.String(), Number: numberOf(err), Err: err}
	e.Remedy = known[win32(e.Number)].remedy
	return e
}

// Package syscall gives numbers of its own to the errors that Unix has; EINVAL
// stands for a failure of which Windows gave no reason.
const (
	inventedFirst = 1 << 29
	inventedLast  = 1<<30 - 1
)

// numberOf is the error number in err; 0 when there is none.
func numberOf(err error) uint32 {
	var e *Error
	if errors.As(err, &e) {
		return e.Number
	}
	var errno syscall.Errno
	if errors.As(err, &errno) && (errno < inventedFirst || errno > inventedLast) {
		return uint32(errno) // #nosec G115: Windows' numbers have 32 bits
	}
	return 0
}

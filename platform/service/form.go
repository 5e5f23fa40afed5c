package service

import (
	"bytes"

	"devcert/devcert"
)

// whose says who made a file that stands where a service's belongs.
type whose int

const (
	nobodys whose = iota // there is none
	made                 // by devcert, and as it was written
	changed              // by devcert, and by a person since
	foreign
	unread // nobody knows
)

// form is one way of writing a service down.
type form struct {
	marker string // only devcert's have it
	write  func(devcert.Service) ([]byte, error)
	read   func([]byte) (devcert.Service, bool)
}

// judge says whose data is. A service that a person changed is read as far as it
// can be.
func (f form) judge(data []byte) (devcert.Service, whose) {
	if !bytes.Contains(data, []byte(f.marker)) {
		return devcert.Service{}, foreign
	}
	s, ok := f.read(data)
	if !ok {
		return devcert.Service{}, changed
	}
	if again, err := f.write(s); err != nil || !bytes.Equal(again, data) {
		return s, changed
	}
	return s, made
}

// foreignError is something in the place of a service that devcert did not make.
type foreignError struct{ path string }

func (e *foreignError) Error() string { return e.path + " is not devcert's, and stays" }

// Remedy says what a person can do.
func (e *foreignError) Remedy() string { return "move it away or remove it" }

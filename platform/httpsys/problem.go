package httpsys

import (
	"errors"
	"io/fs"

	"devcert/devcert"
)

// problem is an error as the rest of devcert takes it: with the remedy as a
// method, which also crosses the pipe to and from the privileged child.
type problem struct {
	err    error
	remedy string
	is     error // a sentinel of package devcert; may be nil
}

func (p *problem) Error() string { return p.err.Error() }

// Remedy says what to do next.
func (p *problem) Remedy() string { return p.remedy }

func (p *problem) Unwrap() []error {
	if p.is == nil {
		return []error{p.err}
	}
	return []error{p.err, p.is}
}

// explained gives an error its remedy, where an *Error has one, and the sentinel
// of missing rights.
func explained(err error) error {
	if err == nil {
		return nil
	}
	p := &problem{err: err}
	var remedied interface{ Remedy() string }
	var failed *Error
	switch {
	case errors.As(err, &failed):
		p.remedy = failed.Remedy
	case errors.As(err, &remedied):
		p.remedy = remedied.Remedy()
	}
	if errors.Is(err, fs.ErrPermission) {
		p.is = devcert.ErrNeedsAdmin
	}
	if p.is == nil && p.remedy == "" {
		return err
	}
	return p
}

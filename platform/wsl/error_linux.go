package wsl

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"syscall"

	"devcert/devcert"
	"devcert/platform/run"
)

// problem is what was tried, why it failed and what a person can do.
type problem struct {
	what   string
	err    error
	remedy string
}

func (e *problem) Error() string { return e.what + ": " + reason(e.err) }
func (e *problem) Unwrap() error { return e.err }

// Remedy says what a person can do.
func (e *problem) Remedy() string { return e.remedy }

// reason leaves out of a failed command the script, which is long and encoded.
func reason(err error) string {
	var ran *run.Error
	var path *fs.PathError
	switch {
	case errors.As(err, &ran) && errors.Is(err, syscall.ENOEXEC):
		return filepath.Base(ran.Command[0]) + " cannot be started: WSL has not told the kernel of Windows' programs"
	case errors.As(err, &ran):
		return filepath.Base(ran.Command[0]) + ": " + ran.Reason()
	case errors.As(err, &path):
		return path.Path + ": " + path.Err.Error()
	}
	return err.Error()
}

// declined is the error of a change that needs a person's yes.
type declined struct{ why string }

func (e *declined) Error() string { return e.why }
func (e *declined) Unwrap() error { return devcert.ErrDeclined }

// unanswered makes one of a dialog that was closed, or that nobody answered.
func unanswered(err error) error {
	var failed *failedError
	switch {
	case errors.As(err, &failed) && failed.number == cancelled:
		return &declined{failed.Error()}
	case errors.Is(err, context.DeadlineExceeded):
		return &declined{"nobody answered the dialog of Windows', which may still be open"}
	}
	return err
}

package cli

import (
	"errors"
	"slices"
	"strings"

	"devcert/devcert"
)

// Exit codes; scripts rely on them.
const (
	exitOK        = 0
	exitFailed    = 1
	exitUsage     = 2
	exitAttention = 3
	exitAdmin     = 4
	exitPerson    = 5
	exitPartial   = 6
)

// precedence orders the codes where several apply.
var precedence = []int{exitUsage, exitFailed, exitPerson, exitAdmin, exitPartial, exitAttention}

// errAttention says that a finding stands or that something would be changed.
// It has been printed.
var errAttention = errors.New("attention is needed")

// exitCode is the one place where errors become exit codes.
func exitCode(err error) int {
	codes := codesOf(err)
	for _, code := range precedence {
		if slices.Contains(codes, code) {
			return code
		}
	}
	return exitOK
}

func codesOf(err error) []int {
	if err == nil {
		return nil
	}
	if done, ok := err.(printedError); ok { //nolint:errorlint // only at the top: an error around it may have more codes
		return codesOf(done.error)
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var codes []int
		for _, e := range joined.Unwrap() {
			codes = append(codes, codesOf(e)...)
		}
		return codes
	}
	var usage *devcert.UsageError
	var partial *devcert.PartialError
	switch {
	case errors.As(err, &usage):
		return []int{exitUsage}
	case errors.Is(err, devcert.ErrDeclined):
		return []int{exitPerson}
	case errors.Is(err, devcert.ErrNeedsAdmin):
		return []int{exitAdmin}
	case errors.As(err, &partial):
		return []int{exitPartial}
	case errors.Is(err, errAttention):
		return []int{exitAttention}
	}
	return []int{exitFailed}
}

// finish prints an error that has not been printed and returns the exit code.
func (p *program) finish(err error) int {
	if p.json && exitCode(err) != exitOK && !printed(err) {
		p.printJSON(nil, err)
	} else if err != nil && !errors.Is(err, errAttention) && !printed(err) {
		printError(p.streams.Err, err)
	}
	if p.out.err != nil && !readerGone(p.out.err) {
		printError(p.streams.Err, p.out.err)
	}
	return exitCode(errors.Join(err, p.out.err))
}

// printedError marks an error whose text a person or script already has.
type printedError struct{ error }

func (e printedError) Unwrap() error { return e.error }

func printed(err error) bool {
	var p printedError
	return errors.As(err, &p)
}

func asPrinted(err error) error {
	if err == nil {
		return nil
	}
	return printedError{err}
}

// needsYes is the error of a question that there was nobody to ask.
type needsYes struct{ question, command string }

func (e *needsYes) Error() string {
	question := strings.TrimSuffix(e.question, ".")
	return "this needs a yes, and here is nobody to ask: " + strings.ToLower(question[:1]) + question[1:]
}

func (e *needsYes) Unwrap() error { return devcert.ErrDeclined }

func (e *needsYes) Remedy() string { return "to say it:  " + e.command }

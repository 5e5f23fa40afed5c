package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// output is where results go. It remembers the first failure: who sends a result
// to a full disk must not take the exit code for a success.
type output struct {
	io.Writer
	err error
}

func (o *output) Write(data []byte) (int, error) {
	n, err := o.Writer.Write(data)
	if o.err == nil && err != nil {
		var inFile *fs.PathError // it names a file that nobody gave
		if errors.As(err, &inFile) {
			err = inFile.Err
		}
		o.err = fmt.Errorf("writing to standard output: %w", err)
	}
	return n, err
}

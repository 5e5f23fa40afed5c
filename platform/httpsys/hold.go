package httpsys

import (
	"bytes"
	"errors"
	"io"
	"os"
)

// hold keeps a script as it was written until the file it returns is closed.
// Where the folder is that of a user whose other programs have fewer rights than
// this one, they could otherwise put their own lines in before netsh reads it.
//
// A file can be shut to writers only by opening it, so what was put in before
// that is found by reading it again.
func hold(path string, written []byte) (*os.File, error) {
	file, err := openForNoWriter(path)
	if err != nil {
		return nil, err
	}
	found, err := io.ReadAll(io.LimitReader(file, int64(len(written))+1))
	if err == nil && !bytes.Equal(found, written) {
		err = errors.New("another program has changed it")
	}
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return file, nil
}

package java

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// maxFile is the size of a keystore that is read at most, in bytes. Those that
// Java is shipped with are below 200 KiB.
const maxFile = 8 << 20

// read returns what a regular file holds. It opens nothing else: a FIFO would
// make it wait, and a device may do anything.
func read(path string) ([]byte, fs.FileInfo, error) {
	if info, err := os.Stat(path); err != nil {
		return nil, nil, err
	} else if !info.Mode().IsRegular() {
		return nil, info, fmt.Errorf("%s is not a regular file", path)
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxFile {
		return nil, info, fmt.Errorf("%s is not a regular file of at most %d MiB", path, maxFile>>20)
	}
	// With less room to spare than this a Buffer moves to one twice as large.
	buffer := bytes.NewBuffer(make([]byte, 0, info.Size()+bytes.MinRead))
	if _, err := io.Copy(buffer, io.LimitReader(f, maxFile)); err != nil {
		return nil, info, err
	}
	return buffer.Bytes(), info, nil
}

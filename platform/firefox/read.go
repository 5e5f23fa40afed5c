package firefox

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"devcert/platform/nss"
)

// maxFile is the size of a file that is read at most, in bytes. A prefs.js of many
// years has a few hundred KiB.
const maxFile = 16 << 20

// read returns what a regular file, or a link to one, holds. It opens nothing
// else: a FIFO would make it wait.
func read(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("%s is larger than %d MiB", path, maxFile>>20)
	}
	if err != nil {
		return nil, err
	}
	return data, nil
}

// again ends the remedies that let the same command succeed.
const again = ", then run the same command again"

// unreadable says what to do about a file that is there and cannot be read. For
// one that is kept from us, chmod says what to give us rights with: a folder on the
// way may be what has to be opened.
func unreadable(path string, err error, chmod func(right, path string) string) string {
	switch {
	case !errors.Is(err, fs.ErrPermission):
		return "see whether " + path + " is a file on a disk that works, or move it away" + again
	case runtime.GOOS == "windows":
		return "give yourself the right to read " + path + again
	}
	right, closed := "r", path
	for at := path; at != filepath.Dir(at); at = filepath.Dir(at) {
		if _, err := os.Lstat(at); errors.Is(err, fs.ErrPermission) {
			right, closed = "x", filepath.Dir(at) // the outermost is found last
		}
	}
	return chmod(right, nss.Quote(closed)) + again
}

package firefox

import (
	"fmt"
	"io"
	"os"
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

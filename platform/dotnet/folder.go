package dotnet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Bounds of what is read: .NET's own folders hold a handful of files of a few
// kilobytes.
const (
	maxNames = 4096    // in one folder
	maxFiles = 256     // of them *.pfx
	maxSize  = 1 << 20 // of one file, in bytes
)

const suffix = ".pfx"

// file is one file of a folder.
type file struct {
	path   string
	bundle *bundle // nil where err says why
	err    error
	info   fs.FileInfo // of what a link leads to; nil where nothing is there
}

// Why a file was not read.
var (
	errNotAFile = errors.New("a pipe, socket or device")
	errTooLarge = fmt.Errorf("larger than %d MiB", maxSize>>20)
	errTooMany  = fmt.Errorf("more than %d files there", maxFiles)
)

// readFolder reads the *.pfx of a folder in the folder's own order, which is the
// order in which .NET meets them. A folder that is not there is empty.
func readFolder(ctx context.Context, dir string) ([]file, error) {
	names, err := list(dir)
	if err != nil {
		return nil, err
	}
	var files []file
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return files, err
		}
		f := file{path: filepath.Join(dir, name)}
		if isFolder(f.path) { // .NET lists files
			continue
		}
		f.bundle, f.info, f.err = readFile(f.path, "")
		files = append(files, f)
	}
	return files, nil
}

// list names the *.pfx of a folder, hidden ones too, as .NET does.
func list(dir string) (names []string, err error) {
	f, err := os.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	for seen := 0; ; {
		entries, err := f.ReadDir(128)
		if errors.Is(err, io.EOF) {
			return names, nil
		}
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if strings.HasSuffix(e.Name(), suffix) {
				names = append(names, e.Name())
			}
		}
		if seen += len(entries); seen > maxNames || len(names) > maxFiles {
			return nil, fmt.Errorf("%s: %w", dir, errTooMany)
		}
	}
}

// readFile reads one file that password opens, following links as .NET does. It
// never waits: opening a pipe would.
func readFile(path, password string) (*bundle, fs.FileInfo, error) {
	f, info, err := openRegular(path)
	if err != nil {
		return nil, info, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err != nil {
		return nil, info, err
	}
	if len(data) > maxSize {
		return nil, info, errTooLarge
	}
	b, err := parsePFX(data, password)
	return b, info, err
}

func openRegular(path string) (*os.File, fs.FileInfo, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, info, errNotAFile
	}
	f, err := os.OpenFile(path, os.O_RDONLY|nonBlocking, 0)
	if err != nil {
		return nil, info, err
	}
	if info, err = f.Stat(); err == nil && !info.Mode().IsRegular() { // exchanged meanwhile
		err = errNotAFile
	}
	if err != nil {
		_ = f.Close()
		return nil, info, err
	}
	return f, info, nil
}

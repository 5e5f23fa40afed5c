package front

import (
	"encoding/pem"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"devcert/devcert"
)

// within says whether path, once links are followed, is the folder or in it. Files
// are compared and not names, of which one file may have many.
func within(path, folder string) (bool, error) {
	if folder == "" {
		return false, nil
	}
	inner, err := os.Stat(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return false, err
	}
	for {
		info, err := os.Stat(path)
		if err != nil {
			return false, err
		}
		if os.SameFile(info, inner) {
			return true, nil
		}
		above := filepath.Dir(path)
		if above == path {
			return false, nil
		}
		path = above
	}
}

// refuseStateFolder says why a folder is not served: it is devcert's own, where the
// keys are. Where that cannot be told, each file is looked at when it is asked for.
func refuseStateFolder(static, stateDir string) error {
	if static == "" {
		return nil
	}
	if own, err := within(static, stateDir); err != nil || !own {
		return nil
	}
	return &devcert.UsageError{
		Problem: "cannot serve " + static + ": devcert keeps its private keys there",
		Hint:    "name the folder of a site:  devcert serve --static FOLDER",
	}
}

// maxKeyFile is more than a file with a key, and all its certificates, is long.
const maxKeyFile = 256 << 10

// private says whether a file is one of those that private keys are kept in: a
// PKCS#12, by its name, or one with a key in PEM, whatever its name. Pages and
// scripts may tell of one: what they contain is their author's business. The file
// is then at its beginning.
func private(name string, file io.ReadSeeker, size int64) bool {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".pfx", ".p12":
		return true
	case ".htm", ".html", ".css", ".js", ".mjs", ".map", ".svg":
		return false
	}
	if size > maxKeyFile {
		return false
	}
	text, err := io.ReadAll(io.LimitReader(file, maxKeyFile))
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	return err != nil || hasKey(text)
}

func hasKey(text []byte) bool {
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			return false
		}
		if strings.HasSuffix(block.Type, "PRIVATE KEY") { // PKCS #8 and #1, SEC 1, OpenSSH, encrypted or not
			return true
		}
	}
}

package system

import (
	"crypto/x509"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"devcert/devcert"
)

// replacing are the variables that replace the roots a client reads, by what
// they name. NODE_EXTRA_CA_CERTS is not among them: it adds to them.
var replacing = []struct {
	name          string
	files, folder bool
}{
	{name: "SSL_CERT_FILE", files: true},                    // OpenSSL, Go
	{name: "SSL_CERT_DIR", folder: true},                    // OpenSSL, Go
	{name: "CURL_CA_BUNDLE", files: true},                   // curl
	{name: "GIT_SSL_CAINFO", files: true},                   // git
	{name: "REQUESTS_CA_BUNDLE", files: true, folder: true}, // Python requests
}

// Overrides judges the variables of env for root. An empty variable counts as
// one that is not set, and without a root there is nothing to judge.
func Overrides(env []string, root *x509.Certificate) []devcert.Override {
	if root == nil {
		return nil
	}
	var found []devcert.Override
	reasons := make(map[string]string) // several often name one file
	for _, variable := range replacing {
		value := valueOf(env, variable.name)
		if value == "" {
			continue
		}
		key := value
		if !variable.files {
			key = "folders " + value
		}
		reason, known := reasons[key]
		if !known {
			reason = lacks(value, variable.files, variable.folder, root)
			reasons[key] = reason
		}
		found = append(found, devcert.Override{Name: variable.name, Value: value, Reason: reason})
	}
	return found
}

func valueOf(env []string, name string) string {
	for _, pair := range env {
		if have, value, _ := strings.Cut(pair, "="); have == name {
			return value
		}
	}
	return ""
}

// lacks says why a client that reads value will not trust root, "" when it will.
func lacks(value string, file, folder bool, root *x509.Certificate) string {
	if folder && (!file || isFolder(value)) {
		return foldersLack(filepath.SplitList(value), root)
	}
	data, _, err := read(value)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "there is no such file"
	case err != nil:
		return "cannot be read: " + err.Error()
	case !holds(certificates(data), root):
		return "the file does not hold the root"
	}
	return ""
}

// foldersLack looks at a list of folders the way OpenSSL does. Go would take
// any file in them.
func foldersLack(folders []string, root *x509.Certificate) string {
	reason := "no such folder"
	for _, folder := range folders {
		has, err := inHashed(folder, root)
		switch {
		case has:
			return ""
		case err != nil:
			reason = "cannot be read: " + err.Error()
		case isFolder(folder):
			reason = "no hash link in the folder leads to the root"
		}
	}
	return reason
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

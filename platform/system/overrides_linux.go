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
	// beside is the variable of the other half: OpenSSL and those that use it read
	// a file and a folder, and one of them with the root is enough. Where it is not
	// set, the system's own half stays in force; "-" is never set.
	beside string
	// remedy is what helps where unsetting it does not.
	remedy string
}{
	{name: "SSL_CERT_FILE", files: true, beside: "SSL_CERT_DIR"},    // OpenSSL, Go, .NET
	{name: "SSL_CERT_DIR", folder: true, beside: "SSL_CERT_FILE"},   // OpenSSL, Go, .NET
	{name: "CURL_CA_BUNDLE", files: true, beside: "-"},              // curl
	{name: "GIT_SSL_CAINFO", files: true, beside: "GIT_SSL_CAPATH"}, // git
	{name: "REQUESTS_CA_BUNDLE", files: true, folder: true, // Python requests, which has a list of its own besides
		remedy: `eval "$(devcert env)"`},
}

// Overrides judges the variables of env for root. An empty variable counts as
// one that is not set, and without a root there is nothing to judge.
func (s *Store) Overrides(env []string, root *x509.Certificate) []devcert.Override {
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
		if reason == noRoot || reason != "" && !variable.files {
			if variable.beside != "" && s.otherHalf(valueOf(env, variable.beside), !variable.files, root) {
				reason = ""
			}
		}
		found = append(found, devcert.Override{Name: variable.name, Value: value, Reason: reason, Remedy: variable.remedy})
	}
	return found
}

// otherHalf says whether the half of OpenSSL's roots that a variable does not name
// has the root: what set names or, where that is "", the system's own.
func (s *Store) otherHalf(set string, file bool, root *x509.Certificate) bool {
	f, ok := familyOf(s.Root)
	switch {
	case set != "":
		return lacks(set, file, !file, root) == ""
	case !ok:
		return false
	case file:
		return lacks(f.bundle, true, false, root) == ""
	}
	return f.hashed != "" && FoldersLack([]string{f.hashed}, root) == ""
}

func valueOf(env []string, name string) string {
	for _, pair := range env {
		if have, value, _ := strings.Cut(pair, "="); have == name {
			return value
		}
	}
	return ""
}

const noRoot = "the file does not hold the root"

// lacks says why a client that reads value will not trust root, "" when it will.
func lacks(value string, file, folder bool, root *x509.Certificate) string {
	if folder && (!file || isFolder(value)) {
		return FoldersLack(filepath.SplitList(value), root)
	}
	data, _, err := read(value)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "there is no such file"
	case err != nil:
		return "cannot be read: " + err.Error()
	}
	held := certificates(data)
	switch {
	case len(held) == 0:
		return "the file holds no certificates" // many clients refuse to begin
	case !holds(held, root):
		return noRoot
	}
	return ""
}

// FoldersLack says why OpenSSL, told to read a list of folders, will not trust
// root; "" when it will. Go would take any file in them.
func FoldersLack(folders []string, root *x509.Certificate) string {
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

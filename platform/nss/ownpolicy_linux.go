package nss

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/tidwall/jsonc"

	"devcert/devcert/chain"
	"devcert/devcert/lazy"
)

// ownName is devcert's file in a folder of policies. There is one, for the roots
// of all users and hierarchies: of two files that set the same policy only one
// counts.
const ownName = "devcert.json"

// ownPolicy is what that file says.
type ownPolicy struct {
	Plain       []string      `json:"CACertificates,omitempty"`
	Constrained []constrained `json:"CACertificatesWithConstraints,omitempty"`
}

// foreignError is a file of devcert's name that devcert did not write, or a
// folder that somebody else than root could have written to.
type foreignError struct{ path, what string }

func (e *foreignError) Error() string { return e.path + " " + e.what + ": not devcert's to change" }

// Remedy says what a person can do.
func (e *foreignError) Remedy() string {
	return "see whose " + e.path + " is and move it away, or make it root's alone" + again
}

// damagedOwnError is devcert's own file, of which something was lost. No browser
// takes anything from it, so that it can be made anew.
type damagedOwnError struct {
	path string
	err  error
}

func (e *damagedOwnError) Error() string { return e.path + " is damaged: " + e.err.Error() }
func (e *damagedOwnError) Unwrap() error { return e.err }

// policyName finds what could be the name of a policy, or of a part of one.
var policyName = lazy.Regexp(`"(\w+)"\s*:`)

// damagedOwn says whether data begins with no JSON value, with nothing in it that would be
// somebody else's to lose.
func damagedOwn(data []byte) bool {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	var value json.RawMessage
	if json.NewDecoder(bytes.NewReader(jsonc.ToJSON(data))).Decode(&value) == nil {
		return false
	}
	ours := []string{keyPlain, keyConstrained, "certificate", "constraints", "permitted_dns_names", "permitted_cidrs"}
	return !slices.ContainsFunc(policyName().FindAllSubmatch(data, -1), func(found [][]byte) bool {
		return !slices.Contains(ours, string(found[1]))
	})
}

// readOwn reads the roots in devcert's file: none where it is not there. A
// *foreignError says that it holds something else, a *damagedOwnError that it
// holds nothing any more.
func readOwn(dir string) ([]*x509.Certificate, error) {
	path := filepath.Join(dir, ownName)
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &foreignError{path, "is not a regular file"}
	}
	data, err := readFile(path)
	if err != nil {
		return nil, err
	}
	roots, err := parseOwn(data)
	if stat, ok := info.Sys().(*syscall.Stat_t); err != nil && damagedOwn(data) && ok && (stat.Uid == 0 || int(stat.Uid) == os.Geteuid()) {
		return nil, &damagedOwnError{path, err}
	}
	if err != nil {
		return nil, &foreignError{path, "holds something else than roots of devcert's (" + err.Error() + ")"}
	}
	return roots, nil
}

// parseOwn accepts exactly what encodeOwn writes, in either form.
func parseOwn(data []byte) ([]*x509.Certificate, error) {
	var own *ownPolicy
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&own); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) || own == nil {
		return nil, errors.New("not one JSON object")
	}
	texts := own.Plain
	for _, c := range own.Constrained {
		texts = append(texts, c.Certificate)
	}
	var roots []*x509.Certificate
	for _, text := range texts {
		der, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil, err
		}
		root, err := chain.CheckRoot(der)
		if err != nil {
			return nil, err
		}
		roots = append(roots, root)
	}
	return unique(roots), nil
}

// encodeOwn makes the file. The constrained form says again what the roots
// permit anyway: it is for folders where somebody else uses the plain one.
func encodeOwn(roots []*x509.Certificate, key string) ([]byte, error) {
	var own ownPolicy
	for _, root := range roots {
		text := base64.StdEncoding.EncodeToString(root.Raw)
		if key == keyPlain {
			own.Plain = append(own.Plain, text)
			continue
		}
		permits := chain.PermitsOf(root)
		c := constrained{text, constraints{Domains: slices.Clone(permits.Domains)}}
		for _, network := range permits.Networks {
			c.Constraints.Networks = append(c.Constraints.Networks, network.String())
		}
		own.Constrained = append(own.Constrained, c)
	}
	data, err := json.MarshalIndent(own, "", "  ")
	return append(data, '\n'), err
}

// conflictError is a folder where others use both policies that take roots.
type conflictError struct{ dir, plain, constrained string }

func (e *conflictError) Error() string {
	return fmt.Sprintf("%s of %s set %s and %s already, and of two files that do only one counts",
		orBoth(e.plain, e.constrained), e.dir, keyPlain, keyConstrained)
}

// Remedy says what a person can do.
func (e *conflictError) Remedy() string {
	return fmt.Sprintf("add %q to %s in %s, which lets both count%s", keyPlain, keyMerge, filepath.Join(e.dir, e.plain), again)
}

func orBoth(a, b string) string {
	if a == b {
		return a
	}
	return a + " and " + b
}

// freeKey chooses the policy by which devcert can name roots beside the files of
// others without either hiding the other's.
func (p policies) freeKey(dir string) (string, error) {
	others := p.others()
	plain, constr := others.last(keyPlain), others.last(keyConstrained)
	switch {
	case plain == nil || p.merges(keyPlain):
		return keyPlain, nil
	case constr == nil || p.merges(keyConstrained):
		return keyConstrained, nil
	}
	return "", &conflictError{dir, plain.name, constr.name}
}

func (p policies) others() policies {
	return slices.DeleteFunc(slices.Clone(p), func(f policyFile) bool { return f.name == ownName })
}

// ownKeys are the policies that devcert's file sets.
func (p policies) ownKeys() []string {
	var keys []string
	for _, f := range p {
		for _, key := range []string{keyPlain, keyConstrained} {
			if _, ok := f.values[key]; ok && f.name == ownName {
				keys = append(keys, key)
			}
		}
	}
	return keys
}

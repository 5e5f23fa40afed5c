package nss

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/tidwall/jsonc"
)

// The policies that matter (chromeenterprise.google/policies).
const (
	keyPlain       = "CACertificates"
	keyConstrained = "CACertificatesWithConstraints"
	keyDistrusted  = "CADistrustedCertificates"
	keyPlatform    = "CAPlatformIntegrationEnabled"
	keyMerge       = "PolicyListMultipleSourceMergeList"
)

// policyFile is one file of a folder of policies. One that is no JSON object has
// no values, as for the browser, which passes it over.
type policyFile struct {
	name   string
	values map[string]json.RawMessage
}

// policies are all of a folder, in the order in which the browser takes them: of
// two files that set the same policy, the last by name counts.
type policies []policyFile

const (
	maxPolicies   = 1000    // files
	maxPolicyFile = 4 << 20 // bytes
)

// readPolicies reads what a browser would. It takes every file, whatever its
// ending. None that it cannot read is in the result: nor can the browser read it.
func readPolicies(dir string) (policies, error) {
	entries, err := os.ReadDir(dir) // by name
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if len(entries) > maxPolicies {
		return nil, fmt.Errorf("%s has more than %d files", dir, maxPolicies)
	}
	var all policies
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() || info.Size() > maxPolicyFile {
			continue
		}
		if data, err := readFile(path); err == nil {
			all = append(all, policyFile{e.Name(), parsePolicy(data)})
		}
	}
	return all, nil
}

// parsePolicy takes comments and trailing commas, as Chromium's reader does.
func parsePolicy(data []byte) map[string]json.RawMessage {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	var values map[string]json.RawMessage
	if json.Unmarshal(jsonc.ToJSON(data), &values) != nil {
		return nil
	}
	return values
}

// last is the file whose value of a policy counts, nil where none sets it.
func (p policies) last(key string) *policyFile {
	for i := range slices.Backward(p) {
		if _, ok := p[i].values[key]; ok {
			return &p[i]
		}
	}
	return nil
}

// merges says whether the lists of all files count together.
func (p policies) merges(key string) bool {
	file := p.last(keyMerge)
	if file == nil {
		return false
	}
	var names []string
	return json.Unmarshal(file.values[keyMerge], &names) == nil &&
		(slices.Contains(names, key) || slices.Contains(names, "*"))
}

// effective are the files whose values of a policy that is a list count.
func (p policies) effective(key string) []*policyFile {
	if !p.merges(key) {
		if file := p.last(key); file != nil {
			return []*policyFile{file}
		}
		return nil
	}
	var all []*policyFile
	for i := range p {
		if _, ok := p[i].values[key]; ok {
			all = append(all, &p[i])
		}
	}
	return all
}

// having is the file that sets key and does so with root; "" when none counts.
func (p policies) having(key string, root *x509.Certificate) string {
	for _, file := range p.effective(key) {
		if slices.ContainsFunc(file.certificates(key), func(der []byte) bool { return bytes.Equal(der, root.Raw) }) {
			return file.name
		}
	}
	return ""
}

// platformOff is the file that has the browser disregard the NSS databases; ""
// when none does.
func (p policies) platformOff() string {
	file := p.last(keyPlatform)
	on := true
	if file == nil || json.Unmarshal(file.values[keyPlatform], &on) != nil || on {
		return ""
	}
	return file.name
}

// constrained is an element of CACertificatesWithConstraints.
type constrained struct {
	Certificate string      `json:"certificate"`
	Constraints constraints `json:"constraints"`
}

type constraints struct {
	Domains  []string `json:"permitted_dns_names,omitempty"`
	Networks []string `json:"permitted_cidrs,omitempty"`
}

// certificates are the DER certificates that a file lists under key.
func (f policyFile) certificates(key string) [][]byte {
	var texts []string
	if key == keyConstrained {
		var list []constrained
		if json.Unmarshal(f.values[key], &list) != nil {
			return nil
		}
		for _, c := range list {
			texts = append(texts, c.Certificate)
		}
	} else if json.Unmarshal(f.values[key], &texts) != nil {
		return nil
	}
	var all [][]byte
	for _, text := range texts {
		if der, err := base64.StdEncoding.DecodeString(text); err == nil {
			all = append(all, der)
		}
	}
	return all
}

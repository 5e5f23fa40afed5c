package system

import (
	"crypto/x509"
	"os"
	"path/filepath"

	"devcert/devcert/chain"
)

// family is how a group of distributions keeps its roots. Paths are absolute.
type family struct {
	marks   []string // one of them exists on this family, and none on those before it in the table
	anchors string   // folder of roots that were added on this machine
	ext     string   // of a file there
	only    bool     // the tool takes no file with another extension
	deep    bool     // the tool reads folders in the folder
	tool    string
	args    []string
	from    string // package that has the tool
	bundle  string // what clients read
	hashed  string // OpenSSL's folder of hash links, where the tool keeps it; "" elsewhere
	conf    string // Debian's list of the distribution's roots, read by its script; "" elsewhere
}

// families are in the order in which truststore looks for them (its
// truststore_linux.go), with Alpine before Debian: it shares Debian's folders
// and not its script. truststore goes by the folders of anchors, which small
// images and tidy administrators do without; the tools do too.
var families = []family{{
	marks:   []string{"/etc/pki/ca-trust"},
	anchors: "/etc/pki/ca-trust/source/anchors", ext: ".pem",
	tool: "update-ca-trust", args: []string{"extract"}, from: "ca-certificates",
	bundle: "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
}, {
	marks:   []string{"/etc/alpine-release"},
	anchors: "/usr/local/share/ca-certificates", ext: ".crt", only: true,
	tool: "update-ca-certificates", from: "ca-certificates",
	bundle: "/etc/ssl/certs/ca-certificates.crt",
	hashed: "/etc/ssl/certs",
}, {
	marks:   []string{"/etc/ca-certificates.conf", "/etc/debian_version", "/usr/local/share/ca-certificates"},
	anchors: "/usr/local/share/ca-certificates", ext: ".crt", only: true, deep: true,
	tool: "update-ca-certificates", from: "ca-certificates",
	bundle: "/etc/ssl/certs/ca-certificates.crt",
	hashed: "/etc/ssl/certs",
	conf:   "/etc/ca-certificates.conf",
}, {
	marks:   []string{"/usr/share/pki/trust"},
	anchors: "/usr/share/pki/trust/anchors", ext: ".crt",
	tool: "update-ca-certificates", from: "ca-certificates",
	bundle: "/var/lib/ca-certificates/ca-bundle.pem",
}, {
	marks:   []string{"/etc/ca-certificates/trust-source"},
	anchors: "/etc/ca-certificates/trust-source/anchors", ext: ".crt",
	tool: "trust", args: []string{"extract-compat"}, from: "ca-certificates-utils",
	bundle: "/etc/ca-certificates/extracted/tls-ca-bundle.pem",
}}

// familyOf returns the family of the machine whose file tree is at root.
func familyOf(root string) (family, bool) {
	for _, f := range families {
		for _, mark := range f.marks {
			if _, err := os.Stat(filepath.Join(root, mark)); err == nil {
				return f.below(root), true
			}
		}
	}
	return family{}, false
}

func (f family) below(root string) family {
	for _, path := range []*string{&f.anchors, &f.bundle, &f.hashed, &f.conf} {
		if *path != "" {
			*path = filepath.Join(root, *path)
		}
	}
	return f
}

// anchor is where root's own file is. The name is made of the root's key id
// alone: nothing that somebody chose gets into a path.
func (f family) anchor(root *x509.Certificate) string {
	return filepath.Join(f.anchors, "devcert-"+chain.HierarchyID(root)+f.ext)
}

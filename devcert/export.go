package devcert

import (
	"context"
	"crypto/x509"
	"fmt"
	"strings"

	"devcert/devcert/chain"
	"devcert/devcert/disk"
)

// Export is what can be had of the hierarchy in a form that other programs or
// machines take.
type Export struct {
	Name string // on the command line
	What string // for a person
	File string // what it is usually called
	// Secret says that it holds the leaf's key, Binary that it is no text.
	Secret, Binary bool
	// Password says that one protects it.
	Password bool

	encode func(h *disk.Hierarchy, bundle *rootBundle, password string) ([]byte, error)
}

// Exports are all of them, in the order they are listed.
var Exports = []Export{
	{Name: "root", What: "the root, PEM", File: "devcert-root.pem",
		encode: func(h *disk.Hierarchy, _ *rootBundle, _ string) ([]byte, error) {
			return chain.EncodeCertificates(h.Root), nil
		}},
	{Name: "root-der", What: "the root, DER", File: "devcert-root.crt", Binary: true,
		encode: func(h *disk.Hierarchy, _ *rootBundle, _ string) ([]byte, error) { return h.Root.Raw, nil }},
	{Name: "chain", What: "leaf and intermediate, PEM: what a server sends", File: "localhost.pem",
		encode: func(h *disk.Hierarchy, _ *rootBundle, _ string) ([]byte, error) {
			return chain.EncodeCertificates(h.Leaf.Cert, h.Intermediate.Cert), nil
		}},
	{Name: "pfx", What: "leaf, key and chain, PKCS#12 as OpenSSL 3, Java, .NET and Windows 10 read it", File: "localhost.pfx",
		Secret: true, Binary: true, Password: true, encode: encodePFX(chain.PFXModern)},
	{Name: "pfx-legacy", What: "the same for macOS's keychain and older Windows", File: "localhost.pfx",
		Secret: true, Binary: true, Password: true, encode: encodePFX(chain.PFXLegacy)},
	{Name: "bundle", What: "the system's roots and devcert's, PEM", File: "bundle.pem",
		encode: func(_ *disk.Hierarchy, bundle *rootBundle, _ string) ([]byte, error) { return bundle.encode(), nil }},
	{Name: "truststore", What: "the root for Java, PKCS#12", File: "devcert-truststore.p12", Binary: true, Password: true,
		encode: func(h *disk.Hierarchy, _ *rootBundle, password string) ([]byte, error) {
			return chain.EncodeTrustStore(password, h.Root)
		}},
}

func encodePFX(style chain.PFXStyle) func(*disk.Hierarchy, *rootBundle, string) ([]byte, error) {
	return func(h *disk.Hierarchy, _ *rootBundle, password string) ([]byte, error) {
		return chain.EncodePFX(style, h.Leaf, []*x509.Certificate{h.Intermediate.Cert}, password)
	}
}

// ExportNamed is the export of that name.
func ExportNamed(name string) (Export, error) {
	var names []string
	for _, x := range Exports {
		if x.Name == name {
			return x, nil
		}
		names = append(names, x.Name)
	}
	return Export{}, &UsageError{
		Problem: fmt.Sprintf("%q is nothing that devcert exports", name), Hint: "exports: " + strings.Join(names, ", "),
	}
}

// Export gives the bytes of x, made from the state folder as it is. It changes
// nothing. password is used where x has one.
func (e *Engine) Export(ctx context.Context, x Export, password string) (data []byte, err error) {
	e.settle(ctx, func() bool {
		data, err = e.export(x, password)
		return err == nil
	})
	return data, err
}

func (e *Engine) export(x Export, password string) ([]byte, error) {
	seen, err := e.folder().Snapshot()
	if err != nil {
		return nil, refuseNewer(err)
	}
	h := &seen.Hierarchy
	bundle := e.lookAtBundle(h.Root)
	switch {
	case h.Root == nil:
		return nil, &notExported{"there is no hierarchy to export", "devcert setup"}
	case x.Name == "bundle" && bundle.wanted == nil:
		return nil, &notExported{"devcert does not know where this system has its roots", "export the root alone: devcert export root"}
	case (x.Secret || x.Name == "chain") && (!presentable(h) || !chain.SameKey(h.Leaf.Cert, h.Leaf.Key)):
		return nil, &notExported{"the leaf, its key or the intermediate cannot be read", "devcert repair"}
	}
	return x.encode(h, bundle.wanted, password)
}

// notExported is why something cannot be exported.
type notExported struct{ why, remedy string }

func (e *notExported) Error() string  { return e.why }
func (e *notExported) Remedy() string { return e.remedy }

package disk

import (
	"crypto/x509"
	"os"
	"strings"

	"devcert/devcert/chain"
)

// Files of a generation that are spoken of by name.
const (
	rootKeyFile         = "root-key.pem" // only with --keep-root-key
	intermediateKeyFile = "intermediate-key.pem"
	clientKeyFile       = "client-intermediate-key.pem" // only with --client-certs
	leafKeyFile         = "leaf-key.pem"
	rootListFile        = "root.crl"
)

// layout lists the files of a generation, the copy that each has at a stable
// path, and how its bytes come from a hierarchy. A part that is nil has no
// bytes. The PFX has no password: its mode keeps it as private as the key in
// PEM beside it, and Kestrel then needs no configured secret.
var layout = []struct {
	name, copy string
	mode       os.FileMode
	encode     func(h *Hierarchy) ([]byte, error)
}{
	{"root.pem", RootFile, PublicMode, func(h *Hierarchy) ([]byte, error) {
		if h.Root == nil {
			return nil, nil
		}
		return chain.EncodeCertificates(h.Root), nil
	}},
	{rootKeyFile, "", PrivateMode, func(h *Hierarchy) ([]byte, error) {
		if h.RootKey == nil {
			return nil, nil
		}
		return chain.EncodeKey(h.RootKey)
	}},
	// DER, as RFC 5280 section 4.2.1.13 wants it served.
	{rootListFile, "", PublicMode, func(h *Hierarchy) ([]byte, error) { return h.RootCRL, nil }},
	{"intermediate.pem", IntermediateFile, PublicMode, func(h *Hierarchy) ([]byte, error) {
		if h.Intermediate.Cert == nil {
			return nil, nil
		}
		return chain.EncodeCertificates(h.Intermediate.Cert), nil
	}},
	{intermediateKeyFile, "", PrivateMode, func(h *Hierarchy) ([]byte, error) {
		if h.Intermediate.Key == nil {
			return nil, nil
		}
		return chain.EncodeKey(h.Intermediate.Key)
	}},
	{ClientFile, ClientFile, PublicMode, func(h *Hierarchy) ([]byte, error) {
		if h.ClientIntermediate.Cert == nil {
			return nil, nil
		}
		return chain.EncodeCertificates(h.ClientIntermediate.Cert), nil
	}},
	{clientKeyFile, "", PrivateMode, func(h *Hierarchy) ([]byte, error) {
		if h.ClientIntermediate.Key == nil {
			return nil, nil
		}
		return chain.EncodeKey(h.ClientIntermediate.Key)
	}},
	// The whole chain, as servers want it in one file.
	{"leaf.pem", LeafFile, PublicMode, func(h *Hierarchy) ([]byte, error) {
		if h.Leaf.Cert == nil || h.Intermediate.Cert == nil {
			return nil, nil
		}
		return chain.EncodeCertificates(h.Leaf.Cert, h.Intermediate.Cert), nil
	}},
	{leafKeyFile, LeafKeyFile, PrivateMode, func(h *Hierarchy) ([]byte, error) {
		if h.Leaf.Key == nil {
			return nil, nil
		}
		return chain.EncodeKey(h.Leaf.Key)
	}},
	{"leaf.pfx", LeafPFXFile, PrivateMode, (*Hierarchy).pfx},
}

// toSign says that whoever signs needs the file: not the leaf, nor the root's list,
// which takes the checking of a signature.
func toSign(name string) bool { return name != rootListFile && !strings.HasPrefix(name, "leaf") }

// without says that the hierarchy has no such file, and lacks none.
func (h *Hierarchy) without(name string) bool {
	switch name {
	case rootKeyFile:
		return h.RootKey == nil
	case ClientFile, clientKeyFile:
		return h.ClientIntermediate.Cert == nil
	}
	return false
}

// encode gives the bytes of every file of layout, nil where there is no part.
func (h *Hierarchy) encode() ([][]byte, error) {
	out := make([][]byte, len(layout))
	for i, file := range layout {
		data, err := file.encode(h)
		if err != nil {
			return nil, err
		}
		out[i] = data
	}
	return out, nil
}

// pfx encodes leaf, key and intermediate once: salt and vectors are random, so
// a second encoding would differ from the first in every byte.
func (h *Hierarchy) pfx() ([]byte, error) {
	if h.leafPFX != nil || h.Leaf.Cert == nil || h.Leaf.Key == nil || h.Intermediate.Cert == nil {
		return h.leafPFX, nil
	}
	pfx, err := chain.EncodePFX(chain.PFXModern, h.Leaf, []*x509.Certificate{h.Intermediate.Cert}, "")
	h.leafPFX = pfx
	return pfx, err
}

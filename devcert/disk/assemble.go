package disk

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"io/fs"
	"slices"

	"devcert/devcert/chain"
)

// assemble takes from the files of a generation and their copies the parts that
// fit together: the root whose identifier the generation carries, the
// intermediate it signed, a leaf that one signed, and the keys that are theirs.
// A part that only another part's file still has is taken from there.
func assemble(files []found, id string, ledger *Ledger) Hierarchy {
	var h Hierarchy
	hierarchy, _, _ := ParseGenerationID(id)
	read := byName(files)

	h.Root = first(read.certificates("root.pem"), func(c *x509.Certificate) bool {
		return chain.HierarchyID(c) == hierarchy && chain.CheckSignature(c, c) == nil // chain.Check judges the rest
	})
	if h.Root == nil {
		h.Root = first(ledger.certificates(), func(c *x509.Certificate) bool {
			return chain.PartOf(c) == chain.PartRoot && chain.HierarchyID(c) == hierarchy
		})
	}
	issued := append(read.certificates("intermediate.pem"), read.certificates("leaf.pem")...)
	h.Intermediate.Cert = first(issued, func(c *x509.Certificate) bool {
		return c.IsCA && (h.Root == nil || chain.CheckSignature(c, h.Root) == nil)
	})
	h.Intermediate.Key = ownKey(h.Intermediate.Cert, read.keys(intermediateKeyFile))
	h.ClientIntermediate.Cert = first(read.certificates(ClientFile), func(c *x509.Certificate) bool {
		return chain.PartOf(c) == chain.PartClientIntermediate && h.Root != nil && chain.CheckSignature(c, h.Root) == nil
	})
	h.ClientIntermediate.Key = ownKey(h.ClientIntermediate.Cert, read.keys(clientKeyFile))
	if key := ownKey(h.Root, read.keys(rootKeyFile)); key != nil {
		h.RootKey = signer(key)
	}
	h.Leaf = leafOf(h.Intermediate.Cert, read.certificates("leaf.pem"), read.keys(leafKeyFile))
	h.RootCRL = crlOf(h.Root, read[rootListFile])
	h.leafPFX = pfxOf(h.Leaf, read["leaf.pfx"])
	return h
}

// copiesFit says whether the copies at stable paths belong to one root of
// devcert's, all that are there.
func (f Folder) copiesFit() bool {
	files := make([]found, len(layout))
	for i, file := range layout {
		if file.copy != "" {
			files[i].data[1], files[i].err[1] = f.Read(file.copy)
		}
	}
	root := first(byName(files).certificates("root.pem"), func(c *x509.Certificate) bool {
		_, err := chain.CheckRoot(c.Raw)
		return err == nil
	})
	if root == nil {
		return false
	}
	h := assemble(files, GenerationID(chain.HierarchyID(root), 1), &Ledger{})
	wanted, err := h.encode()
	for i := range files {
		absent := errors.Is(files[i].err[1], fs.ErrNotExist)
		if err != nil || !absent && !bytes.Equal(files[i].data[1], wanted[i]) && layout[i].copy != "" {
			return false
		}
	}
	return true
}

type contents map[string][][]byte

// byName gives, for each file of layout, the bytes of the generation's and of
// the copy, as far as they could be read.
func byName(files []found) contents {
	out := contents{}
	for i, file := range layout {
		for n, data := range files[i].data {
			if files[i].err[n] == nil && data != nil {
				out[file.name] = append(out[file.name], data)
			}
		}
	}
	return out
}

// versions are the contents of name that differ: a copy is mostly its file again,
// and parsing is most of a look.
func (c contents) versions(name string) [][]byte {
	return slices.CompactFunc(slices.Clone(c[name]), bytes.Equal)
}

func (c contents) certificates(name string) []*x509.Certificate {
	var out []*x509.Certificate
	for _, data := range c.versions(name) {
		certs, err := chain.ParseCertificates(data)
		if err == nil {
			out = append(out, certs...)
		}
	}
	return out
}

func (c contents) keys(name string) []crypto.Signer {
	var out []crypto.Signer
	for _, data := range c.versions(name) {
		if key, err := chain.ParseKey(data); err == nil {
			out = append(out, key)
		}
	}
	return out
}

func (l *Ledger) certificates() []*x509.Certificate {
	var out []*x509.Certificate
	for _, e := range l.Entries {
		out = append(out, e.Cert)
	}
	return out
}

// leafOf prefers a leaf whose key is there; without one, the leaf alone is
// still worth showing.
func leafOf(intermediate *x509.Certificate, certs []*x509.Certificate, keys []crypto.Signer) chain.Pair {
	signed := func(c *x509.Certificate) bool {
		return !c.IsCA && (intermediate == nil || chain.CheckSignature(c, intermediate) == nil)
	}
	leaf := first(certs, func(c *x509.Certificate) bool { return signed(c) && ownKey(c, keys) != nil })
	if leaf == nil {
		leaf = first(certs, signed)
	}
	return chain.Pair{Cert: leaf, Key: ownKey(leaf, keys)}
}

// ownKey is the key among keys that belongs to cert, nil when there is none.
func ownKey(cert *x509.Certificate, keys []crypto.Signer) crypto.Signer {
	for _, key := range keys {
		if cert != nil && chain.SameKey(cert, key) {
			return key
		}
	}
	return nil
}

func crlOf(root *x509.Certificate, candidates [][]byte) []byte {
	for _, der := range candidates {
		crl, err := x509.ParseRevocationList(der)
		if err == nil && root != nil && crl.CheckSignatureFrom(root) == nil {
			return crl.Raw // without what may stand behind it, which the parser overlooks
		}
	}
	return nil
}

// pfxOf takes the PFX that is there if generation and copy agree, without the
// cost of opening it; where they do not, the one that opens to leaf.
func pfxOf(leaf chain.Pair, candidates [][]byte) []byte {
	if leaf.Cert == nil || leaf.Key == nil || len(candidates) == 0 {
		return nil
	}
	if len(candidates) == 2 && bytes.Equal(candidates[0], candidates[1]) && wholeDER(candidates[0]) {
		return candidates[0]
	}
	for _, data := range candidates {
		pair, err := chain.DecodePFX(data, "")
		if err == nil && pair.Cert.Equal(leaf.Cert) && chain.SameKey(pair.Cert, pair.Key) {
			return data
		}
	}
	return nil
}

func wholeDER(data []byte) bool {
	var outer asn1.RawValue
	rest, err := asn1.Unmarshal(data, &outer)
	return err == nil && len(rest) == 0
}

func first(certs []*x509.Certificate, fits func(*x509.Certificate) bool) *x509.Certificate {
	for _, c := range certs {
		if fits(c) {
			return c
		}
	}
	return nil
}

package dotnet

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	pkcs12 "software.sslmate.com/src/go-pkcs12"

	"devcert/devcert"
	"devcert/devcert/chain"
	"devcert/scripts/fuzzlimit"
)

// Whatever stands in a folder of the store, looking at it ends without a panic,
// and says that the leaf is there only where a second reader finds it too.
func FuzzFolder(f *testing.F) {
	h := newHierarchy(f)
	for _, e := range []*pkcs12.Encoder{pkcs12.LegacyDES, pkcs12.LegacyRC2, pkcs12.Modern2023, pkcs12.Modern2026, pkcs12.Passwordless} {
		data, err := e.WithIterations(1).Encode(h.Leaf.Key, h.Leaf.Cert, []*x509.Certificate{h.Intermediate.Cert}, "")
		require.NoError(f, err)
		f.Add(data, false)
	}
	for _, name := range []string{"dotnet9-my.pfx", "dotnet9-ca.pfx"} {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		require.NoError(f, err)
		f.Add(data, true)
	}
	f.Add(withoutKey(f, h.Leaf.Cert), true)
	f.Add([]byte{0x30, 0x80}, false)
	m := devcert.Material{Root: h.Root, Intermediate: h.Intermediate.Cert, Leaf: h.Leaf.Cert}
	fuzzlimit.Fuzz(f, func(t *testing.T, data []byte, beside bool) {
		files := []file{{path: "/my/x.pfx"}}
		files[0].bundle, files[0].err = parseWithin(data, "", 8000) // more would only be slower
		if files[0].err != nil && files[0].bundle != nil {
			t.Fatal("an error and a bundle")
		}
		if beside {
			files = append(files, file{path: "/my/y.pfx", bundle: &bundle{certs: [][]byte{h.Leaf.Cert.Raw}}})
		}
		seen := sight{folder: folder{"my", chain.PartLeaf}, dir: "/my", files: files, now: now}
		p := seen.place(m)
		if p.State != devcert.Trusted {
			return
		}
		_, cert, _, err := pkcs12.DecodeChain(data, "")
		if err == nil && !cert.Equal(h.Leaf.Cert) && !beside {
			t.Fatalf("trusted by a file with %s", cert.Subject)
		}
		if beside && find(seen.entries(), h.Leaf.Cert.Raw) != 0 {
			t.Fatal("trusted by a file without a key")
		}
	})
}

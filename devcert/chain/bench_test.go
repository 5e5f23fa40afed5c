package chain

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"testing"
)

func BenchmarkNew(b *testing.B) {
	for _, key := range []KeyType{ECDSA, RSA} {
		b.Run(string(key), func(b *testing.B) {
			for b.Loop() {
				if _, err := New(Options{Owner: "alice@pc", Key: key, Now: noon}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkNewLeaf(b *testing.B) {
	h := standardHierarchy(b)
	for b.Loop() {
		if _, err := NewLeaf(h.Intermediate, LeafOptions{Names: DefaultNames(), Key: ECDSA, Now: noon}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCheck is what every status pays.
func BenchmarkCheck(b *testing.B) {
	h := standardHierarchy(b)
	for b.Loop() {
		if problems := Check(h.parts(), DefaultNames(), noon); len(problems) > 0 {
			b.Fatal(problems)
		}
	}
}

func BenchmarkCheckRoot(b *testing.B) {
	h := standardHierarchy(b)
	for b.Loop() {
		if _, err := CheckRoot(h.Root.Raw); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPartOf looks at a certificate of somebody else, of which a store has hundreds.
func BenchmarkPartOf(b *testing.B) {
	other := &x509.Certificate{Subject: pkix.Name{CommonName: "Example Trust Root G2"}, Issuer: pkix.Name{CommonName: "Example Trust Root G2"}}
	for b.Loop() {
		if PartOf(other) != "" {
			b.Fatal("it is not ours")
		}
	}
}

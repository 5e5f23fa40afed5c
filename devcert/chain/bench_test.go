package chain

import "testing"

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

// BenchmarkIsOurs looks at a certificate of somebody else, of which a store has hundreds.
func BenchmarkIsOurs(b *testing.B) {
	h := standardHierarchy(b)
	for b.Loop() {
		if IsOurs(h.Leaf.Cert) {
			b.Fatal("the leaf is no root")
		}
	}
}

package chain

import (
	"crypto/x509"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestJudgeOnce(t *testing.T) {
	cert := func(text string) *x509.Certificate { return &x509.Certificate{Raw: []byte(text)} }
	bad := errors.New("bad")
	var asked atomic.Int32
	judge := func() error {
		asked.Add(1)
		return bad
	}
	var asking sync.WaitGroup
	for range 20 {
		asking.Go(func() { assert.Equal(t, bad, judgeOnce("test ", judge, cert("a"), cert("b"))) })
	}
	asking.Wait()
	assert.EqualValues(t, 1, asked.Load(), "all at once")
	for _, other := range []struct {
		kind  string
		certs []*x509.Certificate
	}{
		{"other ", []*x509.Certificate{cert("a"), cert("b")}},
		{"test ", []*x509.Certificate{cert("b"), cert("a")}},
		{"test ", []*x509.Certificate{cert("a")}},
	} {
		assert.NoError(t, judgeOnce(other.kind, func() error { return nil }, other.certs...))
	}
	for i := range 3 * remembered {
		assert.NoError(t, judgeOnce("test ", func() error { return nil }, cert(fmt.Sprint(i))))
		assert.LessOrEqual(t, len(memory.found), remembered)
	}
}

// What Remember spares is all that Check would find sound, and not a byte more.
func TestRemember(t *testing.T) {
	h := newHierarchy(t, Options{Key: ECDSA, ClientCerts: true})
	parts := Parts{
		Root: h.Root, Intermediate: h.Intermediate.Cert, ClientIntermediate: h.ClientIntermediate.Cert, Leaf: h.Leaf.Cert,
		IntermediateKey: h.Intermediate.Key, ClientIntermediateKey: h.ClientIntermediate.Key, LeafKey: h.Leaf.Key,
	}
	verdicts := func() map[string]bool {
		all := map[string]bool{}
		for about := range memory.found {
			all[about] = true
		}
		return all
	}
	memory.found = nil
	assert.Empty(t, Check(parts, DefaultNames(), h.Root.NotBefore.Add(Backdate)), "it is sound, without being remembered")
	judged := verdicts()
	memory.found = nil
	h.Remember()
	assert.Equal(t, judged, verdicts())

	other := newHierarchy(t, Options{Key: ECDSA})
	parts.Leaf, parts.LeafKey = other.Leaf.Cert, other.Leaf.Key
	assert.NotEmpty(t, Check(parts, nil, h.Root.NotBefore.Add(Backdate)))
	assert.Error(t, CheckSignature(h.Intermediate.Cert, other.Root))
}

// What is remembered of one certificate is not said of another with the same names.
func TestVerdictsAreOfTheBytes(t *testing.T) {
	h := standardHierarchy(t)
	other := newHierarchy(t, Options{Key: ECDSA})
	assert.NoError(t, CheckSignature(h.Intermediate.Cert, h.Root))
	assert.Error(t, CheckSignature(h.Intermediate.Cert, other.Root))
	assert.Error(t, CheckSignature(h.Root, h.Intermediate.Cert))
	for i := range h.Root.Raw { // whichever byte is another
		der := append([]byte(nil), h.Root.Raw...)
		der[i] ^= 1
		_, err := CheckRoot(der)
		assert.Error(t, err, "byte %d", i)
	}
	_, err := CheckRoot(h.Root.Raw)
	assert.NoError(t, err)
}

package chain

import (
	"crypto/x509"
	"sync"
)

// remembered bounds the memory: whoever fills a store with certificates fills no more.
const remembered = 512

var memory struct {
	sync.Mutex
	found map[string]*judgement
}

// Kinds of judgement.
const (
	kindRoot      = "root "
	kindSignature = "signature "
)

type judgement struct {
	once sync.Once
	err  error
}

// judgeOnce is what judge says of certificates, asked once for each kind of judgement:
// that takes signatures, and one look meets the same certificate in many places, the
// state folder, the ledger, every store. The verdict depends on their bytes alone.
func judgeOnce(kind string, judge func() error, certs ...*x509.Certificate) error {
	for _, cert := range certs {
		kind += string(cert.Raw)
	}
	memory.Lock()
	j := memory.found[kind]
	if j == nil {
		if memory.found == nil || len(memory.found) == remembered {
			memory.found = map[string]*judgement{}
		}
		j = &judgement{}
		memory.found[kind] = j
	}
	memory.Unlock()
	j.once.Do(func() { j.err = judge() })
	return j.err
}

// CheckSignature says why cert was not signed by issuer's key, as
// [x509.Certificate.CheckSignatureFrom] does.
func CheckSignature(cert, issuer *x509.Certificate) error {
	return judgeOnce(kindSignature, func() error { return cert.CheckSignatureFrom(issuer) }, cert, issuer)
}

// Remember spares judging h, which New has just made: crypto/x509 has checked each
// signature when it was made, and a profile has nothing to say against what it gave.
// What New may not be asked for it has refused. It is for the process that made h, and
// says nothing of other bytes, nor of any date.
func (h *Hierarchy) Remember() {
	sound := func(kind string, certs ...*x509.Certificate) {
		_ = judgeOnce(kind, func() error { return nil }, certs...)
	}
	below := func(p profile, cert, issuer *x509.Certificate) {
		if cert != nil {
			sound(kindSignature, cert, issuer)
			sound(p.kindBelow(), cert, issuer)
		}
	}
	sound(kindSignature, h.Root, h.Root)
	sound(kindRoot, h.Root)
	below(serverProfile, h.Intermediate.Cert, h.Root)
	below(clientProfile, h.ClientIntermediate.Cert, h.Root)
	below(leafProfile, h.Leaf.Cert, h.Intermediate.Cert)
}

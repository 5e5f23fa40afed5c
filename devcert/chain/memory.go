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
	return judgeOnce("signature ", func() error { return cert.CheckSignatureFrom(issuer) }, cert, issuer)
}

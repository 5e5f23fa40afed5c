package front

import (
	"crypto/x509"
	"slices"

	"devcert/devcert/chain"
	"devcert/devcert/disk"
)

// flawedName is what the certificates with a flaw are for.
const flawedName = "localhost"

// readFlawed makes the certificates with a flaw anew where there is another
// hierarchy. Their keys are nowhere but here.
func (k *keyring) readFlawed(v *view, h *disk.Hierarchy) {
	if len(k.flawOf) == 0 {
		return
	}
	if v.flawedBy == nil || !v.flawedBy.Equal(h.Root) {
		v.flawed, v.flawedBy = map[chain.Flaw]*identity{}, h.Root
		for _, flaw := range k.flawOf {
			if v.flawed[flaw] == nil {
				k.makeFlawed(v, h, flaw)
			}
		}
	}
	if revoked := v.flawed[chain.FlawRevoked]; revoked != nil {
		known := *v.trust
		known.revoked = append(slices.Clone(known.revoked), disk.Revoke("serve --flaw", revoked.cert, revoked.cert.NotBefore))
		v.trust = &known
	}
}

func (k *keyring) makeFlawed(v *view, h *disk.Hierarchy, flaw chain.Flaw) {
	topic := "flaw " + string(flaw)
	made, err := chain.NewFlawed(flaw, h.Intermediate, false, flawedName, k.clock())
	if err != nil {
		k.teller.once(topic, err.Error())
		return
	}
	v.flawed[flaw] = newIdentity(append([]*x509.Certificate{made.Cert}, made.Chain...), made.Key, k.asks)
}

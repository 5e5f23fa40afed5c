package winstore

import (
	"fmt"
	"time"
)

// Query is a chain to be judged by Windows.
type Query struct {
	Leaf []byte // DER
	// Intermediates are what a server would send along. Windows also takes
	// those in its CA stores, so that a leaf may be trusted without any here.
	Intermediates [][]byte
	Host          string    // the name a client asked for: "localhost"
	Machine       bool      // as services and HTTP.sys see it; otherwise as this user does
	At            time.Time // the time to judge by; zero means Windows' own clock
}

// Verdict is what Windows says of a chain for a TLS server.
type Verdict struct {
	// Trusted says that Windows' chain engine and its SSL policy found nothing.
	Trusted bool
	// Status is CERT_TRUST_STATUS.dwErrorStatus of the whole chain.
	Status uint32
	// Policy is the SSL policy's error; 0 when it is content. The policy knows
	// the host name, which the chain does not.
	Policy uint32
	// Reasons say Status and Policy in words, with their numbers.
	Reasons []string
	// Chain is what Windows built, leaf first, each as DER. Where Trusted, its
	// last is the root that is trusted, which need not be the one expected.
	Chain [][]byte
}

// statusWords are the bits of CERT_TRUST_STATUS.dwErrorStatus (wincrypt.h).
var statusWords = []struct {
	bit  uint32
	text string
}{
	{0x00000001, "expired or not yet valid"},
	{0x00000004, "revoked"},
	{0x00000008, "a signature is wrong"},
	{0x00000010, "not for this use"},
	{0x00000020, "the root is not trusted"},
	{0x00000040, "whether it is revoked is unknown"},
	{0x00000080, "the chain goes round in circles"},
	{0x00000100, "an extension is wrong"},
	{0x00000200, "policy constraints are wrong"},
	{0x00000400, "basic constraints are wrong"},
	{0x00000800, "name constraints are wrong"},
	{0x00001000, "a name constraint is not supported"},
	{0x00002000, "a name constraint is not defined"},
	{0x00004000, "a name is not permitted by the name constraints"},
	{0x00008000, "a name is excluded by the name constraints"},
	{0x00010000, "an issuer is missing"},
	{0x00020000, "a trust list is expired"},
	{0x00040000, "a trust list's signature is wrong"},
	{0x00080000, "a trust list is not for this use"},
	{0x00100000, "a signature is too weak"},
	{0x01000000, "the revocation list cannot be had"},
	{0x02000000, "no issuance policy"},
	{0x04000000, "explicitly distrusted"},
	{0x08000000, "a critical extension is not supported"},
}

// policyWords are the errors of the SSL policy (winerror.h).
var policyWords = map[uint32]string{
	0x800B0101: "expired or not yet valid",
	0x800B0103: "a CA certificate is used as an end certificate, or the reverse",
	0x800B0105: "a critical extension is not supported",
	0x800B0106: "not for this purpose",
	0x800B0109: "the root is not trusted",
	0x800B010A: "an issuer is missing",
	0x800B010C: "revoked",
	0x800B010E: "whether it is revoked is unknown",
	0x800B010F: "the name is not in the certificate",
	0x800B0110: "not for TLS servers",
	0x800B0111: "explicitly distrusted",
	0x800B0114: "a name is not permitted by the name constraints",
	0x80096004: "a signature is wrong",
	0x80096019: "basic constraints are wrong",
	0x80092010: "revoked",
	0x80092012: "whether it is revoked is unknown",
	0x80092013: "the revocation list cannot be had",
}

// conclude derives Trusted and Reasons from the numbers. Bits without a word
// here count all the same.
func (v Verdict) conclude() Verdict {
	v.Trusted = v.Status == 0 && v.Policy == 0
	rest := v.Status
	for _, w := range statusWords {
		if v.Status&w.bit != 0 {
			v.Reasons = append(v.Reasons, fmt.Sprintf("%s (chain status 0x%08x)", w.text, w.bit))
			rest &^= w.bit
		}
	}
	if rest != 0 {
		v.Reasons = append(v.Reasons, fmt.Sprintf("unknown chain status (0x%08x)", rest))
	}
	if v.Policy != 0 {
		text := policyWords[v.Policy]
		if text == "" {
			text = "refused"
		}
		v.Reasons = append(v.Reasons, fmt.Sprintf("%s (SSL policy 0x%08x)", text, v.Policy))
	}
	return v
}

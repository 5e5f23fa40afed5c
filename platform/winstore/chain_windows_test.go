package winstore

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert/chain"
)

const (
	partialChain = 0x00010000
	untrusted    = 0x00000020
	notInTime    = 0x00000001
	wrongName    = 0x800B010F
)

func query(h *chain.Hierarchy) Query {
	return Query{Leaf: h.Leaf.Cert.Raw, Intermediates: [][]byte{h.Intermediate.Cert.Raw}, Host: "localhost"}
}

func requireVerdict(t *testing.T, q Query, status uint32) Verdict {
	t.Helper()
	v, err := Verify(q)
	require.NoError(t, err)
	require.Equal(t, numeral(status), numeral(v.Status), "%v", v.Reasons)
	require.Equal(t, status == 0 && v.Policy == 0, v.Trusted)
	require.Equal(t, v.Trusted, len(v.Reasons) == 0)
	return v
}

func TestVerify(t *testing.T) {
	useMachine(t)
	h := newHierarchy(t, chain.ECDSA)
	roots, cas := Store{Location: LocalMachine, Name: Root}, Store{Location: LocalMachine, Name: CA}
	roots.forget(t, h.Root.Raw)
	cas.forget(t, h.Intermediate.Cert.Raw)
	for _, machine := range []bool{true, false} {
		q := query(h)
		q.Machine = machine
		requireVerdict(t, q, partialChain)
		require.Equal(t, "distrusted", goSays(t, h))

		_, err := roots.Add(h.Root.Raw, "")
		require.NoError(t, err)
		v := requireVerdict(t, q, 0)
		require.True(t, v.Trusted)
		require.Equal(t, [][]byte{h.Leaf.Cert.Raw, h.Intermediate.Cert.Raw, h.Root.Raw}, v.Chain)
		require.Equal(t, "trusted", goSays(t, h))

		q.Host = "example.com"
		v = requireVerdict(t, q, 0)
		require.Equal(t, uint32(wrongName), v.Policy)
		require.False(t, v.Trusted)

		q.Host, q.At = "localhost", h.Leaf.Cert.NotAfter.Add(time.Hour)
		requireVerdict(t, q, notInTime)

		q.At, q.Intermediates = time.Time{}, nil
		requireVerdict(t, q, partialChain)
		_, err = cas.Add(h.Intermediate.Cert.Raw, "")
		require.NoError(t, err)
		requireVerdict(t, q, 0)

		_, err = roots.Delete(h.Root.Raw, false)
		require.NoError(t, err)
		_, err = cas.Delete(h.Intermediate.Cert.Raw, false)
		require.NoError(t, err)
		requireVerdict(t, query(h), partialChain)
	}
	_, err := cas.Add(h.Root.Raw, "")
	require.NoError(t, err)
	requireVerdict(t, query(h), untrusted)
	_, err = cas.Delete(h.Root.Raw, false)
	require.NoError(t, err)
}

func TestVerifyBadInput(t *testing.T) {
	h := newHierarchy(t, chain.ECDSA)
	for name, change := range map[string]func(*Query){
		"no host":      func(q *Query) { q.Host = "" },
		"a zero":       func(q *Query) { q.Host = "a\x00b" },
		"no leaf":      func(q *Query) { q.Leaf = nil },
		"no DER":       func(q *Query) { q.Leaf = []byte("x") },
		"intermediate": func(q *Query) { q.Intermediates = append(q.Intermediates, []byte("x")) },
	} {
		q := query(h)
		change(&q)
		v, err := Verify(q)
		var e *Error
		require.ErrorAs(t, err, &e, name)
		require.False(t, v.Trusted)
	}
}

// What belongs nowhere near Root is found there, and judged.
func TestMisplacedInRoot(t *testing.T) {
	useMachine(t)
	h := newHierarchy(t, chain.ECDSA)
	roots := Store{Location: LocalMachine, Name: Root}
	before, err := roots.List()
	require.NoError(t, err)
	for _, j := range JudgeRoots(before, h.Root) {
		require.Empty(t, j.Misplaced, "%s: what comes with the system is in order", thumbprint(j.DER))
	}
	for _, c := range []*x509.Certificate{h.Root, h.Intermediate.Cert, h.Leaf.Cert} {
		roots.forget(t, c.Raw)
		_, err := roots.Add(c.Raw, "")
		require.NoError(t, err)
	}
	list, err := roots.List()
	require.NoError(t, err)
	found := map[Kind]string{}
	for _, j := range JudgeRoots(list, h.Root) {
		if j.Proven {
			found[j.Kind] = j.Misplaced
		}
	}
	require.Equal(t, map[Kind]string{RootKind: "",
		IntermediateKind: "it is a devcert intermediate, which is not self-signed",
		LeafKind:         "it is a devcert leaf, which is not self-signed"}, found)
	requireVerdict(t, query(h), 0)
}

// goSays lets Go's platform verifier judge in another process, as a client would.
func goSays(t *testing.T, h *chain.Hierarchy) string {
	t.Helper()
	return child(t, "TestChildVerify", base64.StdEncoding.EncodeToString(h.Leaf.Cert.Raw)+" "+base64.StdEncoding.EncodeToString(h.Intermediate.Cert.Raw))
}

func TestChildVerify(t *testing.T) {
	words := strings.Fields(os.Getenv(childVariable))
	if len(words) != 2 {
		t.Skip("runs in a process of its own")
	}
	leaf, err := x509.ParseCertificate(decode(t, words[0]))
	require.NoError(t, err)
	intermediate, err := x509.ParseCertificate(decode(t, words[1]))
	require.NoError(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(intermediate)
	chains, err := leaf.Verify(x509.VerifyOptions{Intermediates: pool, DNSName: "localhost"})
	answer := "trusted"
	if err != nil {
		answer = "distrusted"
	} else {
		require.True(t, bytes.Equal(chains[0][1].Raw, intermediate.Raw))
	}
	fmt.Printf("\nanswer: %s\n", answer)
}

package winstore

import (
	"bytes"
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/devcert/chain"
	"devcert/platform/elevate"
	"devcert/scripts/fuzzlimit"
)

// FuzzRequest says bodies of requests to the privileged side: what is accepted is a
// part of a hierarchy of devcert's, whatever else is said.
func FuzzRequest(f *testing.F) {
	h := newHierarchy(f, chain.ECDSA)
	for _, req := range []any{
		DeployRequest{Part: chain.PartRoot, Chain: ders(h.Root)},
		DeployRequest{Part: chain.PartIntermediate, Chain: ders(h.Intermediate.Cert, h.Root), Lists: [][]byte{h.RootCRL}},
		DeployRequest{Part: chain.PartLeaf, Chain: ders(h.Leaf.Cert, h.Intermediate.Cert, h.Root), Key: encodeKey(f, h.Leaf.Key)},
		WithdrawRequest{Store: "windows-my", DER: h.Leaf.Cert.Raw},
		WithdrawRequest{Store: "windows-ca", DER: h.Intermediate.Cert.Raw},
	} {
		body, err := json.Marshal(req)
		require.NoError(f, err)
		f.Add(body)
	}
	deploy := elevate.Typed(func(_ context.Context, req DeployRequest, _ func()) error {
		_, pair, err := req.accept()
		if err == nil && (chain.PartOf(pair.Cert) != req.Part || !bytes.Equal(pair.Cert.Raw, req.Chain[0])) {
			panic("another part was accepted")
		}
		return err
	})
	withdraw := elevate.Typed(func(_ context.Context, req WithdrawRequest, _ func()) error {
		_, _, err := req.accept()
		if cert, _, wrong := chain.CheckPart(req.DER); err == nil && (wrong != nil || chain.PartOf(cert) == "") {
			panic("what is not devcert's would be removed")
		}
		return err
	})
	fuzzlimit.Fuzz(f, func(t *testing.T, body []byte) {
		for _, do := range []elevate.Handler{deploy, withdraw} {
			if err := do(context.Background(), body, nil); err != nil {
				require.Contains(t, err.Error(), "refused")
			}
		}
	})
}

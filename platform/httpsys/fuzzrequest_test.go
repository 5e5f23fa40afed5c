package httpsys

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/platform/elevate"
	"devcert/scripts/fuzzlimit"
)

// FuzzRequest says bodies of requests to the privileged side: whatever is in them,
// what goes into netsh's commands has its one form.
func FuzzRequest(f *testing.F) {
	for _, body := range []string{
		`{"ports":[44300,44301],"thumbprint":"00112233445566778899aabbccddeeff00112233"}`,
		`{"ports":[1],"thumbprint":"00112233445566778899AABBCCDDEEFF00112233","appId":"{214124cd-d05b-4309-9af9-9caa44b2b74a}","takeOver":true,"negotiate":"on"}`,
		`{"ports":[0]}`, `{"ports":[1e3]}`, `{"ports":null}`, `null`, `{"path":"x"}`, `{"ports":[1],"thumbprint":"x\" & del"}`,
	} {
		f.Add([]byte(body))
	}
	bind := elevate.Typed(func(_ context.Context, req BindRequest, _ func()) error {
		o, err := req.order()
		if err != nil {
			return err
		}
		if !slices.IsSorted(o.ports) || len(o.ports) == 0 || o.ports[0] < 1 || o.ports[len(o.ports)-1] > 65535 || len(o.ports) > MaxPorts {
			panic(o.ports)
		}
		if strings.ContainsAny(o.thumbprint+o.appID, " \t\r\n\"&|%") || len(o.appID) != 38 {
			panic(o)
		}
		return nil
	})
	fuzzlimit.Fuzz(f, func(t *testing.T, body []byte) {
		if err := bind(context.Background(), body, nil); err != nil {
			require.Contains(t, err.Error(), "refused")
		}
	})
}

package dotnet

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/devcert/chain"
)

func TestStaleExports(t *testing.T) {
	h, former := newHierarchy(t), newHierarchy(t)
	made := h.Leaf.Cert.NotBefore.Add(chain.Backdate)
	export := func(p chain.Pair, password string) []byte {
		data, err := chain.EncodePFX(chain.PFXModern, p, nil, password)
		require.NoError(t, err)
		return data
	}
	until := former.Leaf.Cert.NotAfter.UTC().Format(time.DateOnly)
	devcerts := marked(t, expired, 6)
	for _, row := range []struct {
		name string
		data []byte
		when time.Time
		env  string
		want string
	}{
		{"the leaf", export(h.Leaf, ""), made, "", ""},
		{"the leaf, with a password that is known", export(h.Leaf, "pw"), made.Add(-time.Hour), passwordVariables[1] + "=pw", ""},
		{"a former leaf", export(former.Leaf, ""), made, "", "it holds a leaf of devcert's that is not the present one, until " + until},
		{"a former leaf, with a password that is known", export(former.Leaf, "pw"), made, passwordVariables[0] + "=pw",
			"it holds a leaf of devcert's that is not the present one, until " + until},
		{"dotnet dev-certs', expired", export(devcerts, ""), made, "", "it holds another development certificate, until " + now.Add(-24*time.Hour).UTC().Format(time.DateOnly)},
		{"a password, from before the leaf", export(former.Leaf, "pw"), made.Add(-time.Minute), "",
			"it was written on " + made.Add(-time.Minute).UTC().Format(time.DateOnly) + ", before the present leaf was made"},
		{"a password, from after the leaf: it may hold it", export(former.Leaf, "pw"), made.Add(time.Minute), "", ""},
		{"not one that Kestrel takes from there", export(marked(t, nil), ""), made, "", ""},
		{"no PKCS#12", []byte("x"), made.Add(-time.Hour), "", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			for _, data := range []string{"", "AppData"} {
				home := t.TempDir()
				s := &Store{Env: []string{"HOME=" + home, row.env}}
				dir := filepath.Join(home, ".aspnet", "https")
				if data != "" {
					s.Env = append(s.Env, "APPDATA="+filepath.Join(home, data))
					dir = filepath.Join(home, data, "ASP.NET", "https")
				}
				require.NoError(t, os.MkdirAll(dir, 0o700))
				path := filepath.Join(dir, "shop.pfx")
				require.NoError(t, os.WriteFile(path, row.data, 0o600))
				require.NoError(t, os.Chtimes(path, row.when, row.when))
				var want []devcert.Stray
				if row.want != "" {
					want = []devcert.Stray{{Harm: devcert.HarmStaleExport, Where: path, Why: row.want}}
				}
				require.Equal(t, want, s.staleExports(t.Context(), home, h.Leaf.Cert))
			}
		})
	}
}

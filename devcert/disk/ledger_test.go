package disk

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert/chain"
)

func sampleLedger(t testing.TB) *Ledger {
	t.Helper()
	l := &Ledger{Machine: "a1b2", Exposed: []string{"00ff"}}
	l.Record("system", sample(t, 0).Root, noon)
	l.Record("firefox", sample(t, 0).Root, noon.Add(time.Hour))
	l.Record("system", sample(t, 1).Root, noon)
	return l
}

func TestLedgerRoundTrip(t *testing.T) {
	for _, row := range []struct {
		name   string
		ledger *Ledger
	}{
		{"empty", &Ledger{}},
		{"full", sampleLedger(t)},
		{"every part", &Ledger{Entries: []Entry{
			{"windows-root", sample(t, 0).Root, noon},
			{"windows-ca", sample(t, 0).Intermediate.Cert, noon},
			{"windows-my", sample(t, 0).Leaf.Cert, noon},
		}}},
		{"strange words", &Ledger{Machine: "\u0000<&>\"\\ é", Exposed: []string{""}}},
	} {
		t.Run(row.name, func(t *testing.T) {
			data, err := row.ledger.Encode()
			require.NoError(t, err)
			require.True(t, bytes.HasSuffix(data, []byte("}\n")))
			got, err := ParseLedger(data)
			require.NoError(t, err)
			again, err := got.Encode()
			require.NoError(t, err)
			require.Equal(t, string(data), string(again))
			require.Equal(t, row.ledger.Machine, got.Machine)
			require.Equal(t, row.ledger.Exposed, got.Exposed)
			require.Len(t, got.Entries, len(row.ledger.Entries))
			for i, e := range row.ledger.Entries {
				require.Equal(t, e.Store, got.Entries[i].Store)
				require.True(t, e.Cert.Equal(got.Entries[i].Cert))
				require.True(t, e.Since.Equal(got.Entries[i].Since))
			}
		})
	}
}

func TestLedgerRecord(t *testing.T) {
	a, b := sample(t, 0).Root, sample(t, 1).Root
	l := &Ledger{}
	l.Record("system", a, noon.Add(123*time.Millisecond).In(time.FixedZone("CET", 3600)))
	require.Equal(t, noon, l.Entries[0].Since, "whole seconds, UTC: what the file can say")
	l.Record("system", a, noon.Add(time.Hour))
	require.Len(t, l.Entries, 1, "the same root in the same store is one entry")
	require.Equal(t, noon, l.Entries[0].Since, "since it was first put there")
	l.Record("system", b, noon)
	l.Record("firefox", a, noon)

	require.True(t, l.Has("system", a))
	require.True(t, l.Has("", a))
	require.False(t, l.Has("firefox", b))
	l.Forget("system", a)
	require.False(t, l.Has("system", a))
	require.True(t, l.Has("", a), "the other store still has it")
	require.True(t, l.Has("system", b))
}

// edit changes the JSON of a good ledger.
func edit(t *testing.T, change func(doc map[string]any, entry map[string]any)) []byte {
	t.Helper()
	data, err := sampleLedger(t).Encode()
	require.NoError(t, err)
	var doc map[string]any
	require.NoError(t, json.Unmarshal(data, &doc))
	change(doc, doc["entries"].([]any)[0].(map[string]any))
	data, err = json.Marshal(doc)
	require.NoError(t, err)
	return data
}

func TestParseLedgerRefuses(t *testing.T) {
	good, err := sampleLedger(t).Encode()
	require.NoError(t, err)
	h := sample(t, 0)
	_, err = ParseLedger(edit(t, func(_, _ map[string]any) {}))
	require.NoError(t, err, "what the rows change is good")
	pem := func(h *Hierarchy) string { return string(chain.EncodeCertificates(h.Root)) }
	set := func(key string, value any) []byte {
		return edit(t, func(_, entry map[string]any) { entry[key] = value })
	}
	for _, row := range []struct {
		name string
		data []byte
	}{
		{"nothing", nil},
		{"no JSON", []byte("garbage")},
		{"half of it", good[:len(good)/2]},
		{"null", []byte("null")},
		{"a list", []byte("[]")},
		{"no schema", []byte("{}")},
		{"schema 0", []byte(`{"schema":0,"machine":"","entries":[]}`)},
		{"a negative schema", []byte(`{"schema":-1,"machine":"","entries":[]}`)},
		{"a second document", append(bytes.Clone(good), '{', '}')},
		{"trailing text", append(bytes.Clone(good), 'x')},
		{"an unknown field", edit(t, func(doc, _ map[string]any) { doc["run"] = "rm" })},
		{"an unknown field in an entry", set("path", "/etc/passwd")},
		{"no store", set("store", "")},
		{"no certificate", set("certificate", "")},
		{"two certificates", set("certificate", pem(h)+pem(sample(t, 1)))},
		{"a root and text", set("certificate", "hello\n"+pem(h))},
		{"a foreign root", set("certificate", foreignRoot)},
		{"a broken root", set("certificate", strings.Replace(pem(h), "M", "N", 1))},
		{"no date", set("since", "yesterday")},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := ParseLedger(row.data)
			require.Error(t, err)
			require.NotErrorIs(t, err, ErrSchema, "damaged, not newer")
		})
	}
}

// A newer program's ledger is no damage, however little of it is understood:
// replaced, it would be forgotten where its roots are.
func TestParseLedgerOfANewerProgram(t *testing.T) {
	newer := edit(t, func(doc, _ map[string]any) { doc["schema"], doc["notes"] = 2, []string{"unknown here"} })
	_, err := ParseLedger(newer)
	require.ErrorIs(t, err, ErrSchema)

	f := healthyFolder(t)
	write(t, f.path(LedgerFile), newer)
	_, err = f.Snapshot()
	require.ErrorIs(t, err, ErrSchema)
	require.ErrorContains(t, err, LedgerFile)
	require.ErrorContains(t, err, f.Path)
}

// foreignRoot is a certificate authority of somebody else (ISRG Root X2), which
// a forged ledger would have devcert remove from the stores.
const foreignRoot = `-----BEGIN CERTIFICATE-----
MIICGzCCAaGgAwIBAgIQQdKd0XLq7qeAwSxs6S+HUjAKBggqhkjOPQQDAzBPMQsw
CQYDVQQGEwJVUzEpMCcGA1UEChMgSW50ZXJuZXQgU2VjdXJpdHkgUmVzZWFyY2gg
R3JvdXAxFTATBgNVBAMTDElTUkcgUm9vdCBYMjAeFw0yMDA5MDQwMDAwMDBaFw00
MDA5MTcxNjAwMDBaME8xCzAJBgNVBAYTAlVTMSkwJwYDVQQKEyBJbnRlcm5ldCBT
ZWN1cml0eSBSZXNlYXJjaCBHcm91cDEVMBMGA1UEAxMMSVNSRyBSb290IFgyMHYw
EAYHKoZIzj0CAQYFK4EEACIDYgAEzZvVn4CDCuwJSvMWSj5cz3es3mcFDR0HttwW
+1qLFNvicWDEukWVEYmO6gbf9yoWHKS5xcUy4APgHoIYOIvXRdgKam7mAHf7AlF9
ItgKbppbd9/w+kHsOdx1ymgHDB/qo0IwQDAOBgNVHQ8BAf8EBAMCAQYwDwYDVR0T
AQH/BAUwAwEB/zAdBgNVHQ4EFgQUfEKWrt5LSDv6kviejM9ti6lyN5UwCgYIKoZI
zj0EAwMDaAAwZQIwe3lORlCEwkSHRhtFcP9Ymd70/aTSVaYgLXTWNLxBo1BfASdW
tL4ndQavEi51mI38AjEAi/V3bNTIZargCyzuFJ0nN6T5U6VR5CmD1/iQMVtCnwr1
/q4AaOeMSQ+2b1tbFfLn
-----END CERTIFICATE-----
`

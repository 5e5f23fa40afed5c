package httpsys

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"devcert/platform/httpsys/internal/standin"
	"devcert/scripts/fuzzlimit"

	"github.com/stretchr/testify/require"
)

func seed(f *testing.F, lines ...string) {
	f.Helper()
	table := standin.Table{Bindings: mixed(3), Reservations: standin.System()}
	layouts(func(_ string, s standin.Settings) { f.Add(standin.Transcript(s, table, lines...)) })
	for _, text := range []string{"", japanese, french, "\xff\xfe1\x00", "----\n0.0.0.0:1\n"} {
		f.Add([]byte(text))
	}
}

// written says whether text stands in the output as it is, in either encoding.
func written(out []byte, text string) bool {
	return bytes.Contains(bytes.ToLower(plain(out)), []byte(strings.ToLower(text)))
}

// checkRecords says that no record was invented: everything in it stands there.
func checkRecords(t *testing.T, out []byte, records []Record) {
	for _, r := range records {
		require.True(t, written(out, r.Address), r)
		require.True(t, written(out, r.AppID), r)
		require.True(t, r.Thumbprint != "" && written(out, r.Thumbprint) || r.Thumbprint == "" && (r.Kind != IP || written(out, null)), r)
		require.True(t, r.Store == My || written(out, r.Store), r)
		require.Positive(t, r.Port)
		require.LessOrEqual(t, r.Port, 65535)
	}
}

func FuzzParseRecords(f *testing.F) {
	seed(f, look[0])
	fuzzlimit.Fuzz(f, func(t *testing.T, out []byte) {
		records, err := ParseRecords(out)
		checkRecords(t, out, records)
		if err != nil {
			require.Empty(t, records, "an answer is readable or it is not")
			return
		}
		checkComplete(t, under(out, 0), records)
		checkReprinted(t, State{Records: records})
	})
}

func FuzzParseReservations(f *testing.F) {
	seed(f, look[1])
	fuzzlimit.Fuzz(f, func(t *testing.T, out []byte) {
		list, err := ParseReservations(out)
		for _, r := range list {
			require.True(t, written(out, r.URL), r)
			require.True(t, written(out, r.SDDL) && r.SDDL != "", r)
			_ = r.AnyUser()
		}
		if err != nil {
			require.Empty(t, list)
			return
		}
		checkReservations(t, under(out, 0), list)
		checkReprinted(t, State{Reservations: list})
	})
}

func FuzzParseExcluded(f *testing.F) {
	seed(f, look[2])
	fuzzlimit.Fuzz(f, func(t *testing.T, out []byte) {
		ranges, err := ParseExcluded(out)
		for _, r := range ranges {
			require.True(t, 0 <= r.From && r.From <= r.To && r.To <= 65535, r)
			require.True(t, written(out, fmt.Sprint(r.From)) && written(out, fmt.Sprint(r.To)), r)
		}
		if err != nil {
			require.Empty(t, ranges)
			return
		}
		checkRanges(t, under(out, 0), ranges)
		checkReprinted(t, State{Excluded: ranges})
	})
}

func FuzzParseLook(f *testing.F) {
	seed(f, look...)
	fuzzlimit.Fuzz(f, func(t *testing.T, out []byte) {
		_ = codes(out)
		s, err := ParseLook(out)
		if err != nil {
			require.Empty(t, s)
			return
		}
		checkRecords(t, out, s.Records)
		checkComplete(t, under(out, 0), s.Records)
		checkReservations(t, under(out, 1), s.Reservations)
		checkRanges(t, under(out, 2), s.Excluded)
		checkReprinted(t, s)
	})
}

// FuzzRoundTrip writes a record as the command that makes it, lets the
// stand-in run that, and reads the record back from what it shows.
func FuzzRoundTrip(f *testing.F) {
	f.Add(uint8(0), "host.name", uint16(44300), []byte("x"), "My Store", uint8(0), uint16(0), uint8(0))
	f.Add(uint8(3), "*.host", uint16(1), []byte{1, 2}, "MY", uint8(255), uint16(3600), uint8(7))
	fuzzlimit.Fuzz(f, func(t *testing.T, kind uint8, host string, port uint16, id []byte, store string, flags uint8, seconds uint16, layout uint8) {
		id = append(id, make([]byte, 20)...)
		switches := func(bit uint8, off, on Switch) Switch {
			if flags&(1<<bit) != 0 {
				return on
			}
			return off
		}
		r := Record{
			Kind: []Kind{IP, Hostname, ScopedCCS, CCS}[kind%4], Port: int(port), Store: store,
			Thumbprint: fmt.Sprintf("%040X", id[:20]), AppID: fmt.Sprintf("{%x-%x-%x-%x-%x}", id[:4], id[4:6], id[6:8], id[8:10], id[10:16]),
			Settings: Settings{
				Revocation: switches(0, On, Off), CachedOnly: switches(1, Off, On), UsageCheck: switches(2, On, Off),
				Mapper: switches(3, Off, On), Negotiate: switches(4, Off, On), Freshness: int(seconds), Timeout: int(seconds) * 2,
				CTLStore: store,
			},
		}
		switch r.Kind {
		case IP:
			r.Address = fmt.Sprintf("%d.%d.%d.%d:%d", id[0], id[1], id[2], id[3], port)
		case CCS:
			r.Address, r.Thumbprint, r.Store = fmt.Sprint(port), "", My
		case ScopedCCS:
			r.Address, r.Thumbprint, r.Store = fmt.Sprintf("%s:%d", host, port), "", My
		default:
			r.Address = fmt.Sprintf("%s:%d", host, port)
		}
		// One with the usual settings beside it shows what on and off are called.
		usual := Bound(9, theirs, IISExpress)
		if usual.Is(r) || flags&0x0f == 0x0f {
			return // taken, or contradicting the usual one in every word
		}
		lines, err := Change{Add: []Record{usual, r}}.Lines()
		if err != nil {
			return // refused, and rightly: TestNothingIsInjected
		}
		s := standin.Settings{Language: []string{"en", "de", "ru"}[layout%3], Certificates: []string{"*"},
			Version: []string{"2012r2", "2019", "2022", "2025"}[layout/3%4]}
		out := standin.Transcript(s, standin.Table{}, append(lines, look...)...)
		got, err := ParseLook(out)
		if r.Kind != IP && r.Kind != CCS && strings.Trim(host, "*._-0123456789") == "" {
			require.Error(t, err) // a name without a letter is not known for one
			return
		}
		require.NoError(t, err, "%s", out)
		require.Len(t, got.Records, 2)
		if strings.EqualFold(r.Store, My) {
			r.Store = My
		}
		require.Equal(t, r, got.Records[1])
	})
}

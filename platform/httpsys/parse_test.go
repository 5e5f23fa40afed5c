package httpsys

import (
	"strings"
	"testing"

	"devcert/platform/httpsys/internal/standin"

	"github.com/stretchr/testify/require"
)

func TestReservations(t *testing.T) {
	const (
		head = "URL Reservations:\n-----------------\n\n"
		at   = "    Reserved URL            : https://localhost:44300/ \n"
		user = "        User: \\Everyone\n            Listen: Yes\n            Delegate: No\n"
		sddl = "            SDDL: D:(A;;GX;;;WD) \n"
	)
	for _, row := range []struct {
		name, out string
		urls      int
		why       string
	}{
		{"one", head + at + user + sddl, 1, ""},
		{"none", head, 0, ""},
		{"a user that cannot be looked up", head + at + "        User: Can't lookup sid, Error: 1332\n" + sddl, 1, ""},
		{"two", head + at + user + sddl + "    Reservierte URL : HTTP://+:80/x/\n    SDDL: O:BAG:BAD:PAI(A;;GX;;;BU)(D;;GW;;;WD)\n", 2, ""},
		{"an IPv6 address", head + "    Reserved URL : http://[::1]:80/\n" + sddl, 1, ""},
		{"no heading", at + user + sddl, 0, "the heading is missing"},
		{"empty, with words", head + "Access is denied.\n", 0, "says something else"},
		{"no list", head + at + user, 0, "has no access list"},
		{"no list, another follows", head + at + at + sddl, 0, "has no access list"},
		{"no URL", head + sddl, 0, "has no URL"},
		{"two lists", head + at + sddl + sddl, 0, "has no URL"},
	} {
		t.Run(row.name, func(t *testing.T) {
			list, err := ParseReservations([]byte(row.out))
			require.Len(t, list, row.urls)
			if row.why == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, row.why)
		})
	}
}

func TestAnyUser(t *testing.T) {
	for sddl, want := range map[string]bool{
		Everyone:                          true,
		"D:(A;;GX;;;BU)":                  true,
		"D:(A;;GX;;;IU)":                  true,
		"D:(A;;GA;;;AU)":                  true,
		"D:(A;;GWGX;;;S-1-1-0)":           true,
		"D:(A;;0x20000000;;;S-1-5-11)":    true,
		"D:(A;;GX;;;NS)(A;;GX;;;WD)":      true,
		"D:(A;;GW;;;WD)":                  false, // may only delegate
		"D:(A;;GX;;;BA)":                  false,
		"D:(A;;GX;;;S-1-5-21-1-2-3-4)":    false,
		"D:(D;;GX;;;WD)(A;;GX;;;WD)":      false,
		"D:(A;;0x1;;;WD)":                 false,
		"D:(A;;GX;;;S-1-5-32-545-1)":      false,
		"":                                false,
		"D:(A;;GX;;;WD":                   false,
		"D:(XA;;GX;;;WD;(@User.a==\"\"))": false,
	} {
		require.Equal(t, want, Reservation{SDDL: sddl}.AnyUser(), sddl)
	}
}

func TestExcluded(t *testing.T) {
	const head = "Protocol tcp Port Exclusion Ranges\n\nStart Port    End Port\n----------    --------\n"
	for _, row := range []struct {
		name, out string
		want      []Range
		why       string
	}{
		{"none", head + "\n* - Administered port exclusions.\n", nil, ""},
		{"no footnote", head, nil, ""},
		{"some", head + "      80          80\n     50000       50059     *\r\n\n* - X\n", []Range{{80, 80, false}, {50000, 50059, true}}, ""},
		{"one dash line", "Protocol\n-------\n 1 2\n", nil, "the heading is missing"},
		{"words", head + "Access is denied.\n", nil, "it lists nothing"},
		{"reversed", head + " 81 80\n", nil, "no range of ports"},
		{"too high", head + " 80 70000\n", nil, "no range of ports"},
		{"endless", head + " 80 99999999999999999999999\n", nil, "no range of ports"},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := ParseExcluded([]byte(row.out))
			require.Equal(t, row.want, got)
			if row.why == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, row.why)
		})
	}
	require.True(t, Range{From: 44380, To: 44479}.Has(44399))
	require.False(t, Range{From: 44380, To: 44479}.Has(44379))
}

// An answer that is missing must not be taken for an empty one.
func TestLookNeedsAllThree(t *testing.T) {
	var s standin.Settings
	table := standin.Table{Reservations: standin.System()}
	for _, lines := range [][]string{
		{look[0], look[1]}, {look[1], look[2]}, {look[0], look[2]}, {look[0]}, {"http show something", look[1], look[2]},
		{look[2], look[1], look[0]}, {look[0], look[1], look[2], look[2]},
	} {
		_, err := ParseLook(standin.Transcript(s, table, lines...))
		require.ErrorContains(t, err, "not the three lists", lines)
	}
	_, err := ParseLook(standin.Transcript(standin.Settings{NotFound: true}, table, look...))
	require.ErrorContains(t, err, "says something else", "nothing found, or nothing shown?")
}

func TestCodes(t *testing.T) {
	for out, want := range map[string][]int{
		"\r\nSSL Certificate add failed, Error: 1312\r\nA specified logon session does not exist.\r\n": {NoKey},
		"Fehler: 5\n":                          {AccessDenied},
		"\x8e\xe8\xa8\xa1\xaa\xa0 183":         {Exists},   // code page 866, no colon
		"\x83\x47\x83\x89\x81\x5b\x81\x461359": {Internal}, // code page 932, full-width colon
		"Error: 0x80070520.":                   {NoKey},
		"Error: 2\nError: 87\nError: 2\n":      {BadParameter, NotFound},
		"Error: 4711\n":                        nil,
		"ipport=0.0.0.0:443\nstep 5\n5\n":      nil,
		"Revocation Freshness Time 5\n":        nil,
		"":                                     nil,
	} {
		require.Equal(t, want, codes([]byte(out)), "%q", out)
	}
}

func TestSettingsAreReadByComparison(t *testing.T) {
	with := func(flags map[string]string) standin.Binding {
		b := standin.IISExpress(1, 1, theirs)[0]
		b.Flags = flags
		return b
	}
	negotiates := with(map[string]string{"clientcertnegotiation": "enable", "revocationfreshnesstime": "3600",
		"urlretrievaltimeout": "500", "sslctlstorename": "ClientAuthIssuer", "sslctlidentifier": "list-1"})
	turned := with(map[string]string{"verifyclientcertrevocation": "disable", "usagecheck": "disable"})
	upside := with(map[string]string{"verifyclientcertrevocation": "disable", "usagecheck": "disable",
		"verifyrevocationwithcachedclientcertonly": "enable", "dsmapperusage": "enable"})
	read := func(list ...standin.Binding) (negotiate []Switch, first Settings) {
		for i := range list {
			list[i].Place = "0.0.0.0:" + strings.Repeat("1", i+1)
		}
		records, err := ParseRecords(standin.Transcript(standin.Settings{Language: "ru"}, standin.Table{Bindings: list}, look[0]))
		require.NoError(t, err)
		for _, r := range records {
			negotiate = append(negotiate, r.Negotiate)
		}
		return negotiate, records[0].Settings
	}
	got, first := read(negotiates)
	require.Equal(t, []Switch{On}, got)
	require.Equal(t, Settings{Revocation: On, CachedOnly: Off, UsageCheck: On, Mapper: Off, Negotiate: On,
		Freshness: 3600, Timeout: 500, CTLIdentifier: "list-1", CTLStore: "ClientAuthIssuer"}, first)
	got, _ = read(turned)
	require.Equal(t, []Switch{""}, got, "one word tells nothing")
	got, first = read(turned, with(nil))
	require.Equal(t, []Switch{Off, Off}, got)
	require.Equal(t, Off, first.Revocation)
	got, _ = read(with(nil), upside)
	require.Equal(t, []Switch{"", ""}, got, "records that contradict each other tell nothing")
}

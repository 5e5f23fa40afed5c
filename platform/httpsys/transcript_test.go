package httpsys

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"

	"devcert/platform/httpsys/internal/standin"

	"github.com/stretchr/testify/require"
)

// layouts is every language in every layout, with either end of line.
func layouts(visit func(name string, s standin.Settings)) {
	for _, language := range []string{"en", "de", "ru"} {
		for _, version := range []string{"2012r2", "2019", "2022", "2025"} {
			for _, newline := range []string{"\r\n", "\n"} {
				visit(fmt.Sprintf("%s %s %q", language, version, newline), standin.Settings{
					Language: language, Version: version, Newline: newline, BOM: version == "2022",
					Excluded: [][2]int{{44380, 44479}, {50000, 50059}},
				})
			}
		}
	}
}

// mixed are bindings of every kind among those of IIS Express.
func mixed(n int) []standin.Binding {
	list := standin.IISExpress(40000, 40000+n-1, theirs)
	for i := range list {
		switch i % 10 {
		case 1:
			list[i].Place = fmt.Sprintf("[::]:%d", 40000+i)
		case 2:
			list[i].Place = fmt.Sprintf("[fe80::1%%4]:%d", 40000+i)
		case 3:
			list[i].Kind, list[i].Place = "hostnameport", fmt.Sprintf("host.name:%d", 40000+i)
		case 4:
			list[i].Kind, list[i].Place, list[i].Hash, list[i].Store = "ccs", fmt.Sprint(40000+i), "", ""
		case 5:
			list[i].Kind, list[i].Place, list[i].Hash, list[i].Store = "scopedccs", fmt.Sprintf("*.host.name:%d", 40000+i), "", ""
		case 6:
			list[i].Hash, list[i].Store = strings.Repeat("0a", 32), "Remote Desktop"
		case 7:
			list[i].Flags = map[string]string{"clientcertnegotiation": "enable"}
		case 8:
			list[i].Flags, list[i].Store = map[string]string{"verifyclientcertrevocation": "disable", "dsmapperusage": "enable"}, "My"
		case 9:
			list[i].Store, list[i].AppID = "", strings.ToUpper(foreign)
		}
	}
	return list
}

func TestTranscripts(t *testing.T) {
	layouts(func(name string, s standin.Settings) {
		for _, count := range []int{0, 1, 100, 1000} {
			t.Run(fmt.Sprintf("%s, %d", name, count), func(t *testing.T) {
				table := standin.Table{Bindings: mixed(count), Reservations: standin.System()}
				var want []Record
				for _, b := range table.Bindings {
					want = append(want, shown(b))
				}
				for i := range count {
					table.Reservations = append(table.Reservations, standin.Reservation(Reserved(40000+i)))
				}

				records, err := ParseRecords(standin.Transcript(s, table, look[0]))
				require.NoError(t, err)
				require.Equal(t, want, records)

				urls, err := ParseReservations(standin.Transcript(s, table, look[1]))
				require.NoError(t, err)
				require.Len(t, urls, len(table.Reservations))
				for i, r := range table.Reservations {
					require.Equal(t, Reservation(r), urls[i])
				}

				ranges, err := ParseExcluded(standin.Transcript(s, table, look[2]))
				require.NoError(t, err)
				require.Equal(t, []Range{{5357, 5357, false}, {44380, 44479, false}, {50000, 50059, true}}, ranges)

				all, err := ParseLook(standin.Transcript(s, table, look...))
				require.NoError(t, err)
				require.Equal(t, State{Records: want, Reservations: urls, Excluded: ranges}, all)
			})
		}
	})
}

// Whatever a transcript is cut down to, a binding is not lost without a word.
func TestCutTranscripts(t *testing.T) {
	for _, version := range []string{"2012r2", "2025"} {
		s := standin.Settings{Version: version, Language: "ru", Excluded: [][2]int{{44380, 44479}}}
		table := standin.Table{Bindings: mixed(10), Reservations: standin.System()}
		out := standin.Transcript(s, table, look...)
		whole, err := ParseLook(out)
		require.NoError(t, err)
		for cut := range out {
			got, err := ParseLook(out[:cut])
			if err != nil {
				continue
			}
			require.Equal(t, whole.Records, got.Records, "cut at %d", cut)
			require.Equal(t, whole.Reservations, got.Reservations, "cut at %d", cut)
		}
	}
}

func TestUTF16(t *testing.T) {
	text := string(standin.Transcript(standin.Settings{}, standin.Table{Bindings: mixed(1)}, look[0]))
	little, big := []byte("\xff\xfe"), []byte("\xfe\xff")
	for _, unit := range utf16.Encode([]rune(text)) {
		little, big = append(little, byte(unit), byte(unit>>8)), append(big, byte(unit>>8), byte(unit))
	}
	for _, out := range [][]byte{little, big} {
		records, err := ParseRecords(out)
		require.NoError(t, err)
		require.Len(t, records, 1)
	}
}

// japanese is a record as a console with code page 932 shows it: the second
// byte of a letter may be one of ASCII, here \ and | among others.
const japanese = "\r\nSSL \x8f\xd8\x96\xbe\x8f\x91\x82\xcc\x83\x6f\x83\x43\x83\x93\x83\x68:\r\n" +
	"-------------------------\r\n\r\n" +
	"    IP:\x83\x7c\x81\x5b\x83\x67                    : 0.0.0.0:44300\r\n" +
	"    \x8f\xd8\x96\xbe\x8f\x91\x83\x6e\x83\x62\x83\x56\x83\x85             : 61d34f532da121bbab64723c4871e72c92f03735\r\n" +
	"    \x83\x41\x83\x76\x83\x8a\x83\x50\x81\x5b\x83\x56\x83\x87\x83\x93 ID         : {214124cd-d05b-4309-9af9-9caa44b2b74a}\r\n" +
	"    \x8f\xd8\x96\xbe\x8f\x91\x83\x58\x83\x67\x83\x41\x96\xbc             : (null)\r\n" +
	"    \x8e\xb8\x8c\xf8\x82\xcc\x8a\x6d\x94\x46 : \x97\x4c\x8c\xf8\r\n"

// french has an unbreakable blank before each colon, in code page 1252.
const french = "Liaisons de certificat SSL\xa0:\n-------------------------\n\n" +
	"    Adresse IP:port\xa0: [::1]:44300\n" +
	"    Hachage du certificat\xa0: 61d34f532da121bbab64723c4871e72c92f03735\n" +
	"    ID de l'application\xa0: {214124cd-d05b-4309-9af9-9caa44b2b74a}\n" +
	"    Nom du magasin\xa0: My\n"

func TestOtherLanguages(t *testing.T) {
	want := Bound(44300, theirs, IISExpress)
	records, err := ParseRecords([]byte(japanese))
	require.NoError(t, err)
	require.Equal(t, []Record{want}, records)

	want.Address = "[::1]:44300"
	records, err = ParseRecords([]byte(french))
	require.NoError(t, err)
	require.Equal(t, []Record{want}, records)
}

func TestUnreadableRecords(t *testing.T) {
	const (
		head  = "SSL Certificate bindings:\n-------------------------\n\n"
		at    = "    IP:port : 0.0.0.0:44300\n"
		hash  = "    Certificate Hash : " + theirs + "\n"
		app   = "    Application ID : " + IISExpress + "\n"
		store = "    Certificate Store Name : MY\n"
	)
	for _, row := range []struct{ name, out, why string }{
		{"nothing", "", "the heading is missing"},
		{"garbage", "\xff\x00(null) : {", "the heading is missing"},
		{"a record without heading", at + hash + app + store, "the heading is missing"},
		{"two headings", head + head, "the heading is missing"},
		{"a table's heading", "Start Port    End Port\n----------    --------\n", "the heading is missing"},
		{"empty, with words", head + "Access is denied.\n", "says something else"},
		{"only an address", head + at, "not complete"},
		{"no store", head + at + hash + app, "not complete"},
		{"no id", head + at + hash + store, "not complete"},
		{"no hash", head + at + app + store, "not complete"},
		{"an empty store", head + at + hash + app + "    Certificate Store Name : \n", "not complete"},
		{"a short hash", head + at + "    Certificate Hash : 61d34f53\n" + app + store, "not complete"},
		{"no address", head + hash + app + store, "has no address"},
		{"a beginning of an unknown kind", head + "    Something : 443/x\n    Certificate Hash : (null)\n" + app + store, "has no address"},
		{"the same, behind another", head + at + hash + app + store + "    Something : 443/x\n    Certificate Hash : (null)\n" + app + store, "has no address"},
		{"a port that is none", head + "    IP:port : 0.0.0.0:70000\n" + hash + app + store, "has no address"},
		{"two hashes", head + at + hash + hash + app + store, "has no address"},
		{"an address amid a record", head + at + hash + at + hash + app + store, "not complete"},
		{"twice", head + at + hash + app + store + at + hash + app + store, "listed twice"},
	} {
		t.Run(row.name, func(t *testing.T) {
			records, err := ParseRecords([]byte(row.out))
			require.ErrorContains(t, err, row.why)
			require.Empty(t, records)
			var e *Error
			require.ErrorAs(t, err, &e)
			require.NotEmpty(t, e.Remedy)
		})
	}
}

func TestUnknownLinesAreIgnored(t *testing.T) {
	out := bytes.ReplaceAll(standin.Transcript(standin.Settings{}, standin.Table{Bindings: mixed(1)}, look[0]),
		[]byte("\r\n    "), []byte("\r\n\r\n    Something new : 12\r\n  more of it\r\n    "))
	records, err := ParseRecords(out)
	require.NoError(t, err)
	require.Len(t, records, 1)
	require.Equal(t, Settings{}, records[0].Settings, "what is not where it is expected is not known")
}

package httpsys

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// What the properties of the fuzz targets forbid, and the parser once did.
func TestWhatFuzzingForbids(t *testing.T) {
	const (
		head  = "SSL Certificate bindings:\n-------------------------\n"
		port  = "Central Certificate Store : 443\n"
		null  = "Certificate Hash : (null)\n"
		hash  = "Certificate Hash : " + theirs + "\n"
		app   = "Application ID : " + IISExpress + "\n"
		store = "Certificate Store Name : MY\n"
	)
	for _, row := range []struct{ name, out string }{
		{"a hash behind the id of a central store", head + port + null + app + hash + store},
		{"a hash behind the one that is not set", head + "Name : host.name:443\n" + null + hash + app + store},
		{"a hash behind the id", head + "IP:port : 0.0.0.0:443\n" + null + app + hash + store},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := ParseRecords([]byte(row.out))
			require.ErrorContains(t, err, "has no address")
		})
	}
	_, err := ParseExcluded([]byte("Ranges\n\n----  ----\n80 80\n81 82 83\n"))
	require.ErrorContains(t, err, "no range of ports", "a row was overlooked")

	list, err := ParseReservations([]byte("URL\n----\nURL : http://+:80/\nG O: D:(A;;GX;;;WD)\n"))
	require.NoError(t, err)
	require.Equal(t, []Reservation{{URL: "http://+:80/", SDDL: Everyone}}, list)
}

// A list of issuers may be named by an id. The number before it is a time, and
// no port of a central store that has this id for its application.
func TestTimeBeforeAnIDIsNoPort(t *testing.T) {
	want := Bound(44300, theirs, IISExpress)
	want.Settings = Settings{Revocation: On, CachedOnly: Off, UsageCheck: On, Mapper: Off, Negotiate: On,
		Freshness: 443, Timeout: 5000, CTLIdentifier: IISExpress, CTLStore: "ClientAuthIssuer"}
	text := "Bindings\n----\n" + printedRecord(want)
	got, err := ParseRecords([]byte(text))
	require.NoError(t, err)
	require.Equal(t, []Record{want}, got)

	central := Record{Kind: CCS, Address: "443", Port: 443, AppID: IISExpress, Store: My}
	got, err = ParseRecords([]byte(text + printedRecord(central)))
	require.NoError(t, err)
	require.Equal(t, []Record{want, central}, got)
}

package httpsys

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLines(t *testing.T) {
	asking := Bound(44300, ours, IISExpress)
	asking.Negotiate = On
	full := Record{Kind: Hostname, Address: "*.host.name:443", Port: 443, Thumbprint: strings.Repeat("AB", 32), AppID: foreign,
		Store: "Remote Desktop", Settings: Settings{Revocation: Off, CachedOnly: On, UsageCheck: Off, Mapper: On, Negotiate: Off,
			Freshness: 3600, Timeout: 500, CTLIdentifier: "x", CTLStore: "ClientAuthIssuer"}}
	c := Change{
		Remove: []Record{Bound(44300, theirs, IISExpress), full, {Kind: CCS, Address: "443", Port: 443},
			{Kind: IP, Address: "[fe80::1%4]:443", Port: 443}, {Kind: ScopedCCS, Address: "a.b:443", Port: 443}},
		Add:       []Record{asking, full, {Kind: CCS, Address: "443", Port: 443, AppID: foreign, Store: My}},
		Unreserve: []Reservation{Reserved(44300)},
		Reserve:   []Reservation{Reserved(44300), {"http://+:80/x_y/", "D:(A;;GX;;;S-1-5-20)"}},
	}
	lines, err := c.Lines()
	require.NoError(t, err)
	require.Equal(t, []string{
		"http delete sslcert ipport=0.0.0.0:44300",
		"http delete sslcert hostnameport=*.host.name:443",
		"http delete sslcert ccs=443",
		"http delete sslcert ipport=[fe80::1%4]:443",
		"http delete sslcert scopedccs=a.b:443",
		"http delete urlacl url=https://localhost:44300/",
		"http add sslcert ipport=0.0.0.0:44300 certhash=" + strings.ToLower(ours) + " appid=" + IISExpress +
			" certstorename=MY clientcertnegotiation=enable",
		"http add sslcert hostnameport=*.host.name:443 certhash=" + strings.Repeat("ab", 32) + " appid=" + foreign +
			` certstorename="Remote Desktop" verifyclientcertrevocation=disable verifyrevocationwithcachedclientcertonly=enable` +
			" usagecheck=disable dsmapperusage=enable revocationfreshnesstime=3600 urlretrievaltimeout=500" +
			" sslctlidentifier=x sslctlstorename=ClientAuthIssuer",
		"http add sslcert ccs=443 appid=" + foreign,
		"http add urlacl url=https://localhost:44300/ sddl=D:(A;;GX;;;WD)",
		"http add urlacl url=http://+:80/x_y/ sddl=D:(A;;GX;;;S-1-5-20)",
	}, lines)
}

// Records come from a ledger or over a pipe: nothing of them may become a
// second command, or another parameter.
func TestNothingIsInjected(t *testing.T) {
	good := Bound(44300, ours, IISExpress)
	for name, spoil := range map[string]func(*Record){
		"address":         func(r *Record) { r.Address = "0.0.0.0:44300\nhttp delete sslcert ipport=0.0.0.0:443" },
		"another port":    func(r *Record) { r.Address = "0.0.0.0:443" },
		"port":            func(r *Record) { r.Port = 0 },
		"port too high":   func(r *Record) { r.Port, r.Address = 70000, "0.0.0.0:70000" },
		"zone":            func(r *Record) { r.Address = "[fe80::1%4 x=y]:44300" },
		"kind":            func(r *Record) { r.Kind = "" },
		"host":            func(r *Record) { r.Kind, r.Address = Hostname, "host name:44300" },
		"host with quote": func(r *Record) { r.Kind, r.Address = Hostname, `host":44300` },
		"host, padded":    func(r *Record) { r.Kind, r.Address = Hostname, "host:044300" },
		"ccs":             func(r *Record) { r.Kind, r.Address, r.Thumbprint = CCS, "44300 x", "" },
		"ccs with hash":   func(r *Record) { r.Kind, r.Address = CCS, "44300" },
		"no hash":         func(r *Record) { r.Thumbprint = "" },
		"hash":            func(r *Record) { r.Thumbprint = ours + "\n" },
		"hash not hex":    func(r *Record) { r.Thumbprint = strings.Repeat("g", 40) },
		"id":              func(r *Record) { r.AppID = IISExpress + " x=y" },
		"id without {}":   func(r *Record) { r.AppID = strings.Trim(IISExpress, "{}") },
		"store":           func(r *Record) { r.Store = `MY" x="y` },
		"store, newline":  func(r *Record) { r.Store = "MY\nx" },
		"no store":        func(r *Record) { r.Store = "" },
		"ctl store":       func(r *Record) { r.CTLStore = "x\r\ny" },
		"ctl id":          func(r *Record) { r.CTLIdentifier = `"` },
		"freshness":       func(r *Record) { r.Freshness = -1 },
	} {
		bad := good
		spoil(&bad)
		lines, err := Change{Add: []Record{good, bad}}.Lines()
		require.Error(t, err, name)
		require.Nil(t, lines, name)
	}
	_, err := Change{Remove: []Record{{Kind: IP, Address: "0.0.0.0:1 x", Port: 1}}}.Lines()
	require.Error(t, err)
	for _, bad := range []Reservation{
		{"https://localhost:44300/ user=Everyone", Everyone}, {"https://localhost:44300", Everyone},
		{"https://localhost:44300/\nx", Everyone}, {"ftp://localhost:1/", Everyone}, {`https://local"host:1/`, Everyone},
		{"https://localhost:44300/", ""}, {"https://localhost:44300/", "D:(A;;GX;;;WD) x=y"},
		{"https://localhost:44300/", "D:(A;;GX;;;WD)\nx"}, {"https://localhost:44300/", `D:(A;;GX;;;"WD")`},
	} {
		_, err := Change{Reserve: []Reservation{bad}}.Lines()
		require.Error(t, err, bad)
	}
	_, err = Change{Unreserve: []Reservation{{URL: "x"}}}.Lines()
	require.Error(t, err)
}

func TestReplaceAndRest(t *testing.T) {
	old := Bound(1, theirs, IISExpress)
	s := State{
		Records:      []Record{old, Bound(2, ours, IISExpress)},
		Reservations: []Reservation{{"HTTPS://localhost:1/", "D:(A;;GX;;;BU)"}, {"https://localhost:2/", "D:(A;;GX;;;BA)"}},
	}
	records, reserved := wanted(1, 3)
	c := s.Replace(records, reserved)
	require.Equal(t, Change{
		Remove:    []Record{old},
		Add:       []Record{records[0], records[2]},
		Unreserve: s.Reservations[1:],
		Reserve:   reserved[1:],
	}, c)
	require.Equal(t, c, c.Rest(s), "nothing has happened")

	done := State{Records: records, Reservations: reserved}
	require.True(t, c.Rest(done).Empty())
	require.True(t, done.Replace(records, reserved).Empty())
	require.Empty(t, done.Lacks(records))

	between := Bound(1, ours, foreign)
	rest := c.Rest(State{Records: []Record{between, records[1], records[2]}, Reservations: reserved})
	require.Equal(t, Change{Add: records[:1]}, rest, "what another process put there stays")

	removal := Change{Remove: []Record{old}, Unreserve: s.Reservations[1:]}
	require.Equal(t, removal, removal.Rest(s))
	require.True(t, removal.Rest(State{}).Empty())
}

func TestSame(t *testing.T) {
	r := Bound(1, strings.ToLower(ours), strings.ToUpper(IISExpress))
	require.True(t, r.Same(Bound(1, ours, IISExpress)))
	asking := r
	asking.Negotiate = On
	require.True(t, r.Same(asking), "what is not known does not differ")
	require.False(t, asking.Same(r))
	off := r
	off.Negotiate = Off
	require.True(t, off.Same(r))
	require.False(t, off.Same(asking))
	require.False(t, r.Shadows())
	require.True(t, Record{Kind: IP, Address: "[::]:1", Port: 1}.Shadows())
	require.True(t, Record{Kind: CCS, Address: "1", Port: 1}.Shadows())
}

// A ledger keeps records as JSON.
func TestRecordSurvivesJSON(t *testing.T) {
	r := shown(mixed(10)[7])
	data, err := json.Marshal(r)
	require.NoError(t, err)
	require.Contains(t, string(data), `"negotiate":"on"`)
	var back Record
	require.NoError(t, json.Unmarshal(data, &back))
	require.Equal(t, r, back)
}

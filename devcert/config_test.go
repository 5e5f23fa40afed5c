package devcert

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/devcert/chain"
	"devcert/devcert/disk"
	"devcert/scripts/fuzzlimit"
)

var knownStores = []string{SystemStore, "firefox", "java"}

func TestConfigWith(t *testing.T) {
	keep, discard := true, false
	start := DefaultConfig()
	start.Names, start.Permits, start.KeepRootKey = []string{"app.test"}, []string{"example.org"}, true
	for _, row := range []struct {
		name   string
		ask    Request
		change func(want *Config)
	}{
		{"nothing keeps everything", Request{}, func(*Config) {}},
		{"a name is added", Request{Names: []string{"b.test"}}, func(c *Config) { c.Names = []string{"app.test", "b.test"} }},
		{"names are sorted", Request{Names: []string{"z.test", "a.test"}}, func(c *Config) { c.Names = []string{"a.test", "app.test", "z.test"} }},
		{"a name twice is one", Request{Names: []string{"app.test", "APP.test"}}, func(*Config) {}},
		{"a name of the profile is there already", Request{Names: []string{"localhost", "127.0.0.1"}}, func(*Config) {}},
		{"an international name", Request{Names: []string{"bücher.test"}}, func(c *Config) { c.Names = []string{"app.test", "xn--bcher-kva.test"} }},
		{"an address in another spelling", Request{Names: []string{"127.0.0.2"}}, func(c *Config) { c.Names = []string{"127.0.0.2", "app.test"} }},
		{"a wildcard", Request{Names: []string{"*.app.test"}}, func(c *Config) { c.Names = []string{"*.app.test", "app.test"} }},
		{"a name is removed", Request{RemoveNames: []string{"App.Test"}}, func(c *Config) { c.Names = []string{} }},
		{"a permit and a name it permits", Request{Permits: []string{"example.net"}, Names: []string{"www.example.net"}}, func(c *Config) {
			c.Names, c.Permits = []string{"app.test", "www.example.net"}, []string{"example.net", "example.org"}
		}},
		{"a permit that the profile has", Request{Permits: []string{"sub.test", "127.1.0.0/16"}}, func(*Config) {}},
		{"a network", Request{Permits: []string{"192.168.1.7/24"}}, func(c *Config) { c.Permits = []string{"192.168.1.0/24", "example.org"} }},
		{"ports, in one spelling", Request{Ports: "9,8,7,1"}, func(c *Config) { c.Ports = "1,7-9" }},
		{"no ports", Request{Ports: NoPorts}, func(c *Config) { c.Ports = NoPorts }},
		{"stores", Request{Stores: []string{"java", "firefox", "java"}}, func(c *Config) { c.Stores = []string{"firefox", "java"} }},
		{"no stores", Request{Stores: []string{NoStores}}, func(c *Config) { c.Stores = []string{NoStores} }},
		{"key", Request{Key: "ecdsa"}, func(c *Config) { c.Key = chain.ECDSA }},
		{"scope", Request{Scope: "user"}, func(c *Config) { c.Scope = ScopeUser }},
		{"the root's key is still kept", Request{KeepRootKey: &keep}, func(*Config) {}},
		{"the root's key no longer", Request{KeepRootKey: &discard}, func(c *Config) { c.KeepRootKey = false }},
	} {
		t.Run(row.name, func(t *testing.T) {
			want := clone(start)
			row.change(want)
			before := clone(start)
			got, err := start.With(row.ask, knownStores)
			require.NoError(t, err)
			require.Equal(t, want, got)
			require.Equal(t, before, start, "the receiver stays as it is")

			again, err := got.With(row.ask, knownStores)
			if len(row.ask.RemoveNames) == 0 {
				require.NoError(t, err)
				require.Equal(t, got, again, "asked again, it changes nothing")
			}
		})
	}
}

func clone(c *Config) *Config {
	out := *c
	out.Names, out.Permits, out.Stores = slices.Clone(c.Names), slices.Clone(c.Permits), slices.Clone(c.Stores)
	return &out
}

func TestConfigWithRefuses(t *testing.T) {
	name := func(s string) Request { return Request{Names: []string{s}} }
	permit := func(s string) Request { return Request{Permits: []string{s}} }
	for _, row := range []struct {
		name    string
		ask     Request
		problem string
		hint    string // a part of it; "-" where there need be none
	}{
		{"a name with spaces", name("a b.test"), "space", "word of its own"},
		{"an empty name", name(""), "empty", "-"},
		{"an empty label", name("a..b"), "empty label", "one dot"},
		{"a label of 70 characters", name(strings.Repeat("a", 70) + ".test"), "63", "-"},
		{"a host name of 64 characters in one label", name(strings.Repeat("a", 64)), "63", "-"},
		{"a name of 300 characters", name(strings.Repeat("a.", 150) + "test"), "253", "-"},
		{"a bare wildcard", name("*"), "wildcard", "*.dev.localhost"},
		{"a wildcard inside", name("a.*.test"), "wildcard", "*.dev.localhost"},
		{"mkcert's fault 6: a flag taken for a name", name("-ecdsa"), "flag", "flags"},
		{"a wildcard for a top-level domain", name("*.com"), "wildcard", "one by one"},
		{"a wildcard for a public suffix", name("*.co.uk"), "wildcard", "one by one"},
		{"outside the constraints", name("www.example.net"), "outside", "devcert setup --permit example.net --name www.example.net"},
		{"a wildcard outside", name("*.a.example.net"), "outside", "--permit example.net --name *.a.example.net"},
		{"an address outside", name("192.168.1.5"), "outside", "--permit 192.168.1.5"},
		{"a single label, which no permit can allow", name("myhost"), "outside", "myhost.test"},
		{"a public suffix, which no permit can allow", name("github.io"), "outside", "app.github.io"},
		{"an IPv6 zone", name("fe80::1%eth0"), "zone", "fe80::1"},
		{"a URL", name("https://localhost"), "URL", "host alone"},
		{"a name with a port", name("localhost:8443"), "port", "localhost"},
		{"an underscore", name("my_app.test"), "underscore", "hyphen"},
		{"a broken A-label", name("xn--0.test"), "international", "-"},
		{"a name that is good after one that is not", Request{Names: []string{"a..b", "c.test"}}, "a..b", "-"},
		{"a public suffix", permit("com"), "public suffix", "app.com"},
		{"a public suffix of two labels", permit("co.uk"), "public suffix", "app.co.uk"},
		{"every IPv4 address", permit("0.0.0.0/0"), "every address", "192.168.1.0/24"},
		{"every IPv6 address", permit("::/0"), "every address", "-"},
		{"half of the internet", permit("0.0.0.0/1"), "too wide", "/8"},
		{"an IPv4 network in IPv6", permit("::ffff:0:0/96"), "mapped", "IPv4"},
		{"a network with a zone", permit("fe80::1%eth0"), "zone", "-"},
		{"a permit that is a wildcard", permit("*.example.org"), "wildcard", "write example.org"},
		{"a permit with a dot before it", permit(".example.org"), "dot", "write example.org"},
		{"a permit that is nothing", permit(""), "empty", "-"},
		{"no network", permit("example.org/24"), "network", "192.168.1.0/24"},
		{"a port outside", Request{Ports: "70000"}, "70000", "65535"},
		{"a reversed range", Request{Ports: "9-1"}, "reversed", "1-9"},
		{"an unknown store", Request{Stores: []string{"netscape"}}, "netscape", "system, firefox, java, all, none"},
		{"an empty store", Request{Stores: []string{""}}, `""`, "system"},
		{"a store in another case", Request{Stores: []string{"System"}}, "System", "system"},
		{"all and another", Request{Stores: []string{"all", "java"}}, "all", "-"},
		{"none and another", Request{Stores: []string{"java", "none"}}, "none", "-"},
		{"the machine's store, of a user", Request{Stores: []string{"system"}, Scope: "user"}, "scope user", "--scope machine"},
		{"more names than a certificate carries", Request{Names: numbered("%d.test", 244)}, "more than the 250", "wildcard"},
		{"more permits than clients compare", Request{Permits: numbered("%d.example.org", 94)}, "more than the 100", "below it"},
		{"more ports than anybody uses", Request{Ports: "1-65535"}, "more than the 1000", "44300-44399"},
		{"a key type", Request{Key: "dsa"}, "dsa", "rsa, ecdsa"},
		{"a key type in another case", Request{Key: "RSA"}, "RSA", "rsa, ecdsa"},
		{"a scope", Request{Scope: "world"}, "world", "user, machine"},
		{"a name of the profile to be removed", Request{RemoveNames: []string{"localhost"}}, "localhost", "-"},
		{"a name to be removed that was never added", Request{RemoveNames: []string{"b.test"}}, "b.test", "app.test"},
		{"a bad name to be removed", Request{RemoveNames: []string{"a..b"}}, "a..b", "-"},
	} {
		t.Run(row.name, func(t *testing.T) {
			start := DefaultConfig()
			start.Names = []string{"app.test"}
			before := clone(start)
			_, err := start.With(row.ask, knownStores)
			var usage *UsageError
			require.ErrorAs(t, err, &usage)
			require.Contains(t, usage.Problem, row.problem)
			require.NotContains(t, usage.Problem, "\n", "one line")
			if row.hint != "-" {
				require.Contains(t, usage.Hint, row.hint)
			}
			require.Equal(t, before, start, "nothing is half done")
		})
	}
}

// A hint that names a command must name one that works.
func TestHintsOfNamesOutsideWork(t *testing.T) {
	for _, name := range []string{"www.example.net", "*.b.example.net", "192.168.1.5", "fd00::7", "a.b.c.example.co.uk", "printer.local", "nas.lan"} {
		_, err := DefaultConfig().With(Request{Names: []string{name}}, nil)
		var usage *UsageError
		require.ErrorAs(t, err, &usage, name)
		_, permit, found := strings.Cut(usage.Hint, "--permit ")
		require.True(t, found, usage.Hint)
		permit, _, _ = strings.Cut(permit, " ")
		_, err = DefaultConfig().With(Request{Names: []string{name}, Permits: []string{permit}}, nil)
		require.NoError(t, err, usage.Hint)
	}
}

func TestConfigRoundTrip(t *testing.T) {
	c, err := DefaultConfig().With(Request{
		Names: []string{"app.example.org"}, Permits: []string{"example.org", "10.0.0.0/8"}, Ports: "8443",
		Stores: []string{"java", "firefox"}, Key: "ecdsa", Scope: "user",
	}, knownStores)
	require.NoError(t, err)
	c.Machine, c.SetUp = "m1", noon
	data, err := c.Encode()
	require.NoError(t, err)
	got, err := ParseConfig(data)
	require.NoError(t, err)
	require.Equal(t, c, got)
}

func TestParseConfigRefuses(t *testing.T) {
	good, err := DefaultConfig().Encode()
	require.NoError(t, err)
	with := func(key string, value any) []byte {
		var doc map[string]any
		require.NoError(t, json.Unmarshal(good, &doc))
		doc[key] = value
		data, err := json.Marshal(doc)
		require.NoError(t, err)
		return data
	}
	for _, row := range []struct {
		name string
		data []byte
	}{
		{"nothing", nil},
		{"garbage", []byte("garbage")},
		{"half of it", good[:len(good)/2]},
		{"null", []byte("null")},
		{"no schema", []byte("{}")},
		{"trailing data", append(bytes.Clone(good), "{}"...)},
		{"an unknown field", with("takeOver", true)},
		{"a negative schema", with("schema", -1)},
		{"a number for names", with("names", 7)},
		{"a bad name", with("names", []string{"a..b"})},
		{"a name outside", with("names", []string{"www.example.net"})},
		{"a bad permit", with("permits", []string{"0.0.0.0/0"})},
		{"bad ports", with("ports", "9-1")},
		{"all stores and one", with("stores", []string{"all", "java"})},
		{"a store that no machine has", with("stores", []string{"netscape"})},
		{"a bad key", with("key", "dsa")},
		{"a bad scope", with("scope", "world")},
		{"no date", with("setUp", "yesterday")},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := ParseConfig(row.data)
			require.Error(t, err)
			require.NotErrorIs(t, err, disk.ErrSchema, "damaged, not newer")
		})
	}
	_, err = ParseConfig([]byte(`{"schema":2,"unknownHere":true}`))
	require.ErrorIs(t, err, disk.ErrSchema, "newer, not damaged: it must not be replaced")
}

// A store that only another system has is no damage.
func TestParseConfigTakesStoresOfOtherSystems(t *testing.T) {
	c := DefaultConfig()
	c.Stores = []string{"windows-root"}
	data, err := c.Encode()
	require.NoError(t, err)
	got, err := ParseConfig(data)
	require.NoError(t, err)
	require.Equal(t, []string{"windows-root"}, got.Stores)
}

// Whatever is accepted is written in one spelling, and read back the same.
func FuzzParseConfig(f *testing.F) {
	good, err := DefaultConfig().Encode()
	require.NoError(f, err)
	f.Add(good)
	f.Add([]byte(`{"schema":1}`))
	f.Add([]byte(`{"schema":2}`))
	f.Add([]byte(`{"schema":1,"names":["B.test","a.test"],"permits":["10.1.2.3/8"],"ports":"3,2,1","stores":["x","x"]}`))
	f.Add([]byte(`{"schema":1,"ports":"none","key":"ecdsa","scope":"user","keepRootKey":true}`))
	fuzzlimit.Fuzz(f, func(t *testing.T, data []byte) {
		c, err := ParseConfig(data)
		if err != nil {
			return
		}
		once, err := c.Encode()
		if err != nil {
			return // a year beyond 9999, which JSON reads and does not write
		}
		again, err := ParseConfig(once)
		require.NoError(t, err)
		twice, err := again.Encode()
		require.NoError(t, err)
		require.Equal(t, string(once), string(twice))
		require.True(t, reflect.DeepEqual(c.PortList(), again.PortList()))
		for _, name := range c.Names {
			require.True(t, c.Permitted().Allows(name))
		}
	})
}

func numbered(format string, n int) []string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf(format, i))
	}
	return all
}

func TestWantsStore(t *testing.T) {
	for _, row := range []struct {
		name         string
		stores       []string
		scope        string
		store        string
		wants, named bool
	}{
		{"all, the system's", []string{AllStores}, ScopeMachine, SystemStore, true, true},
		{"all, one that was found", []string{AllStores}, ScopeMachine, "java", true, false},
		{"all, of a user, the system's", []string{AllStores}, ScopeUser, SystemStore, false, false},
		{"all, of a user, another", []string{AllStores}, ScopeUser, "java", true, false},
		{"none", []string{NoStores}, ScopeMachine, SystemStore, false, false},
		{"named", []string{"java"}, ScopeMachine, "java", true, true},
		{"another named", []string{"java"}, ScopeMachine, SystemStore, false, false},
		{"the system's named, of a user", []string{SystemStore}, ScopeUser, SystemStore, false, false},
		{"all, of a user, what stands in for the system's", []string{AllStores}, ScopeUser, KeychainStore, true, true},
		{"all, the same for the machine", []string{AllStores}, ScopeMachine, KeychainStore, true, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := DefaultConfig()
			c.Stores, c.Scope = row.stores, row.scope
			require.Equal(t, row.wants, c.WantsStore(row.store))
			require.Equal(t, row.named, c.asksFor(row.store))
		})
	}
}

package chain

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParsePermit(t *testing.T) {
	for _, row := range []struct{ name, in, want string }{
		{"domain", "app.example.com", "app.example.com"},
		{"registrable domain", "example.com", "example.com"},
		{"below a private suffix", "me.github.io", "me.github.io"},
		{"upper case", "Example.COM", "example.com"},
		{"international", "bücher.example", "xn--bcher-kva.example"},
		{"unknown top-level domain, below it", "app.mycompany", "app.mycompany"},
		{"network", "192.168.1.0/24", "192.168.1.0/24"},
		{"host bits", "192.168.1.77/24", "192.168.1.0/24"},
		{"widest IPv4", "10.0.0.0/8", "10.0.0.0/8"},
		{"widest IPv6", "fd00::/16", "fd00::/16"},
		{"IPv4 address", "192.168.1.7", "192.168.1.7/32"},
		{"IPv6 address", "FD00::1", "fd00::1/128"},
		{"localhost", "localhost", "localhost"}, {"test", "test", "test"}, {"example", "example", "example"},
		{"invalid", "invalid", "invalid"}, {"local", "local", "local"}, {"internal", "internal", "internal"},
		{"intranet", "intranet", "intranet"}, {"private", "private", "private"}, {"corp", "corp", "corp"},
		{"home", "home", "home"}, {"lan", "lan", "lan"}, {"home.arpa", "home.arpa", "home.arpa"},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := ParsePermit(row.in)
			require.NoError(t, err)
			assert.Equal(t, row.want, got.String())
			again, err := ParsePermit(got.String())
			require.NoError(t, err)
			assert.Equal(t, got, again)
		})
	}
	for _, d := range DefaultPermits().entries() {
		_, err := ParsePermit(d)
		assert.NoError(t, err, d)
	}
}

func TestParsePermitRefuses(t *testing.T) {
	for _, row := range []struct{ name, in, reason string }{
		{"empty", "", "empty"},
		{"top-level domain", "com", "public suffix"},
		{"top-level domain of developers", "dev", "public suffix"},
		{"unknown top-level domain", "mycompany", "top-level"},
		{"public suffix", "co.uk", "public suffix"},
		{"private suffix", "github.io", "public suffix"},
		{"suffix by a wildcard rule", "foo.ck", "public suffix"},
		{"arpa", "in-addr.arpa", "public suffix"},
		{"international suffix", "рф", "public suffix"},
		{"wildcard", "*.example.com", "wildcard"},
		{"star", "*", "wildcard"},
		{"leading dot", ".example.com", "starts with a dot"},
		{"trailing dot", "com.", "ends with a dot"},
		{"all of IPv4", "0.0.0.0/0", "every address"},
		{"all of IPv4, in disguise", "10.0.0.0/0", "every address"},
		{"all of IPv6", "::/0", "every address"},
		{"half of IPv4", "128.0.0.0/1", "too wide"},
		{"wide IPv4", "10.0.0.0/7", "too wide"},
		{"wide IPv6", "2000::/3", "too wide"},
		{"IPv6 of 15 bits", "fd00::/15", "too wide"},
		{"this network", "0.0.0.0/8", "unspecified"},
		{"unspecified address", "0.0.0.0", "unspecified"},
		{"multicast", "224.0.0.0/8", "multicast"},
		{"zone", "fe80::1%eth0", "zone"},
		{"zone with prefix", "fe80::1%eth0/64", "not a network"},
		{"IPv4-mapped", "::ffff:10.0.0.1", "mapped"},
		{"IPv4-mapped network", "::ffff:10.0.0.0/104", "mapped"},
		{"prefix too long", "10.0.0.0/33", "not a network"},
		{"prefix of a name", "localhost/8", "not a network"},
		{"URL", "https://example.com", "a URL"},
		{"a star", "*", "no wildcard"},
		{"a dot", ".", "ends with a dot"},
		{"port", "example.com:443", "port"},
		{"flag", "--yes", "flag"},
		{"empty label", "a..example.com", "empty label"},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := ParsePermit(row.in)
			assert.Equal(t, Permits{}, got)
			assertNameError(t, err, row.in, row.reason)
		})
	}
}

func TestAllows(t *testing.T) {
	p := permits(t, "example.com", "192.168.0.0/16", "fd00::/16")
	for name, want := range map[string]bool{
		"localhost": true, "a.localhost": true, "a.b.localhost": true, "notlocalhost": false,
		"example.com": true, "www.example.com": true, "badexample.com": false, "com": false,
		"*.example.com": true, "*.sub.example.com": true, "*.com": false,
		"*.dev.internal": true, "internal": false, "*.internal": false,
		"127.0.0.1": true, "127.255.255.255": true, "128.0.0.1": false, "8.8.8.8": false,
		"192.168.5.5": true, "192.169.0.1": false, "::1": true, "::2": false, "fd00::5": true, "fd01::5": false,
	} {
		assert.Equal(t, want, p.Allows(name), name)
	}
	assert.False(t, Permits{}.Allows("localhost"))
	assert.False(t, Permits{}.Allows("127.0.0.1"))
}

func TestWithCoversEqual(t *testing.T) {
	d := DefaultPermits()
	wide := permits(t, "internal", "10.0.0.0/8")
	assert.Equal(t, d, d.With(d), "no duplicates, and the defaults are in order")
	assert.True(t, wide.Covers(d))
	assert.False(t, d.Covers(wide))
	assert.True(t, wide.Covers(permits(t, "a.internal", "10.1.0.0/16")))
	assert.False(t, wide.Covers(Permits{Networks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/7")}}))
	assert.False(t, wide.Covers(Permits{Networks: []netip.Prefix{netip.MustParsePrefix("fd00::/16")}}))
	assert.True(t, d.Covers(Permits{}))

	reversed := Permits{Domains: []string{"test", "localhost"}}
	assert.True(t, reversed.Equal(Permits{Domains: []string{"localhost", "test"}}))
	assert.Equal(t, []string{"test", "localhost"}, reversed.Domains, "Equal leaves its receiver alone")
	assert.False(t, d.Equal(wide))
	assert.Equal(t, "localhost, test, dev.internal, host.containers.internal, host.docker.internal, 127.0.0.0/8, ::1/128", d.String())
}

func TestPermitsOf(t *testing.T) {
	p := permits(t, "example.com", "10.0.0.0/8", "fd12:3456::/32")
	h := newHierarchy(t, Options{Key: ECDSA, Permits: p})
	assert.Equal(t, p, PermitsOf(h.Root))
	assert.Equal(t, p, PermitsOf(h.Intermediate.Cert))
	assert.Equal(t, Permits{}, PermitsOf(h.Leaf.Cert))
}

func TestNewRefusesPermits(t *testing.T) {
	many := DefaultPermits()
	for i := range MaxPermits {
		many.Domains = append(many.Domains, fmt.Sprintf("d%d.example.com", i))
	}
	for name, p := range map[string]Permits{
		"public suffix":         {Domains: []string{"localhost", "com"}, Networks: DefaultPermits().Networks},
		"no domain":             {Networks: DefaultPermits().Networks},
		"no network":            {Domains: DefaultPermits().Domains},
		"everything":            {Domains: []string{"localhost"}, Networks: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}},
		"host bits":             {Domains: []string{"localhost"}, Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/8")}},
		"invalid network":       {Domains: []string{"localhost"}, Networks: []netip.Prefix{{}}},
		"upper case":            {Domains: []string{"LOCALHOST"}, Networks: DefaultPermits().Networks},
		"too many":              many,
		"an address for a name": {Domains: []string{"127.0.0.1"}, Networks: DefaultPermits().Networks},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := New(Options{Key: ECDSA, Now: noon, Permits: p})
			assert.ErrorContains(t, err, "making a root")
		})
	}
}

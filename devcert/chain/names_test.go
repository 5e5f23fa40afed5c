package chain

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseName(t *testing.T) {
	label63 := strings.Repeat("a", 63)
	name253 := label63 + "." + label63 + "." + label63 + "." + strings.Repeat("b", 61)
	for _, row := range []struct{ name, in, want string }{
		{"plain", "localhost", "localhost"},
		{"upper case", "LocalHost", "localhost"},
		{"several labels", "api.dev.internal", "api.dev.internal"},
		{"digits first", "3com.test", "3com.test"},
		{"hyphens inside", "my-app--2.test", "my-app--2.test"},
		{"label of 63", label63 + ".test", label63 + ".test"},
		{"name of 253", name253, name253},
		{"wildcard", "*.dev.localhost", "*.dev.localhost"},
		{"wildcard in upper case", "*.DEV.Internal", "*.dev.internal"},
		{"wildcard below a special-use public suffix", "*.home.arpa", "*.home.arpa"},
		{"international", "Bücher.test", "xn--bcher-kva.test"},
		{"A-label", "xn--bcher-kva.test", "xn--bcher-kva.test"},
		{"A-label in upper case", "XN--BCHER-KVA.test", "xn--bcher-kva.test"},
		{"sharp s is kept", "straße.test", "xn--strae-oqa.test"},
		{"ideographic full stop", "foo。test", "foo.test"},
		{"international wildcard", "*.bücher.test", "*.xn--bcher-kva.test"},
		{"IPv4", "127.0.0.1", "127.0.0.1"},
		{"full-width digit", "foo１.test", "foo1.test"},
		{"IPv6", "::1", "::1"},
		{"IPv6 not in canonical form", "FD00:0:0:0::0001", "fd00::1"},
		{"number as first label", "1.test", "1.test"},
		{"ends in letters and digits", "host.x1", "host.x1"},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := ParseName(row.in)
			require.NoError(t, err)
			assert.Equal(t, row.want, got)
		})
	}
}

func TestParseNameRefuses(t *testing.T) {
	label63 := strings.Repeat("a", 63)
	for _, row := range []struct{ name, in, reason string }{
		{"nothing", "", "empty"},
		{"flag (mkcert issued one for -ecdsa)", "-ecdsa", "flag"},
		{"space", "local host", "space"},
		{"blank around", " localhost", "space"},
		{"line break", "localhost\n", "control character"},
		{"null byte", "local\x00host", "control character"},
		{"empty label", "a..b", "empty label"},
		{"leading dot", ".test", "empty label"},
		{"trailing dot", "localhost.", "ends with a dot"},
		{"only a dot", ".", "ends with a dot"},
		{"label of 64", label63 + "a.test", "63 characters"},
		{"name of 255", strings.Repeat(label63+".", 3) + label63, "253 characters"},
		{"wildcard that makes 255", "*." + strings.Repeat(label63+".", 3) + strings.Repeat("b", 61), "253 characters"},
		{"label starts with a hyphen", "a.-b.test", "hyphen"},
		{"label ends with a hyphen", "b-.test", "hyphen"},
		{"reserved hyphens", "ab--cd.test", "reserved"},
		{"underscore", "my_app.test", "underscore"},
		{"other character", "a!b.test", `'!'`},
		{"fraction slash from a compatibility character", "a⁄b℀.test", "internationalised"},
		{"A-label that is none", "xn--a.test", "internationalised"},
		{"A-label of plain ASCII", "xn--foo-.test", "internationalised"},
		{"star alone", "*", "wildcard"},
		{"star and dot", "*.", "empty label"},
		{"wildcard for a top-level domain", "*.com", "one label after"},
		{"wildcard for localhost", "*.localhost", "one label after"},
		{"wildcard for test", "*.test", "one label after"},
		{"wildcard for a public suffix", "*.co.uk", "public suffix"},
		{"wildcard for a private suffix", "*.github.io", "public suffix"},
		{"wildcard not first", "dev.*.localhost", "wildcard"},
		{"wildcard twice", "*.*.dev.localhost", "wildcard"},
		{"part of a label", "a*.dev.localhost", "wildcard"},
		{"wildcard for an address", "*.127.0.0.1", "ends in a number"},
		{"port", "localhost:443", "no port"},
		{"address with port", "127.0.0.1:443", "no port"},
		{"bracketed address", "[::1]", "brackets"},
		{"bracketed address with port", "[::1]:443", "brackets"},
		{"URL", "https://localhost/", "URL"},
		{"path", "localhost/path", "path"},
		{"network", "10.0.0.0/8", "network"},
		{"e-mail address", "me@localhost", "e-mail"},
		{"IPv6 zone", "fe80::1%eth0", "zone"},
		{"IPv4-mapped", "::ffff:127.0.0.1", "mapped"},
		{"unspecified IPv4", "0.0.0.0", "unspecified"},
		{"unspecified IPv6", "::", "unspecified"},
		{"multicast IPv4", "224.0.0.1", "multicast"},
		{"multicast IPv6", "ff02::1", "multicast"},
		{"broadcast", "255.255.255.255", "broadcast"},
		{"no IPv6 address", "fd00::zz", "IPv6"},
		{"short IPv4", "127.1", "ends in a number"},
		{"octal IPv4", "0127.0.0.1", "ends in a number"},
		{"IPv4 as one number", "2130706433", "ends in a number"},
		{"hexadecimal IPv4", "0x7f000001", "ends in a number"},
		{"IPv4 out of range", "300.0.0.1", "ends in a number"},
		{"five numbers", "1.2.3.4.5", "ends in a number"},
		{"full-width IPv4", "１２７.0.0.1", "ends in a number"},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := ParseName(row.in)
			assert.Empty(t, got)
			assertNameError(t, err, row.in, row.reason)
		})
	}
}

// assertNameError checks the manners of a refusal too.
func assertNameError(t *testing.T, err error, name, reason string) {
	t.Helper()
	var refusal *NameError
	require.ErrorAs(t, err, &refusal)
	assert.Equal(t, name, refusal.Name)
	assert.Contains(t, refusal.Reason, reason)
	for _, text := range []string{err.Error(), refusal.Reason, refusal.Hint} {
		assert.NotContains(t, text, "\n")
		assert.False(t, strings.HasSuffix(text, "."), text)
	}
}

func TestHints(t *testing.T) {
	for in, hint := range map[string]string{
		"localhost:443":    "write localhost",
		"::ffff:127.0.0.1": "write 127.0.0.1",
		"fe80::1%eth0":     "write fe80::1",
		"*.test":           "name the hosts one by one, or use *.dev.test",
	} {
		_, err := ParseName(in)
		var refusal *NameError
		require.ErrorAs(t, err, &refusal)
		assert.Equal(t, hint, refusal.Hint)
	}
}

func TestNormalNames(t *testing.T) {
	got, err := NormalNames(DefaultNames(), []string{"B.test", "LOCALHOST", "a.test", "b.test", "0::1"})
	require.NoError(t, err)
	assert.Equal(t, append(DefaultNames(), "b.test", "a.test"), got)

	_, err = NormalNames([]string{"good.test", "a..b"})
	assertNameError(t, err, "a..b", "empty label")
}

func TestDefaultNamesAreCanonicalAndPermitted(t *testing.T) {
	for _, n := range DefaultNames() {
		got, err := ParseName(n)
		require.NoError(t, err)
		assert.Equal(t, n, got)
		assert.True(t, DefaultPermits().Allows(n), n)
	}
}

func TestReduceOwner(t *testing.T) {
	for _, row := range []struct{ name, in, want string }{
		{"as it is", "alice@pc-1.lan", "alice@pc-1.lan"},
		{"Windows domain", `CORP\alice@PC`, "CORPalice@PC"},
		{"spaces and quotes", `al "ice"@p/c`, "alice@pc"},
		{"too long", strings.Repeat("a", 30) + "@computer", strings.Repeat("a", 30) + "@com"},
		{"nothing readable", "пользователь@ПК", "unknown"},
		{"empty", "", "unknown"},
		{"partly readable", "й1@ПК", "1@"},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := ReduceOwner(row.in)
			assert.Equal(t, row.want, got)
			assert.Equal(t, got, ReduceOwner(got))
		})
	}
}

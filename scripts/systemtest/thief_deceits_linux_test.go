package systemtest

import (
	"crypto/x509"
	"net"
	"testing"

	"devcert/devcert/chain"
)

// deceits are what the thief shows. All but the sound ones are to be refused.
func (l *loot) deceits(t *testing.T) []*deceit {
	t.Helper()
	all := append(append(append(l.sound(t), l.outside(t)...), l.below(t)...), l.otherUses(t)...)
	if l.keptRoot.Key != nil {
		all = append(all, l.byRoot(t)...)
	}
	return all
}

// of is a chain with the thief's leaf key.
func (l *loot) of(name, as, host string, certs ...*x509.Certificate) *deceit {
	return &deceit{name: name, as: as, host: host, chain: certs, key: l.key}
}

const (
	forServers = x509.ExtKeyUsageServerAuth
	forClients = x509.ExtKeyUsageClientAuth
	forCode    = x509.ExtKeyUsageCodeSigning
	forMail    = x509.ExtKeyUsageEmailProtection
)

// sound are devcert's own, and what the thief of the key can do, which is said.
func (l *loot) sound(t *testing.T) []*deceit {
	all := []*deceit{
		{name: "devcert's own localhost", host: "localhost", key: l.leaf.Key, chain: l.ownServer},
		{name: "devcert's own 127.0.0.1", host: "127.0.0.1", key: l.leaf.Key, chain: l.ownServer},
		{name: "devcert's own ::1", host: "::1", key: l.leaf.Key, chain: l.ownServer},
		{name: "devcert's own *.dev.localhost", host: "app.dev.localhost", key: l.leaf.Key, chain: l.ownServer},
	}
	for _, d := range all {
		d.as = asServer
	}
	all = append(all, &deceit{name: "devcert's own client", as: asClient, key: l.ownClientKey, chain: l.ownClients})
	permitted := l.forge(t, l.server, "app.test", []san{dns("app.test"), address("127.0.0.9", 4)}, forServers)
	client := l.forge(t, l.client, "alice", []san{dns("client.localhost"), email("alice@example.com")}, forClients)
	all = append(all,
		l.of("thief's app.test", asServer, "app.test", permitted, l.server.Cert),
		l.of("thief's 127.0.0.9", asServer, "127.0.0.9", permitted, l.server.Cert),
		l.of("thief's client, by the client intermediate", asClient, "", client, l.client.Cert))
	for _, d := range all {
		d.sound = true
	}
	return all
}

// outside are leaves for names outside the constraints.
func (l *loot) outside(t *testing.T) (all []*deceit) {
	for _, row := range []struct {
		name, host, cn string
		names          []san // nil leaves the extension out
	}{
		{"example.com", "example.com", "example.com", []san{dns("example.com")}},
		{"EXAMPLE.COM", "example.com", "", []san{dns("EXAMPLE.COM")}},
		{"www.example.com as .example.com", "www.example.com", "", []san{dns(".example.com")}},
		{"app.test and example.com, asked for app.test", "app.test", "app.test", []san{dns("app.test"), dns("example.com")}},
		{"app.test and example.com, asked for example.com", "example.com", "app.test", []san{dns("app.test"), dns("example.com")}},
		{"localhost.example.com", "localhost.example.com", "localhost", []san{dns("localhost.example.com")}},
		{"test.com", "test.com", "", []san{dns("test.com")}},
		{"mytest", "mytest", "", []san{dns("mytest")}},
		{"wildcard *", "intranet", "*", []san{dns("*")}},
		{"wildcard *.com", "example.com", "*.com", []san{dns("*.com")}},
		{"wildcard *.*", "example.com", "*.*", []san{dns("*.*")}},
		{"wildcard *.example.com", "www.example.com", "", []san{dns("*.example.com")}},
		{"trailing dot, example.com.", "example.com", "", []san{dns("example.com.")}},
		{"trailing dot, asked for example.com.", "example.com.", "", []san{dns("example.com.")}},
		{"NUL, example.com\\0.test", "example.com", "", []san{dns("example.com\x00.test")}},
		{"IDN, xn--bcher-kva.example", "xn--bcher-kva.example", "", []san{dns("xn--bcher-kva.example")}},
		{"IDN in UTF-8, bücher.example", "xn--bcher-kva.example", "", []san{dns("bücher.example")}},
		{"8.8.8.8", "8.8.8.8", "8.8.8.8", []san{address("8.8.8.8", 4)}},
		{"0.0.0.0", "0.0.0.0", "", []san{address("0.0.0.0", 4)}},
		{"2001:db8::1", "2001:db8::1", "", []san{address("2001:db8::1", 16)}},
		{"::ffff:8.8.8.8, asked for 8.8.8.8", "8.8.8.8", "", []san{address("8.8.8.8", 16)}},
		{"8.8.8.8 as a DNS name", "8.8.8.8", "", []san{dns("8.8.8.8")}},
		{"8.8.8.8 in the CN, no SAN", "8.8.8.8", "8.8.8.8", nil},
		{"8.8.8.8 in the CN, SAN app.test", "8.8.8.8", "8.8.8.8", []san{dns("app.test")}},
		{"8.8.8.8 in the CN, SAN 127.0.0.1", "8.8.8.8", "8.8.8.8", []san{address("127.0.0.1", 4)}},
		{"8.8.8.8 in the CN, SAN an e-mail address", "8.8.8.8", "8.8.8.8", []san{email("a@example.com")}},
		{"2001:db8::1 in the CN, no SAN", "2001:db8::1", "2001:db8::1", nil},
		{"2001:db8::1 in the CN, SAN app.test", "2001:db8::1", "2001:db8::1", []san{dns("app.test")}},
		{"intranet in the CN, no SAN", "intranet", "intranet", nil},
		{"intranet in the CN, SAN app.test", "intranet", "intranet", []san{dns("app.test")}},
		{"intranet in the CN, SAN 127.0.0.1", "intranet", "intranet", []san{address("127.0.0.1", 4)}},
		{"my_host.example.com in the CN, no SAN", "my_host.example.com", "my_host.example.com", nil},
		{"www-.example.com in the CN, no SAN", "www-.example.com", "www-.example.com", nil},
		{"NUL in the CN, example.com\\0.test, no SAN", "example.com", "example.com\x00.test", nil},
		{"example.com. in the CN, no SAN", "example.com", "example.com.", nil},
		{"example.com. in the CN, SAN an e-mail address", "example.com", "example.com.", []san{email("a@example.com")}},
		{"*.example.com. in the CN, no SAN", "www.example.com", "*.example.com.", nil},
		{"8.8.8.8. in the CN, no SAN", "8.8.8.8", "8.8.8.8.", nil},
		{"* in the CN, no SAN", "intranet", "*", nil},
		{"example.com in the CN, no SAN", "example.com", "example.com", nil},
		{"*.com in the CN, no SAN", "example.com", "*.com", nil},
		{"example.com in the CN, empty SAN", "example.com", "example.com", []san{}},
		{"example.com in the CN, SAN app.test", "example.com", "example.com", []san{dns("app.test")}},
		{"example.com in the CN, SAN 127.0.0.1", "example.com", "example.com", []san{address("127.0.0.1", 4)}},
		{"example.com in the CN, SAN an e-mail address", "example.com", "example.com", []san{email("a@example.com")}},
		{"example.com in the CN, SAN a URI", "example.com", "example.com", []san{uri("https://example.com/")}},
		{"example.com in the CN, SAN another name", "example.com", "example.com", []san{otherName(t, "example.com")}},
	} {
		leaf := l.forge(t, l.server, row.cn, row.names, forServers)
		all = append(all, l.of(row.name, asServer, row.host, leaf, l.server.Cert))
	}
	return all
}

// below are chains that are longer than devcert's, or other than they seem.
func (l *loot) below(t *testing.T) (all []*deceit) {
	evil := []san{dns("example.com")}
	plain := l.subCA(t, l.server, "sub-CA", nil)
	last := l.subCA(t, l.server, "sub-CA 0", func(c *x509.Certificate) { c.MaxPathLen, c.MaxPathLenZero = 0, true })
	constrained := l.subCA(t, l.server, "sub-CA own", func(c *x509.Certificate) {
		c.PermittedDNSDomainsCritical, c.PermittedDNSDomains = true, []string{"example.com"}
		c.PermittedIPRanges = []*net.IPNet{{IP: net.IPv4zero.To4(), Mask: net.CIDRMask(0, 32)}}
	})
	// The path length does not count what has its issuer's name (RFC 5280, 4.2.1.9).
	selfIssued := l.subCA(t, l.server, "", func(c *x509.Certificate) { c.RawSubject = l.server.Cert.RawSubject })
	asLeaf := l.subCA(t, l.server, "localhost", func(c *x509.Certificate) {
		c.DNSNames, c.ExtKeyUsage = []string{"localhost"}, []x509.ExtKeyUsage{forServers}
		c.KeyUsage |= x509.KeyUsageDigitalSignature
	})
	unmarked := l.subCA(t, l.server, "no CA", func(c *x509.Certificate) { c.IsCA, c.BasicConstraintsValid = false, false })
	for _, row := range []struct {
		name, host string
		issuer     chain.Pair
		above      []*x509.Certificate
	}{
		{"sub-CA without a path length", "example.com", plain, nil},
		{"sub-CA with path length 0", "example.com", last, nil},
		{"sub-CA that permits example.com", "example.com", constrained, nil},
		{"sub-CA, for app.test", "app.test", plain, nil},
		{"sub-CA with the intermediate's name", "example.com", selfIssued, nil},
		{"leaf for localhost with CA:true", "example.com", asLeaf, nil},
		{"certificate that signs, without CA:true", "app.test", unmarked, nil},
		{"devcert's own leaf as issuer", "app.test", l.leaf, nil},
		{"devcert's own leaf as issuer, for example.com", "example.com", l.leaf, nil},
		{"counterfeit root", "example.com", chain.Pair{Cert: l.counterfeit, Key: l.otherKey}, []*x509.Certificate{}},
	} {
		names := evil
		if row.host != "example.com" {
			names = []san{dns(row.host)}
		}
		leaf := l.forge(t, row.issuer, row.host, names, forServers)
		certs := []*x509.Certificate{leaf, row.issuer.Cert}
		if row.above == nil {
			certs = append(certs, l.server.Cert)
		}
		all = append(all, l.of(row.name, asServer, row.host, certs...))
	}
	// One that the thief signed himself with the stolen key beside the real one.
	self := bare(t, "")
	self.RawSubject, self.SubjectKeyId = l.server.Cert.RawSubject, l.server.Cert.SubjectKeyId
	self.IsCA, self.MaxPathLen, self.KeyUsage = true, -1, x509.KeyUsageCertSign
	alone := sign(t, self, chain.Pair{Cert: self, Key: l.server.Key}, l.server.Key.Public())
	leaf := l.forge(t, l.server, "example.com", evil, forServers)
	return append(all,
		l.of("intermediate signed by itself", asServer, "example.com", leaf, alone),
		l.of("intermediate signed by itself, and the real one", asServer, "example.com", leaf, alone, l.server.Cert))
}

// otherUses are what the intermediates' extended key usage does not allow.
func (l *loot) otherUses(t *testing.T) []*deceit {
	alice := []san{dns("client.localhost")}
	by := func(issuer chain.Pair, cn string, names []san, purposes ...x509.ExtKeyUsage) []*x509.Certificate {
		return []*x509.Certificate{l.forge(t, issuer, cn, names, purposes...), issuer.Cert}
	}
	return []*deceit{
		l.of("client, by the server intermediate", asClient, "", by(l.server, "alice", alice, forClients)...),
		l.of("client without a purpose, by the server intermediate", asClient, "", by(l.server, "alice", alice)...),
		l.of("client for any purpose, by the server intermediate", asClient, "", by(l.server, "alice", alice, x509.ExtKeyUsageAny)...),
		l.of("client example.com, by the client intermediate", asClient, "", by(l.client, "example.com", []san{dns("example.com")}, forClients)...),
		l.of("client localhost, asked as a server", asServer, "localhost", by(l.client, "localhost", []san{dns("localhost")}, forClients)...),
		l.of("server localhost, by the client intermediate", asServer, "localhost", by(l.client, "localhost", []san{dns("localhost")}, forServers)...),
		l.of("server example.com, by the client intermediate", asServer, "example.com", by(l.client, "example.com", []san{dns("example.com")}, forServers)...),
		l.of("code signing, by the server intermediate", asCode, "", by(l.server, "Example Ltd", nil, forCode)...),
		l.of("code signing, by the client intermediate", asCode, "", by(l.client, "Example Ltd", nil, forCode)...),
		l.of("code signing without a purpose", asCode, "", by(l.server, "Example Ltd", nil)...),
		l.of("e-mail, by the server intermediate", asMail, "", by(l.server, "boss", []san{email("boss@example.com")}, forMail)...),
		l.of("e-mail, by the client intermediate", asMail, "", by(l.client, "boss", []san{email("boss@example.com")}, forMail)...),
		l.of("e-mail without a purpose", asMail, "", by(l.server, "boss", []san{email("boss@example.com")})...),
	}
}

// byRoot are what a kept root key signs: an intermediate without constraints, and
// one with others.
func (l *loot) byRoot(t *testing.T) (all []*deceit) {
	free := l.subCA(t, l.keptRoot, "free", nil)
	wider := l.subCA(t, l.keptRoot, "wider", func(c *x509.Certificate) {
		c.PermittedDNSDomainsCritical, c.PermittedDNSDomains = true, []string{"example.com"}
	})
	sound := l.forge(t, free, "app.test", []san{dns("app.test")}, forServers)
	d := l.of("app.test, by a kept root key", asServer, "app.test", sound, free.Cert)
	d.sound = true
	host := l.forge(t, free, "example.com", []san{dns("example.com")}, forServers)
	ip := l.forge(t, free, "8.8.8.8", []san{address("8.8.8.8", 4)}, forServers)
	code := l.forge(t, free, "Example Ltd", nil, forCode)
	mail := l.forge(t, free, "boss", []san{email("boss@example.com")}, forMail)
	return append(all, d,
		l.of("example.com, by a kept root key", asServer, "example.com", host, free.Cert),
		l.of("8.8.8.8, by a kept root key", asServer, "8.8.8.8", ip, free.Cert),
		l.of("example.com, by a kept root key, permitted", asServer, "example.com",
			l.forge(t, wider, "example.com", []san{dns("example.com")}, forServers), wider.Cert),
		l.of("code signing, by a kept root key", asCode, "", code, free.Cert),
		l.of("e-mail, by a kept root key", asMail, "", mail, free.Cert))
}

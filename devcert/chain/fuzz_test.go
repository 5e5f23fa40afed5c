package chain

import (
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"net/url"
	"slices"
	"testing"
	"unicode/utf8"

	"devcert/scripts/fuzzlimit"
)

// wellFormed fails unless err is a refusal that a person can read.
func wellFormed(t *testing.T, in string, err error) {
	t.Helper()
	var refusal *NameError
	if !errors.As(err, &refusal) {
		t.Fatalf("%q: %v is no *NameError", in, err)
	}
	if refusal.Name != in || refusal.Reason == "" {
		t.Fatalf("%q: refused as %q because %q", in, refusal.Name, refusal.Reason)
	}
	for _, r := range err.Error() {
		if r < ' ' {
			t.Fatalf("%q: control character in %q", in, err)
		}
	}
}

func FuzzParseName(f *testing.F) {
	for _, seed := range append(DefaultNames(), "", "-x", "a..b", "*.test", "Bücher.test", "xn--a", "xn--bcher-kva.test",
		"[::1]:443", "::ffff:1.2.3.4", "fe80::1%1", "1.2.3", "０.0.0.0", "a。b", "*.co.uk", "\xff", "ab--c", "https://x") {
		f.Add(seed)
	}
	fuzzlimit.Fuzz(f, func(t *testing.T, in string) {
		name, err := ParseName(in)
		if err != nil {
			wellFormed(t, in, err)
			return
		}
		if again, err := ParseName(name); err != nil || again != name {
			t.Fatalf("%q: %q becomes %q, %v", in, name, again, err)
		}
		if len(name) > 253 || !utf8.ValidString(name) {
			t.Fatalf("%q: %q", in, name)
		}
		// What passes here must pass in a certificate.
		if permit, err := ParsePermit(name); err == nil && !permit.Allows(name) {
			t.Fatalf("%q: %v does not allow %q", in, permit, name)
		}
	})
}

func FuzzParsePermit(f *testing.F) {
	for _, seed := range append(DefaultPermits().entries(), "", "com", "co.uk", "github.io", "0.0.0.0/0", "::/0", "10.0.0.0/8",
		"fd00::/16", "::ffff:0.0.0.0/96", "*.x", ".x", "fe80::%1/64", "home.arpa", "рф", "10.1.2.3/9") {
		f.Add(seed)
	}
	fuzzlimit.Fuzz(f, func(t *testing.T, in string) {
		p, err := ParsePermit(in)
		if err != nil {
			wellFormed(t, in, err)
			return
		}
		if len(p.Domains)+len(p.Networks) != 1 {
			t.Fatalf("%q: %v", in, p)
		}
		if again, err := ParsePermit(p.String()); err != nil || !again.Equal(p) {
			t.Fatalf("%q: %v becomes %v, %v", in, p, again, err)
		}
		if p.Allows("com") || p.Allows("example.com") && p.String() != "example.com" {
			t.Fatalf("%q permits %v", in, p)
		}
		for _, n := range p.Networks {
			if n != n.Masked() || n.Bits() < minBits4 {
				t.Fatalf("%q permits %v", in, p)
			}
		}
		if err := DefaultPermits().With(p).refused(); err != nil {
			t.Fatalf("%q: accepted alone, refused in a root: %v", in, err)
		}
	})
}

func FuzzCheckCRL(f *testing.F) {
	h := standardHierarchy(f)
	f.Add(h.RootCRL)
	f.Add(append(slices.Clone(h.RootCRL), h.RootCRL...))
	f.Add(h.Root.Raw)
	fuzzlimit.Fuzz(f, func(t *testing.T, in []byte) {
		list, err := CheckCRL(in, h.Root)
		if (list == nil) != (err != nil) {
			t.Fatalf("%v, %v", list, err)
		}
		if err == nil && !slices.Equal(in, h.RootCRL) {
			t.Fatalf("accepted %x, which nobody signed", in)
		}
	})
}

func FuzzParseCertificates(f *testing.F) {
	h := standardHierarchy(f)
	f.Add(EncodeCertificates(h.Root))
	f.Add(EncodeCertificates(h.Leaf.Cert, h.Intermediate.Cert))
	f.Add([]byte("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"))
	fuzzlimit.Fuzz(f, func(t *testing.T, in []byte) {
		certs, err := ParseCertificates(in)
		if err != nil {
			return
		}
		if len(certs) == 0 {
			t.Fatal("no certificate and no error")
		}
		again, err := ParseCertificates(EncodeCertificates(certs...))
		if err != nil || !slices.EqualFunc(certs, again, (*x509.Certificate).Equal) {
			t.Fatalf("does not survive being written: %v", err)
		}
	})
}

func FuzzParseKey(f *testing.F) {
	h := standardHierarchy(f)
	file, err := EncodeKey(h.Leaf.Key)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(file)
	f.Add(EncodeCertificates(h.Root))
	fuzzlimit.Fuzz(f, func(t *testing.T, in []byte) {
		key, err := ParseKey(in)
		if err != nil {
			if key != nil {
				t.Fatal("a key and an error")
			}
			return
		}
		if err := checkPublicKey(key.Public()); err != nil {
			t.Fatal(err)
		}
		if _, err := EncodeKey(key); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzCheckRoot(f *testing.F) {
	h := standardHierarchy(f)
	f.Add(h.Root.Raw)
	f.Add(h.Intermediate.Cert.Raw)
	f.Add(h.Leaf.Cert.Raw)
	f.Add(newForgery(f, newP256(f)).sign(f))
	fuzzlimit.Fuzz(f, func(t *testing.T, in []byte) {
		cert, err := CheckRoot(in)
		if err != nil {
			if cert != nil {
				t.Fatal("a certificate and an error")
			}
			return
		}
		if !slices.Equal(cert.Raw, in) || !cert.IsCA || PartOf(cert) != PartRoot {
			t.Fatal("accepted what is not the root that was given")
		}
		if p := PermitsOf(cert); p.Allows("example.com") || p.Allows("8.8.8.8") {
			t.Fatalf("accepted a root for %v", p)
		}
	})
}

func FuzzRequestNames(f *testing.F) {
	f.Add(newRequest(f, newP256(f), x509.CertificateRequest{DNSNames: []string{"app.test", "*.dev.test"}}))
	f.Add(standardHierarchy(f).Root.Raw)
	fuzzlimit.Fuzz(f, func(t *testing.T, in []byte) {
		pub, names, err := RequestNames(in)
		if err != nil {
			return
		}
		if normal, err := NormalNames(names); err != nil || len(names) == 0 || !slices.Equal(names, normal) {
			t.Fatalf("names %q, %v", names, err)
		}
		if err := checkPublicKey(pub); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzRequestClient(f *testing.F) {
	h, key := clientHierarchy(f), newP256(f)
	f.Add(newRequest(f, key, x509.CertificateRequest{
		Subject: pkix.Name{CommonName: "anna"}, EmailAddresses: []string{"a@b.test"}, URIs: []*url.URL{{Scheme: "spiffe", Host: "a.test", Path: "/b"}},
	}))
	f.Add(newRequest(f, key, x509.CertificateRequest{Subject: pkix.Name{CommonName: "www.example.com"}}))
	f.Add(h.Root.Raw)
	fuzzlimit.Fuzz(f, func(t *testing.T, in []byte) {
		pub, o, err := RequestClient(in)
		if err != nil {
			if pub != nil || o.Name != "" {
				t.Fatal("something, and an error")
			}
			return
		}
		issuable(t, h, pub, o)
	})
}

// FuzzClientNames goes where random bytes do not get past a request's signature.
func FuzzClientNames(f *testing.F) {
	for _, seed := range [][3]string{
		{"anna", "a@b.test", "spiffe://a.test/b"}, {"www.example.com", "", "urn:a:b"}, {"\u202e", "a@xn--a", "https://[::1%25x]:1/"},
		{"Ä.b", `"a"@b`, "a://b/%zz"}, {"devcert root a b", "a@b@c", "x://a.b..c?%20#"}, {"*.a.test", "a@127.0.0.1", "//a"},
		{"8.8.8.8", "a+b@c", "a0000://]:"},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	h, key := clientHierarchy(f), newP256(f)
	fuzzlimit.Fuzz(f, func(t *testing.T, name, email, uri string) {
		for _, o := range []ClientOptions{{Name: name}, {Name: "anna", Emails: []string{email}}, {Name: "anna", URIs: []string{uri}}} {
			o, err := o.normal()
			if err == nil {
				issuable(t, h, key.Public(), o)
				continue
			}
			var refusal *NameError
			if !errors.As(err, &refusal) {
				t.Fatalf("%q: %v is no *NameError", []string{name, email, uri}, err)
			}
			wellFormed(t, refusal.Name, err)
		}
	})
}

// issuable fails unless names that were accepted make a certificate that is ours
// and that Go accepts, or are refused because of the issuer alone.
func issuable(t *testing.T, h *Hierarchy, pub crypto.PublicKey, o ClientOptions) {
	again, err := o.normal()
	if err != nil || again.Name != o.Name || !slices.Equal(again.Emails, o.Emails) || !slices.Equal(again.URIs, o.URIs) {
		t.Fatalf("%+v becomes %+v, %v", o, again, err)
	}
	o.Now = noon
	cert, err := IssueClient(h.ClientIntermediate, pub, o)
	if err != nil {
		if misleading(o.Name, PermitsOf(h.Root)) == nil {
			t.Fatalf("%+v: %v", o, err)
		}
		return
	}
	if PartOf(cert) != PartClient || cert.Subject.CommonName != o.Name {
		t.Fatalf("%+v: %q is no client of ours", o, cert.Subject)
	}
	if err := verifyClient(h, cert, noon); err != nil {
		t.Fatalf("%+v: %v", o, err)
	}
}

func FuzzCheckPart(f *testing.F) {
	h := clientHierarchy(f)
	f.Add(h.Root.Raw)
	f.Add(h.ClientIntermediate.Cert.Raw)
	f.Add(h.Leaf.Cert.Raw)
	f.Add(newGroup(f, h, "ops").Cert.Raw)
	for _, v := range clientVariants() {
		f.Add(v.make(f, h).Cert.Raw)
	}
	fuzzlimit.Fuzz(f, func(t *testing.T, in []byte) {
		cert, part, err := CheckPart(in)
		if err != nil {
			if cert != nil || part != "" {
				t.Fatal("something, and an error")
			}
			return
		}
		if !slices.Equal(cert.Raw, in) || PartOf(cert) != part || OwnerOf(cert) == "" {
			t.Fatalf("accepted what is not the %s that was given", part)
		}
		if client := part == PartClient; client == cert.IsCA && part != PartLeaf {
			t.Fatalf("a %s that is a CA: %t", part, cert.IsCA)
		}
	})
}

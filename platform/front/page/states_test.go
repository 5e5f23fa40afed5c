package page

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io/fs"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/devcert/chain"
	"devcert/devcert/disk"
)

// live is a machine whose ports were asked, and answer.
func live(t testing.TB) *machine {
	t.Helper()
	m := setUp(t)
	m.probe = true
	m.binder.answers = func(ports []int) []devcert.Answer {
		var out []devcert.Answer
		for _, port := range ports {
			a := devcert.Answer{Port: port, Address: "127.0.0.1", Listener: m.binder.table[port].Thumbprint}
			switch {
			case port == 44377:
				a.Listener = "0123456789ABCDEF0123456789ABCDEF01234567"
			case port >= 44390:
				a.Listener = ""
			}
			out = append(out, a)
		}
		return out
	}
	return m
}

// expired is a machine that was not looked after for a year and more.
func expired(t testing.TB) *machine {
	t.Helper()
	m := setUp(t)
	m.now = noon.AddDate(0, 0, 370)
	return m
}

// lost is a machine whose intermediate is gone.
func lost(t testing.TB) *machine {
	t.Helper()
	m := setUp(t)
	m.edit = func(r *devcert.Report) { r.Seen.Folder.Hierarchy.Intermediate = chain.Pair{} }
	return m
}

// blind is a machine that cannot be looked at.
func blind(t testing.TB) *machine {
	t.Helper()
	m := setUp(t)
	m.blind = &disk.FolderError{Doing: "reading", Path: m.host.StateDir, Err: fs.ErrPermission}
	return m
}

// many is a machine of which the same is to be said forty times.
func many(t testing.TB) *machine {
	t.Helper()
	m := setUp(t)
	m.edit = func(r *devcert.Report) {
		for i := range 40 {
			r.Findings = append(r.Findings, devcert.Finding{
				Kind: devcert.ListenerDiffers, Severity: devcert.Error, Where: fmt.Sprint("port ", 44300+i),
				Message:     fmt.Sprintf("port %d does not answer alike on 127.0.0.1 and ::1", 44300+i),
				Consequence: "which of the two a client gets depends on how it resolves localhost",
				Remedy:      fmt.Sprintf("see which programs listen there: ss -ltnp sport = :%d", 44300+i),
			})
		}
	}
	return m
}

// nasty is what a certificate's subject may hold.
const nasty = `</title><script>alert(1)</script>"><img src=x onerror=alert(1)> {{.Title}} javascript:alert(1) ' onload='` +
	"\u202egnp.exe\u0000\x1b[31m\ufeff"

// nastyCertificate has that subject, and no profile at all.
func nastyCertificate(t testing.TB) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: nasty + strings.Repeat("W", 5000)},
		NotBefore: noon.Add(-time.Hour), NotAfter: noon.Add(time.Hour),
		DNSNames: []string{strings.Repeat("long-name", 25) + ".test"},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	cert.DNSNames = append(cert.DNSNames, nasty) // which no issuer would make
	return cert
}

// hostile is a machine on which everything that can be said by others was said by
// somebody with bad intentions.
func hostile(t testing.TB) *machine {
	t.Helper()
	m := setUp(t)
	cert := nastyCertificate(t)
	m.host.Stores = append(m.host.Stores, &store{"java", []devcert.Place{{
		Path: "/" + nasty, Part: chain.PartRoot, State: devcert.Denied, VerifiedBy: nasty, Evidence: nasty + "\nnext line",
		Remedy: nasty, Strays: []devcert.Stray{{Cert: cert, Harm: devcert.HarmRival, Why: nasty, Where: nasty}},
	}}})
	m.clients = clients{{Name: nasty, Path: nasty, Roots: strings.Repeat("r", 4000), State: devcert.Missing, Evidence: nasty, Remedy: "devcert " + nasty}}
	m.binder.table[44300] = devcert.Binding{Port: 44300, Thumbprint: nasty, AppID: nasty}
	return m
}

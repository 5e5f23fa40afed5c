package winstore

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert/chain"
)

func ders(certs ...*x509.Certificate) (list [][]byte) {
	for _, c := range certs {
		list = append(list, c.Raw)
	}
	return list
}

func encodeKey(t testing.TB, key crypto.Signer) []byte {
	t.Helper()
	text, err := chain.EncodeKey(key)
	require.NoError(t, err)
	return text
}

// forge makes a certificate as like has it, changed, with the names and key id of
// its issuer, and the signature of another key.
func forge(t testing.TB, like *x509.Certificate, signer crypto.Signer, change func(*x509.Certificate)) *x509.Certificate {
	t.Helper()
	template := *like
	for _, x := range like.Extensions {
		if x.Id.Equal(developmentOID) {
			template.ExtraExtensions = append(template.ExtraExtensions, x)
		}
	}
	if change != nil {
		change(&template)
	}
	issuer := &x509.Certificate{RawSubject: like.RawIssuer, SubjectKeyId: like.AuthorityKeyId}
	der, err := x509.CreateCertificate(rand.Reader, &template, issuer, like.PublicKey, signer)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return cert
}

func TestDeployRequest(t *testing.T) {
	h, other := newHierarchy(t, chain.ECDSA), newHierarchy(t, chain.ECDSA)
	root, ca, leaf := h.Root, h.Intermediate.Cert, h.Leaf.Cert
	key, otherKey := encodeKey(t, h.Leaf.Key), encodeKey(t, other.Leaf.Key)
	clients, err := chain.New(chain.Options{Owner: "alice@pc", ClientCerts: true, Key: chain.ECDSA, Now: now})
	require.NoError(t, err)
	forClients := clients.ClientIntermediate.Cert
	ops, err := chain.NewGroup(chain.Pair{Cert: clients.Root, Key: clients.RootKey}, "ops", now, nil)
	require.NoError(t, err)
	foreign := selfSigned(t, nil)
	wide := forge(t, root, h.RootKey, func(c *x509.Certificate) { c.PermittedDNSDomains = append(c.PermittedDNSDomains, "com") })
	thief := newKey(t)
	list, later := listBy(t, h.Intermediate, now.Add(time.Hour)), listBy(t, h.Intermediate, now.Add(2*time.Hour))
	withLists := func(lists ...[]byte) DeployRequest {
		return DeployRequest{Part: chain.PartIntermediate, Chain: ders(ca, root), Lists: lists}
	}
	elsewhere := func(c *x509.Certificate) { c.DNSNames = append(c.DNSNames, "bank.example") }
	for _, row := range []struct {
		name    string
		request DeployRequest
		refused string // "" when it is followed
	}{
		{"the root", DeployRequest{Part: chain.PartRoot, Chain: ders(root)}, ""},
		{"the intermediate", DeployRequest{Part: chain.PartIntermediate, Chain: ders(ca, root)}, ""},
		{"the intermediate with its lists", withLists(h.RootCRL, list), ""},
		{"the intermediate with the root's list", withLists(h.RootCRL), ""},
		{"the leaf", DeployRequest{Part: chain.PartLeaf, Chain: ders(leaf, ca, root), Key: key}, ""},
		{"the client intermediate", DeployRequest{Part: chain.PartClientIntermediate, Chain: ders(forClients, clients.Root)}, ""},
		{"a group's intermediate", DeployRequest{Part: chain.PartClientIntermediate, Chain: ders(ops.Cert, clients.Root)}, ""},

		{"two lists of one issuer", withLists(list, later), "two revocation lists"},
		{"another root's list", withLists(other.RootCRL), "not a revocation list of"},
		{"a list by another key", withLists(listBy(t, chain.Pair{Cert: twinOf(t, h.Intermediate.Cert, thief), Key: thief}, now.Add(time.Hour))), "signature"},
		{"something behind a list", withLists(append(slices.Clone(list), 0)), "revocation list"},
		{"a certificate as a list", withLists(ca.Raw), "not a revocation list"},
		{"a list of megabytes", withLists(make([]byte, 1<<20)), "at most"},
		{"lists with the root", DeployRequest{Part: chain.PartRoot, Chain: ders(root), Lists: [][]byte{h.RootCRL}}, "a revocation list with the root"},
		{"lists with the leaf", DeployRequest{Part: chain.PartLeaf, Chain: ders(leaf, ca, root), Key: key, Lists: [][]byte{list}}, "a revocation list with the leaf"},
		{"lists with the client intermediate", DeployRequest{Part: chain.PartClientIntermediate, Chain: ders(forClients, clients.Root),
			Lists: [][]byte{listBy(t, clients.ClientIntermediate, now.Add(time.Hour))}}, "a revocation list with the client"},

		{"a group's by another key", DeployRequest{Part: chain.PartClientIntermediate, Chain: ders(forge(t, ops.Cert, thief, nil), clients.Root)}, "signature"},
		{"a client intermediate as the server's", DeployRequest{Part: chain.PartIntermediate, Chain: ders(forClients, clients.Root)},
			"client intermediate of a hierarchy where its intermediate"},
		{"a client intermediate of another root's", DeployRequest{Part: chain.PartClientIntermediate, Chain: ders(forClients, root)}, "issued by"},
		{"a client intermediate by another key", DeployRequest{Part: chain.PartClientIntermediate, Chain: ders(forge(t, forClients, thief, nil), clients.Root)}, "signature"},
		{"a client intermediate with a key", DeployRequest{Part: chain.PartClientIntermediate, Chain: ders(forClients, clients.Root), Key: key}, "a private key with"},
		{"a leaf of a client intermediate", DeployRequest{Part: chain.PartLeaf, Chain: ders(leaf, forClients, clients.Root), Key: key}, "where its intermediate"},
		{"a client's certificate", DeployRequest{Part: chain.PartClient, Chain: ders(leaf, forClients, clients.Root)}, "no part"},
		{"nothing", DeployRequest{}, "no part"},
		{"no certificate", DeployRequest{Part: chain.PartRoot}, "0 certificates"},
		{"no DER", DeployRequest{Part: chain.PartRoot, Chain: [][]byte{[]byte(`C:\root.pem`)}}, "not a certificate"},
		{"more than is asked for", DeployRequest{Part: chain.PartRoot, Chain: ders(root, other.Root)}, "2 certificates"},
		{"a foreign root", DeployRequest{Part: chain.PartRoot, Chain: ders(foreign.Cert)}, "not a certificate of devcert's"},
		{"an intermediate as a root", DeployRequest{Part: chain.PartRoot, Chain: ders(ca)}, "intermediate of a hierarchy where its root"},
		{"a leaf as a root", DeployRequest{Part: chain.PartRoot, Chain: ders(leaf)}, "leaf of a hierarchy where its root"},
		{"a root as an intermediate", DeployRequest{Part: chain.PartIntermediate, Chain: ders(root, root)}, "root of a hierarchy where its intermediate"},
		{"a root by another key", DeployRequest{Part: chain.PartRoot, Chain: ders(forge(t, root, thief, nil))}, "signature"},
		{"a root that permits more", DeployRequest{Part: chain.PartRoot, Chain: ders(wide)}, "not a certificate of devcert's"},
		{"a root with a key", DeployRequest{Part: chain.PartRoot, Chain: ders(root), Key: key}, "a private key with the root"},
		{"an intermediate of nobody's", DeployRequest{Part: chain.PartIntermediate, Chain: ders(forge(t, ca, thief, nil), root)}, "signature"},
		{"an intermediate of another root's", DeployRequest{Part: chain.PartIntermediate, Chain: ders(ca, other.Root)}, "issued by"},
		{"a foreign leaf", DeployRequest{Part: chain.PartLeaf, Chain: ders(foreign.Cert, ca, root), Key: encodeKey(t, foreign.Key)}, "not a certificate of devcert's"},
		{"a leaf without its key", DeployRequest{Part: chain.PartLeaf, Chain: ders(leaf, ca, root)}, "PEM"},
		{"a leaf with another's key", DeployRequest{Part: chain.PartLeaf, Chain: ders(leaf, ca, root), Key: otherKey}, "another certificate's"},
		{"a leaf with two keys", DeployRequest{Part: chain.PartLeaf, Chain: ders(leaf, ca, root), Key: slices.Concat(key, otherKey)}, "2 private keys"},
		{"a leaf by another key", DeployRequest{Part: chain.PartLeaf, Chain: ders(forge(t, leaf, thief, nil), ca, root), Key: key}, "signature"},
		{"a leaf for other names", DeployRequest{Part: chain.PartLeaf,
			Chain: ders(forge(t, leaf, h.Intermediate.Key, elsewhere), ca, root), Key: key}, "bank.example"},
		{"a leaf under a root with wider constraints", DeployRequest{Part: chain.PartLeaf, Chain: ders(leaf, ca, wide), Key: key}, "devcert"},
	} {
		t.Run(row.name, func(t *testing.T) {
			k, pair, err := row.request.accept()
			if row.refused == "" {
				require.NoError(t, err)
				require.Equal(t, row.request.Part, k.part)
				require.Equal(t, row.request.Chain[0], pair.Cert.Raw)
				require.Equal(t, row.request.Part == chain.PartLeaf, chain.SameKey(pair.Cert, pair.Key))
				return
			}
			require.ErrorContains(t, err, row.refused)
			require.ErrorContains(t, err, "refused: ")
			var remedied interface{ Remedy() string }
			require.ErrorAs(t, err, &remedied)
			require.NotEmpty(t, remedied.Remedy())
		})
	}
}

// Time is no reason: a clock that went wrong must not keep a repair from working.
func TestDeployRequestAnyTime(t *testing.T) {
	h, err := chain.New(chain.Options{Owner: "alice@pc", Key: chain.ECDSA, Now: now.Add(-2 * chain.LeafLifetime)})
	require.NoError(t, err)
	require.True(t, time.Now().After(h.Leaf.Cert.NotAfter))
	_, _, err = DeployRequest{Part: chain.PartLeaf, Chain: ders(h.Leaf.Cert, h.Intermediate.Cert, h.Root), Key: encodeKey(t, h.Leaf.Key)}.accept()
	require.NoError(t, err)
}

func TestWithdrawRequest(t *testing.T) {
	h := newHierarchy(t, chain.ECDSA)
	for _, row := range []struct {
		name    string
		request WithdrawRequest
		refused string
	}{
		{"the root", WithdrawRequest{"windows-root", h.Root.Raw}, ""},
		{"a leaf that got into Root", WithdrawRequest{"windows-root", h.Leaf.Cert.Raw}, ""},
		{"the intermediate", WithdrawRequest{"windows-ca", h.Intermediate.Cert.Raw}, ""},
		{"an intermediate that got into Root", WithdrawRequest{"windows-root", h.Intermediate.Cert.Raw}, ""},
		{"the leaf", WithdrawRequest{"windows-my", h.Leaf.Cert.Raw}, ""},
		{"nothing", WithdrawRequest{}, "not a certificate"},
		{"a foreign certificate", WithdrawRequest{"windows-my", selfSigned(t, nil).Cert.Raw}, "not a certificate of devcert's"},
		{"a root with a wrong signature", WithdrawRequest{"windows-root", forge(t, h.Root, newKey(t), nil).Raw}, "signature"},
		{"another store", WithdrawRequest{"AuthRoot", h.Root.Raw}, "no store of devcert's"},
		{"Windows' own name of the store", WithdrawRequest{"Root", h.Root.Raw}, "no store of devcert's"},
	} {
		t.Run(row.name, func(t *testing.T) {
			k, lists, err := row.request.accept()
			if row.refused == "" {
				require.NoError(t, err)
				require.Equal(t, row.request.Store, k.name)
				require.Equal(t, row.request.Store == "windows-ca", lists != nil)
				return
			}
			require.ErrorContains(t, err, row.refused)
		})
	}
}

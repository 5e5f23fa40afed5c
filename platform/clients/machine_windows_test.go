package clients

import (
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/asn1"
	"flag"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"

	"devcert/devcert"
	"devcert/devcert/chain"
	"devcert/platform/winstore"
)

// plant makes a key of the user's for one test, with its values.
func plant(t *testing.T, path string, values map[string]any) {
	t.Helper()
	if os.Getenv("DEVCERT_TEST_MACHINE") != "1" {
		t.Skip("changes this user's registry: DEVCERT_TEST_MACHINE=1 allows it")
	}
	key, there, err := registry.CreateKey(registry.CURRENT_USER, path, registry.ALL_ACCESS)
	require.NoError(t, err)
	require.False(t, there, path)
	t.Cleanup(func() { require.NoError(t, registry.DeleteKey(registry.CURRENT_USER, path)) })
	for name, value := range values {
		switch value := value.(type) {
		case string:
			err = key.SetExpandStringValue(name, value)
		case int:
			err = key.SetDWordValue(name, uint32(value))
		}
		require.NoError(t, err)
	}
	require.NoError(t, key.Close())
}

func TestRegistry(t *testing.T) {
	plant(t, `SOFTWARE\devcert test`, nil)
	plant(t, `SOFTWARE\devcert test\one`, map[string]any{"": `%SystemRoot%\x`, "off": 0, "number": 7})
	plant(t, `SOFTWARE\devcert test\two`, nil)
	const one = `HKCU\SOFTWARE\devcert test\one`
	require.Equal(t, join(os.Getenv("SystemRoot"), "x"), registryText(one, ""))
	require.Empty(t, registryText(one, "none"))
	require.Empty(t, registryText(one, "number"))
	require.Empty(t, registryText(`HKLM\SOFTWARE\devcert test\one`, ""), "another part of the registry")
	require.Empty(t, registryText(`HKCU\SOFTWARE\devcert test\three`, ""))
	number, is := registryNumber(one, "number")
	require.True(t, is)
	require.Equal(t, uint64(7), number)
	_, is = registryNumber(one, "off")
	require.True(t, is, "0 is a number")
	_, is = registryNumber(one, "none")
	require.False(t, is)
	require.Subset(t, registryKeys(`HKCU\SOFTWARE\devcert test`), []string{"one", "two"})
	require.Empty(t, registryKeys(`HKCU\SOFTWARE\devcert test\three`))
}

// A program's name in the registry leads to it, and what it reads is judged.
func TestFindOnThisMachine(t *testing.T) {
	install := filepath.Join(t.TempDir(), "my gït")
	put := func(name, content string) {
		path := filepath.Join(install, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
	}
	plant(t, `SOFTWARE\GitForWindows`, map[string]any{"InstallPath": install})
	put("cmd/git.exe", "MZ")
	put("etc/gitconfig", "[http]\r\n\tsslBackend = openssl\r\n")
	put("mingw64/etc/ssl/certs/ca-bundle.crt", asPEM(material.Leaf))
	c := New(Options{Env: []string{"SystemRoot=" + os.Getenv("SystemRoot")}, StateDir: `C:\devcert`})
	git := func() devcert.Client {
		for _, one := range c.Find(t.Context(), material) {
			if one.Name == "git" {
				return one
			}
		}
		require.FailNow(t, "git was not found")
		return devcert.Client{}
	}
	require.Equal(t, devcert.Missing, git().State)
	require.Equal(t, filepath.Join(install, `mingw64\etc\ssl\certs\ca-bundle.crt`), git().Roots)
	put("mingw64/etc/ssl/certs/ca-bundle.crt", "roots\r\n"+asPEM(material.Root))
	require.Equal(t, devcert.Trusted, git().State)
	put("etc/gitconfig", "[http]\r\n\tsslBackend = schannel\r\n")
	require.Equal(t, []any{devcert.PlaceState(""), "windows-root"}, []any{git().State, git().Store})
}

func TestReadFile(t *testing.T) {
	folder := t.TempDir()
	require.False(t, isFile(folder))
	_, err := readFile(folder)
	require.ErrorContains(t, err, "not a regular file")
	path := filepath.Join(folder, "a")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	require.False(t, isFile(path), "an alias of the Microsoft Store shows so")
	large, err := os.Create(path)
	require.NoError(t, err)
	require.NoError(t, large.Truncate(maxRead+1))
	require.NoError(t, large.Close())
	require.True(t, isFile(path))
	_, err = readFile(path)
	require.ErrorContains(t, err, "larger than 16 MiB")
}

func TestResourceVersion(t *testing.T) {
	require.Regexp(t, `^\d+\.\d+\.\d+\.\d+$`, resourceVersion(join(os.Getenv("SystemRoot"), `System32\kernel32.dll`)))
	path := filepath.Join(t.TempDir(), "none.exe")
	require.NoError(t, os.WriteFile(path, []byte("MZ"), 0o600))
	require.Empty(t, resourceVersion(path))
	require.Empty(t, resourceVersion(path+"x"))
}

// TestBeClient is a client when it is run by TestAskOnWindows: a program in Go,
// which has Windows verify the server, or knows a root itself.
func TestBeClient(t *testing.T) {
	args := flag.Args()
	if len(args) == 0 {
		t.Skip("TestAskOnWindows runs this in a process of its own")
	}
	if args[0] == "version" {
		fmt.Println("client 1.2.3")
		os.Exit(0)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	if len(args) == 3 {
		pool := x509.NewCertPool()
		data, err := os.ReadFile(args[2])
		if err != nil || !pool.AppendCertsFromPEM(data) {
			os.Exit(8)
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: pool}
	}
	if args[1] != "" {
		transport.Proxy = func(*http.Request) (*url.URL, error) { return url.Parse(args[1]) }
	}
	answer, err := (&http.Client{Transport: transport}).Get(args[0])
	if err == nil {
		_, err = io.Copy(io.Discard, answer.Body)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "client:", err)
		os.Exit(7)
	}
	os.Exit(0)
}

// asClient is the kind of TestBeClient, with what it is given besides.
func asClient(name string, more ...string) kind {
	args := []string{"-test.run=^TestBeClient$"}
	return kind{name: name, version: append(args, "version"), ask: func(q *question) (call, error) {
		return call{args: slices.Concat(args, []string{q.url(), q.proxy()}, more)}, nil
	}}
}

// TestAskOnWindows: real processes that have Windows verify, without the root and
// with it; and those that are never run.
func TestAskOnWindows(t *testing.T) {
	if os.Getenv("DEVCERT_TEST_MACHINE") != "1" {
		t.Skip("changes this machine's certificate stores: DEVCERT_TEST_MACHINE=1 allows it")
	}
	h := wholeHierarchy(t)
	exam := examOf(t, h)
	self, err := os.Executable()
	require.NoError(t, err)
	own := filepath.Join(t.TempDir(), "root.pem")
	require.NoError(t, os.WriteFile(own, []byte(asPEM(h.Root)), 0o600))
	c := &Clients{options: Options{Env: os.Environ()}, kinds: []kind{asClient("client"), asClient("own", own)}}
	for _, k := range windowsKinds() {
		if k.unasked != "" {
			c.kinds = append(c.kinds, k.kind)
		}
	}
	ask := func() []devcert.Asked {
		asked, err := c.Ask(t.Context(), []devcert.Client{
			{Name: "client", Path: self}, {Name: "own", Path: self}, {Name: servicesName, Path: self},
		}, exam)
		require.NoError(t, err)
		for _, never := range asked[2:] {
			require.Equal(t, []any{devcert.NotAsked, devcert.NotAsked, ""}, []any{never.Inside, never.Outside, never.Version})
			require.NotEmpty(t, never.Said)
		}
		require.Equal(t, []any{devcert.Accepted, devcert.Refused}, []any{asked[1].Inside, asked[1].Outside}, asked[1].Said)
		return asked
	}
	client := ask()[0]
	require.Equal(t, []any{devcert.Refused, devcert.Refused}, []any{client.Inside, client.Outside}, client.Said)
	require.Equal(t, "1.2.3", client.Version)
	require.Contains(t, client.Said, "certificate")

	store := winstore.Store{Location: winstore.LocalMachine, Name: winstore.Root}
	_, err = store.Add(h.Root.Raw, "")
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := store.Delete(h.Root.Raw, false)
		require.NoError(t, err)
	})
	client = ask()[0]
	require.Equal(t, devcert.Accepted, client.Inside, client.Said)
	if windows.NewLazySystemDLL("ntdll.dll").NewProc("wine_get_version").Find() != nil {
		require.Equal(t, devcert.Refused, client.Outside, client.Said) // Wine passes over name constraints
	}
}

// wholeHierarchy is one whose signatures have no short number in them: Wine takes
// those for wrong.
func wholeHierarchy(t *testing.T) *chain.Hierarchy {
	t.Helper()
	for {
		h, err := chain.New(chain.Options{Owner: "anna@birch", Key: chain.ECDSA, Now: time.Now()})
		require.NoError(t, err)
		if whole(h.Root) && whole(h.Intermediate.Cert) && whole(h.Leaf.Cert) {
			return h
		}
	}
}

func whole(cert *x509.Certificate) bool {
	var numbers struct{ R, S *big.Int }
	_, err := asn1.Unmarshal(cert.Signature, &numbers)
	return err == nil && numbers.R.BitLen() > 248 && numbers.S.BitLen() > 248
}

func examOf(t *testing.T, h *chain.Hierarchy) devcert.Exam {
	t.Helper()
	serving := func(p chain.Pair) tls.Certificate {
		return tls.Certificate{
			Certificate: [][]byte{p.Cert.Raw, h.Intermediate.Cert.Raw}, PrivateKey: p.Key.(*ecdsa.PrivateKey), Leaf: p.Cert,
		}
	}
	outside, err := chain.NewOutside(h.Intermediate, devcert.OutsideName, time.Now())
	require.NoError(t, err)
	return devcert.Exam{Inside: serving(h.Leaf), Outside: serving(outside), OutsideName: devcert.OutsideName, Root: h.Root, Limit: time.Minute}
}

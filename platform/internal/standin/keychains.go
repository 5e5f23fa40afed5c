package standin

import (
	"bytes"
	"crypto"
	"crypto/sha1" // macOS' handle of a certificate
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"os"
	"slices"
	"strings"

	pkcs12 "software.sslmate.com/src/go-pkcs12"
)

const (
	certificate = "CERTIFICATE"
	privateKey  = "PRIVATE KEY"
)

// read reads a keychain. Where the path is none that can be opened, Apple's tool
// complains and goes on with all of the user's; one that is not there is an error.
func (t *tool) read(keychain string) (blocks []*pem.Block, status int) {
	if keychain == "" {
		for _, path := range t.searched() {
			some, _ := t.read(path)
			blocks = append(blocks, some...)
		}
		return blocks, 0
	}
	if strings.HasPrefix(keychain, "-") {
		return nil, usage
	}
	data, err := os.ReadFile(keychain)
	if os.IsNotExist(err) {
		return nil, t.complain("security: SecKeychainSearchCopyNext", "Der angegebene Schlüsselbund wurde nicht gefunden.", 50)
	}
	if err != nil {
		t.complain("security: SecKeychainOpen "+keychain, "Ungültiger Schlüsselbund.", 0)
		return t.read("")
	}
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			return blocks, 0
		}
		blocks = append(blocks, block)
	}
}

func (t *tool) searched() []string {
	return []string{t.home + "/Library/Keychains/login.keychain-db", t.root + "/Library/Keychains/System.keychain"}
}

func (t *tool) write(function, keychain string, blocks []*pem.Block) int {
	if strings.HasPrefix(keychain, t.root+"/Library/") && !t.Root {
		return t.complain(function, "Keine Schreibberechtigung.", 1)
	}
	var data bytes.Buffer
	for _, block := range blocks {
		if err := pem.Encode(&data, block); err != nil {
			panic(err)
		}
	}
	if err := replace(keychain, data.Bytes()); err != nil {
		return t.complain(function, "Schreiben nicht möglich.", 1)
	}
	return 0
}

func one(others []string) string {
	if len(others) == 0 {
		return ""
	}
	return others[0]
}

func (t *tool) findCertificate(args []string) int {
	o, ok := parse(args, "hac:e:mpZ")
	if !ok || o.has('h') || len(o.others) > 1 {
		return usage
	}
	blocks, status := t.read(one(o.others))
	if status != 0 {
		return status
	}
	for _, block := range blocks {
		if block.Type != certificate {
			continue
		}
		if !o.has('p') {
			fmt.Fprintln(t.out, `keychain: "…"`)
		} else if err := pem.Encode(t.out, block); err != nil {
			panic(err)
		}
		if !o.has('a') {
			return 0
		}
	}
	return 0
}

func (t *tool) findIdentity(args []string) int {
	o, ok := parse(args, "hp:s:v")
	if !ok || o.has('h') || len(o.others) > 1 {
		return usage
	}
	blocks, status := t.read(one(o.others))
	if status != 0 {
		return status
	}
	fmt.Fprintf(t.out, "\nRichtlinie: X.509 Basic\n  Passende Identitäten\n")
	n := 0
	for _, block := range blocks {
		if block.Type == certificate && hasKey(blocks, block.Bytes) {
			n++
			fmt.Fprintf(t.out, "  %d) %s \"localhost\"\n", n, thumbprint(block.Bytes))
		}
	}
	fmt.Fprintf(t.out, "     %d Identitäten gefunden\n\n", n)
	return 0
}

func thumbprint(der []byte) string {
	sum := sha1.Sum(der)
	return strings.ToUpper(hex.EncodeToString(sum[:]))
}

func hasKey(blocks []*pem.Block, der []byte) bool { return keyOf(blocks, der) >= 0 }

// keyOf finds the key of a certificate; -1 when it is not there.
func keyOf(blocks []*pem.Block, der []byte) int {
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return -1
	}
	return slices.IndexFunc(blocks, func(b *pem.Block) bool {
		key, err := x509.ParsePKCS8PrivateKey(b.Bytes)
		if b.Type != privateKey || err != nil {
			return false
		}
		public, ok := key.(crypto.Signer).Public().(interface{ Equal(crypto.PublicKey) bool })
		return ok && public.Equal(cert.PublicKey)
	})
}

func (t *tool) addCertificates(args []string) int {
	o, ok := parse(args, "hk:")
	if !ok || len(o.others) == 0 || o.value('k') == "" {
		return usage
	}
	for _, file := range o.others {
		cert, ok := readCertificate(file)
		if !ok {
			return t.complain("security: "+file, "kein gültiges Zertifikat", 1)
		}
		if status := t.put("security: SecCertificateAddToKeychain", o.value('k'), certificate, cert.Raw, true); status != 0 {
			return status
		}
	}
	return 0
}

// put adds a block. One that is there already is an error where strict.
func (t *tool) put(function, keychain, kind string, data []byte, strict bool) int {
	blocks, status := t.read(keychain)
	if status != 0 {
		return status
	}
	if slices.ContainsFunc(blocks, func(b *pem.Block) bool { return b.Type == kind && bytes.Equal(b.Bytes, data) }) {
		if !strict {
			return 0
		}
		return t.complain(function, "Das angegebene Objekt ist bereits im Schlüsselbund vorhanden.", 1)
	}
	return t.write(function, keychain, append(blocks, &pem.Block{Type: kind, Bytes: data}))
}

// readCertificate reads a file with one certificate, as PEM or DER.
func readCertificate(path string) (*x509.Certificate, bool) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, false
	}
	if block, _ := pem.Decode(data); block != nil {
		data = block.Bytes
	}
	cert, err := x509.ParseCertificate(data)
	return cert, err == nil
}

func (t *tool) deleteCertificate(args []string) int { return t.remove(args, false) }
func (t *tool) deleteIdentity(args []string) int    { return t.remove(args, true) }

func (t *tool) remove(args []string, withKey bool) int {
	o, ok := parse(args, "hc:Z:t")
	if !ok || o.has('h') || !o.has('Z') && !o.has('c') || len(o.others) != 1 {
		return usage
	}
	blocks, status := t.read(o.others[0])
	if status != 0 {
		return status
	}
	at := slices.IndexFunc(blocks, func(b *pem.Block) bool {
		return b.Type == certificate && thumbprint(b.Bytes) == strings.ToUpper(o.value('Z'))
	})
	if at < 0 {
		return t.complain("Unable to delete certificate matching", o.value('Z'), 1)
	}
	if key := keyOf(blocks, blocks[at].Bytes); withKey && key >= 0 {
		gone := blocks[key]
		blocks = slices.DeleteFunc(slices.Clone(blocks), func(b *pem.Block) bool { return b == gone || b == blocks[at] })
	} else {
		blocks = slices.Delete(slices.Clone(blocks), at, at+1)
	}
	return t.write("security: SecKeychainItemDelete", o.others[0], blocks)
}

func (t *tool) importItems(args []string) int {
	if len(args) < 2 || strings.HasPrefix(args[0], "-") {
		return usage
	}
	o, ok := parse(args[1:], "k:t:f:P:wxa:hAT:")
	if !ok || len(o.others) > 0 || o.value('f') != "pkcs12" || !slices.Contains([]string{"", "cert", "agg"}, o.value('t')) {
		return usage
	}
	const function = "security: SecKeychainItemImport"
	data, err := os.ReadFile(args[0])
	if err != nil {
		return t.complain("security: Error reading infile", err.Error(), 1)
	}
	// SHA-256 as the hash of its MAC, AES as its cipher: neither is known.
	if bytes.Contains(data, []byte("\x60\x86\x48\x01\x65\x03\x04")) {
		return t.complain(function, "Unbekanntes Format beim Importieren.", 1)
	}
	key, cert, err := pkcs12.Decode(data, o.value('P'))
	if err != nil || o.value('P') == "" {
		return t.complain(function, "MAC-Verifizierung fehlgeschlagen beim PKCS12-Import (falsches Passwort?)", 1)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic(err)
	}
	// That either is there already is not forgiven: what becomes of the other one
	// then is not documented.
	if status := t.put(function, o.value('k'), certificate, cert.Raw, true); status != 0 {
		return status
	}
	return t.put(function, o.value('k'), privateKey, encoded, true)
}

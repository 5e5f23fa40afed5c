package cli

import (
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"io"
	"os"

	"devcert/devcert"
	"devcert/devcert/chain"
)

// maxRoots is how much of a file of roots is read, in bytes. The public ones of
// a system are a quarter of a MiB.
const maxRoots = 8 << 20

// warnOfLost says which files with roots the shell's variables name by now, where
// what they are to name instead has not all of them. It goes to standard error:
// the lines for the shell are no place where anybody looks.
func (s *session) warnOfLost(variables []devcert.Variable) {
	for _, v := range variables {
		now := s.env[v.Name]
		if now == "" {
			continue
		}
		if n := lost(now, v.Value); n > 0 {
			fmt.Fprintf(s.streams.Err, "devcert: warning: %s is %s by now, which has %s that %s has not: programs will no longer trust what they vouch for\n"+
				"  add them to the system's roots, then run:  devcert repair\n", v.Name, oneLine(now), certificates(n), oneLine(v.Value))
		}
	}
}

func certificates(n int) string {
	if n == 1 {
		return "a certificate"
	}
	return fmt.Sprintf("%d certificates", n)
}

// lost counts the certificates of a file that another has not. Those that an
// earlier devcert made are no loss; neither is what cannot be read, for the
// programs cannot either.
func lost(from, to string) int {
	kept := map[string]bool{}
	for _, der := range certificatesIn(to) {
		kept[string(der)] = true
	}
	n := 0
	for _, der := range certificatesIn(from) {
		if cert, err := x509.ParseCertificate(der); !kept[string(der)] && (err != nil || chain.PartOf(cert) == "") {
			n++
			kept[string(der)] = true // once
		}
	}
	return n
}

func certificatesIn(path string) (all [][]byte) {
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return nil // a pipe would be waited for
	}
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	data, _ := io.ReadAll(io.LimitReader(f, maxRoots))
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			return all
		}
		switch block.Type {
		case "CERTIFICATE":
			all = append(all, block.Bytes)
		case "TRUSTED CERTIFICATE": // OpenSSL's: what it is trusted for comes after it
			var cert asn1.RawValue
			if _, err := asn1.Unmarshal(block.Bytes, &cert); err == nil {
				all = append(all, cert.FullBytes)
			}
		}
	}
}

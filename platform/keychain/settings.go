package keychain

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"howett.net/plist"

	"devcert/devcert/chain"
)

// Domain is whose trust settings are meant. They are no part of any keychain: they
// name certificates by SHA-1, wherever those are.
type Domain string

// The domains that can be changed. What the user's say of a certificate goes before
// what the administrators' say.
const (
	User  Domain = "user"
	Admin Domain = "admin"
)

// flags are those of the tool's commands about trust settings.
func (d Domain) flags() []string {
	if d == Admin {
		return []string{"-d"}
	}
	return nil
}

// Trust is what settings say of a root, as far as servers of TLS are concerned.
type Trust string

// What they can say.
const (
	Unset   Trust = ""        // nothing: the certificate is not named
	Trusted Trust = "trusted" //
	Denied  Trust = "denied"  // never to be trusted
	Neither Trust = "neither" // named, and left to others to decide
)

// Settings are the trust settings of one domain.
type Settings struct{ list map[string]entry }

// record is the property list that the tool writes. Its form is described beside
// Apple's function that writes it (SecTrustSettingsPriv.h in Security).
type record struct {
	Version any              `plist:"trustVersion"`
	List    map[string]entry `plist:"trustList"`
}

type entry struct {
	// Settings may be missing, or empty: the certificate is then trusted for all.
	Settings []map[string]any `plist:"trustSettings"`
}

// What a constraint can name.
const (
	keyPolicy       = "kSecTrustSettingsPolicy"
	keyPolicyString = "kSecTrustSettingsPolicyString" // a host
	keyApplication  = "kSecTrustSettingsApplication"
	keyKeyUsage     = "kSecTrustSettingsKeyUsage"
	keyResult       = "kSecTrustSettingsResult"
)

// Results (SecTrustSettings.h). That of a root is never "trust as root", which is
// for certificates that are none.
const (
	resultTrustRoot = 1
	resultDeny      = 3
)

// signsCertificates is kSecTrustSettingsKeyUseSignCert.
const signsCertificates = 8

// policySSL is Apple's for servers and clients of TLS, 1.2.840.113635.100.1.3: on
// the disk as the content of its DER, from newer systems in words.
const (
	policySSL     = "\x2a\x86\x48\x86\xf7\x63\x64\x01\x03"
	policySSLText = "1.2.840.113635.100.1.3"
)

// maxSettings is how large a file of trust settings may be, in bytes. A managed Mac
// has some hundred entries of a few hundred bytes.
const maxSettings = 16 << 20

// ErrNoSettings is given where the tool wrote none: the domain has none, or they
// could not be read. Only its translated words would tell which.
var ErrNoSettings = errors.New("no trust settings were found")

// Settings reads the trust settings of a domain.
func (t Tool) Settings(ctx context.Context, d Domain) (s Settings, err error) {
	err = t.inFolder(func(folder string) error {
		file := filepath.Join(folder, "settings.plist")
		_, err := t.do(ctx, looking, append(append([]string{"trust-settings-export"}, d.flags()...), file)...)
		if _, there := os.Lstat(file); refused(err) && errors.Is(there, fs.ErrNotExist) {
			return fmt.Errorf("%w: %w", ErrNoSettings, err)
		}
		if err != nil {
			return err
		}
		data, err := readAll(file)
		if err == nil {
			s, err = parseSettings(data)
		}
		return err
	})
	return s, err
}

func readAll(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxSettings+1))
	if err == nil && len(data) > maxSettings {
		err = fmt.Errorf("more than %d MiB of trust settings", maxSettings>>20)
	}
	return data, err
}

func parseSettings(data []byte) (Settings, error) {
	var r record
	if _, err := plist.Unmarshal(data, &r); err != nil {
		return Settings{}, fmt.Errorf("trust settings: %w", err)
	}
	if version, ok := number(r.Version); !ok || version != 1 {
		return Settings{}, fmt.Errorf("trust settings of version %v, 1 is known", r.Version)
	}
	if r.List == nil {
		return Settings{}, errors.New("trust settings without a list")
	}
	return Settings{r.List}, nil
}

// Of is what the settings say of cert as the root of a server's chain.
func (s Settings) Of(cert *x509.Certificate) Trust {
	e, named := s.list[chain.Thumbprint(cert)]
	if !named {
		return Unset
	}
	if len(e.Settings) == 0 {
		return Trusted
	}
	said := Neither
	for _, c := range e.Settings {
		if !applies(c) {
			continue
		}
		result, ok := number(c[keyResult])
		switch {
		case c[keyResult] == nil, ok && result == resultTrustRoot:
			said = Trusted
		case ok && result == resultDeny:
			return Denied // a no stands, whatever else is said
		}
	}
	return said
}

// applies says whether a constraint is about every server that every program opens.
// One that is about one host or one program only makes no root of a certificate.
func applies(c map[string]any) bool {
	switch policy := c[keyPolicy].(type) {
	case nil:
	case []byte:
		if string(policy) != policySSL {
			return false
		}
	case string:
		if policy != policySSLText {
			return false
		}
	default:
		return false
	}
	if usage, ok := number(c[keyKeyUsage]); c[keyKeyUsage] != nil && (!ok || usage != 0 && usage&signsCertificates == 0) {
		return false
	}
	return c[keyPolicyString] == nil && c[keyApplication] == nil
}

// number is a whole number of a property list.
func number(v any) (int64, bool) {
	switch v := v.(type) {
	case int64:
		return v, true
	case uint64:
		return int64(v), true //nolint:gosec // a wrong one is compared with small ones
	}
	return 0, false
}

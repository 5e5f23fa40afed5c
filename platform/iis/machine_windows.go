package iis

import (
	"context"
	"crypto/x509"
	"errors"
	"os"
	"strings"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"

	"devcert/devcert"
	"devcert/platform/winstore"
)

// Look sees what this machine does with client certificates.
func Look(ctx context.Context, ask devcert.IISLook) (*devcert.IISState, error) {
	return thisMachine().look(ctx, ask)
}

func thisMachine() machine {
	m := machine{number: registryNumber, texts: registryTexts, binary: registryBinary, keys: registryKeys, store: storeCerts, client: keyOf}
	if system, err := windows.GetSystemDirectory(); err == nil {
		m.inetsrv = system + `\inetsrv`
	}
	if documents, err := windows.KnownFolderPath(windows.FOLDERID_Documents, 0); err == nil {
		m.documents = documents
	}
	if here, err := os.Getwd(); err == nil {
		m.here = here
	}
	return m
}

// withKey hands a key to use; one that is not there is no error.
func withKey(path string, access uint32, use func(registry.Key) error) error {
	hive, below, _ := strings.Cut(path, `\`)
	top := registry.LOCAL_MACHINE
	if hive == "HKCU" {
		top = registry.CURRENT_USER
	}
	key, err := registry.OpenKey(top, below, access|registry.WOW64_64KEY)
	if err == nil {
		defer func() { _ = key.Close() }()
		err = use(key)
	}
	if errors.Is(err, registry.ErrNotExist) || errors.Is(err, windows.ERROR_PATH_NOT_FOUND) {
		return nil
	}
	return err
}

// registryNumber reads a number. A value of another type is one that Windows does
// not take, and so is as good as none.
func registryNumber(key, name string) (n devcert.IISNumber, err error) {
	err = withKey(key, registry.QUERY_VALUE, func(k registry.Key) error {
		value, _, err := k.GetIntegerValue(name)
		if errors.Is(err, registry.ErrUnexpectedType) {
			return nil
		}
		if err == nil {
			const low = 0xffffffff
			n = devcert.IISNumber{Value: uint32(value & low), Set: true}
		}
		return err
	})
	return n, err
}

// registryTexts are the texts of a key by their names.
func registryTexts(key string) (map[string]string, error) {
	texts := map[string]string{}
	err := withKey(key, registry.QUERY_VALUE, func(k registry.Key) error {
		names, err := k.ReadValueNames(-1)
		for _, name := range names {
			if text, _, err := k.GetStringValue(name); err == nil {
				texts[name] = text
			}
		}
		return err
	})
	return texts, err
}

func registryBinary(key, name string) (data []byte, err error) {
	err = withKey(key, registry.QUERY_VALUE, func(k registry.Key) error {
		var err error
		data, _, err = k.GetBinaryValue(name)
		return err
	})
	return data, err
}

func registryKeys(key string) (names []string, err error) {
	err = withKey(key, registry.ENUMERATE_SUB_KEYS, func(k registry.Key) error {
		var err error
		names, err = k.ReadSubKeyNames(-1)
		return err
	})
	return names, err
}

// storeOf takes the name of a store apart: LocalMachine\Root.
func storeOf(name string) winstore.Store {
	location, store, _ := strings.Cut(name, `\`)
	return winstore.Store{Location: winstore.Location(location), Name: store}
}

// storeCerts leaves out what Go does not take for a certificate.
func storeCerts(name string) ([]*x509.Certificate, error) {
	entries, err := storeOf(name).List()
	var certs []*x509.Certificate
	for _, e := range entries {
		if cert, err := x509.ParseCertificate(e.DER); err == nil {
			certs = append(certs, cert)
		}
	}
	return certs, err
}

// keyOf says whether the private key is there, where, and who may read it.
func keyOf(c *devcert.IISClient, identity string) {
	key, err := storeOf(c.Store).Key(c.Cert.Raw)
	if err != nil {
		return
	}
	c.KeyGone = key.State == winstore.KeyMissing
	if identity == "" || c.KeyGone {
		return
	}
	if c.KeyFile = key.File(); c.KeyFile != "" {
		c.Granted = granted(c.KeyFile, identity)
	}
}

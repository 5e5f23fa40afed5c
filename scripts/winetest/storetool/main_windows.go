package main

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"devcert/devcert/chain"
	"devcert/platform/winstore"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "storetool:", err)
		os.Exit(1)
	}
}

var stores = []winstore.Store{
	{Location: winstore.LocalMachine, Name: winstore.Root},
	{Location: winstore.LocalMachine, Name: winstore.CA},
	{Location: winstore.LocalMachine, Name: winstore.My},
	{Location: winstore.CurrentUser, Name: winstore.Root, MayAsk: true},
	{Location: winstore.CurrentUser, Name: winstore.CA},
	{Location: winstore.CurrentUser, Name: winstore.My},
}

func run(args []string) error {
	if len(args) == 0 {
		return errors.New("what?")
	}
	switch args[0] {
	case "list":
		return list()
	case "iis-express":
		days := 1000
		if len(args) > 1 {
			var err error
			if days, err = strconv.Atoi(args[1]); err != nil {
				return err
			}
		}
		return selfSigned(stores[2], winstore.IISExpressName, days, nil)
	case "rival":
		mark := pkix.Extension{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 84, 1, 1}, Value: []byte{7}}
		return selfSigned(stores[5], "ASP.NET Core HTTPS development certificate", 300, []pkix.Extension{mark})
	case "foreign-ca":
		return foreignCA(stores[0])
	case "delete":
		return remove(args[1:])
	case "delete-list":
		return removeList(args[1:])
	case "drop-key", "other-key":
		s, der, err := find(args[1:])
		if err != nil {
			return err
		}
		return spoilKey(s, der, args[0] == "other-key")
	case "copy":
		return duplicate(args[1:])
	case "add":
		return addFile(args[1:])
	case "shut", "open":
		return guard(args[1:], args[0] == "shut")
	}
	return fmt.Errorf("%q?", args[0])
}

type entry struct {
	Thumbprint, Subject, FriendlyName string
	Key                               string
}

func list() error {
	all := map[string][]entry{}
	for _, s := range stores {
		entries, err := s.List()
		if err != nil {
			return err
		}
		all[s.String()] = []entry{}
		for _, e := range entries {
			cert, err := x509.ParseCertificate(e.DER)
			if err != nil {
				continue
			}
			seen := entry{chain.Thumbprint(cert), cert.Subject.String(), e.FriendlyName, ""}
			if s.Name == winstore.My {
				key, err := s.Key(e.DER)
				if err != nil {
					return err
				}
				seen.Key = fmt.Sprint(key.State)
			}
			all[s.String()] = append(all[s.String()], seen)
		}
		if all[s.String()+" lists"], err = lists(s); err != nil {
			return err
		}
	}
	return json.NewEncoder(os.Stdout).Encode(all)
}

// lists are the revocation lists of a store, each under its issuer's name.
func lists(s winstore.Store) ([]entry, error) {
	ders, err := s.Lists()
	all := []entry{}
	for _, der := range ders {
		if crl, err := x509.ParseRevocationList(der); err == nil {
			all = append(all, entry{chain.Thumbprint(&x509.Certificate{Raw: der}), crl.Issuer.String(), "", ""})
		}
	}
	return all, err
}

func removeList(args []string) error {
	if len(args) < 2 {
		return errors.New("which?")
	}
	for _, s := range stores {
		ders, err := s.Lists()
		if err != nil {
			return err
		}
		for _, der := range ders {
			if s.String() == args[0] && chain.Thumbprint(&x509.Certificate{Raw: der}) == args[1] {
				_, err := s.DeleteList(der)
				return err
			}
		}
	}
	return fmt.Errorf("%s is not in %s", args[1], args[0])
}

func find(args []string) (winstore.Store, []byte, error) {
	if len(args) < 2 {
		return winstore.Store{}, nil, errors.New("which?")
	}
	for _, s := range stores {
		if s.String() != args[0] {
			continue
		}
		entries, err := s.List()
		if err != nil {
			return s, nil, err
		}
		for _, e := range entries {
			cert, err := x509.ParseCertificate(e.DER)
			if err == nil && strings.EqualFold(chain.Thumbprint(cert), args[1]) {
				return s, e.DER, nil
			}
		}
	}
	return winstore.Store{}, nil, fmt.Errorf("%s is not in %s", args[1], args[0])
}

func remove(args []string) error {
	s, der, err := find(args)
	if err != nil {
		return err
	}
	_, err = s.Delete(der, len(args) > 2)
	return err
}

func duplicate(args []string) error {
	_, der, err := find(args)
	if err != nil {
		return err
	}
	for _, s := range stores {
		if len(args) > 2 && s.String() == args[2] {
			_, err := s.Add(der, "")
			return err
		}
	}
	return errors.New("where to?")
}

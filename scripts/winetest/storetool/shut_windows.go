package main

import (
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/windows"

	"devcert/platform/winstore"
)

func storeNamed(name string) (winstore.Store, error) {
	for _, s := range stores {
		if s.String() == name {
			return s, nil
		}
	}
	return winstore.Store{}, fmt.Errorf("there is no store %q", name)
}

// addFile adds the certificate of a PEM file, as a person would who says yes.
func addFile(args []string) error {
	if len(args) != 2 {
		return errors.New("which, and where to?")
	}
	s, err := storeNamed(args[0])
	if err != nil {
		return err
	}
	data, err := os.ReadFile(args[1])
	if err != nil {
		return err
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return fmt.Errorf("%s has no certificate", args[1])
	}
	_, err = s.Add(block.Bytes, "")
	return err
}

// guard lets nobody open a store, or everybody. The registry keeps it.
func guard(args []string, shut bool) error {
	if len(args) != 1 {
		return errors.New("which store?")
	}
	s, err := storeNamed(args[0])
	if err != nil {
		return err
	}
	root := map[winstore.Location]string{winstore.LocalMachine: "MACHINE", winstore.CurrentUser: "CURRENT_USER"}[s.Location]
	key := strings.Join([]string{root, "SOFTWARE", "Microsoft", "SystemCertificates", s.Name}, `\`)
	rights := "KA" // all
	if shut {
		rights = "WDRC" // enough to be opened again
	}
	sd, err := windows.SecurityDescriptorFromString("D:P(A;OICI;" + rights + ";;;WD)")
	if err != nil {
		return err
	}
	acl, _, err := sd.DACL()
	if err != nil {
		return err
	}
	return windows.SetNamedSecurityInfo(key, windows.SE_REGISTRY_KEY, windows.DACL_SECURITY_INFORMATION, nil, nil, acl, nil)
}

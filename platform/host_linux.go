package platform

import (
	"crypto/x509"
	"errors"
	"path/filepath"
	"time"

	"devcert/devcert"
	"devcert/platform/elevate"
	"devcert/platform/system"
)

// defaultStateDir follows the XDG base directory specification, which says to
// ignore a relative XDG_DATA_HOME.
func defaultStateDir(env func(string) string) (string, error) {
	dir := ""
	if data := env("XDG_DATA_HOME"); filepath.IsAbs(data) {
		dir = filepath.Join(data, "devcert")
	} else if home := env("HOME"); filepath.IsAbs(home) {
		dir = filepath.Join(home, ".local", "share", "devcert")
	} else {
		return "", errors.New("find the state folder: neither XDG_DATA_HOME nor HOME is an absolute path")
	}
	return dir, elevate.RefuseOthersHome(dir)
}

// equip gives the host its stores.
func equip(host *devcert.Host, o devcert.HostOptions) error {
	wait := o.Timeout
	if wait == 0 {
		wait = 2 * time.Minute
	}
	helper := elevate.New(elevate.Options{Env: o.Env, Interactive: o.Interactive, Wait: wait, Say: o.Say})
	systems := &system.Store{Privileged: helper, Now: o.Now}
	host.Stores = []devcert.Store{systems}
	host.Roots = systems.Roots
	host.Overrides = func(root *x509.Certificate) []devcert.Override {
		return system.Overrides(o.Env, root)
	}
	host.Close = helper.Close
	host.AsAdmin = "sudo "
	return nil
}

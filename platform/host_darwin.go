package platform

import (
	"crypto/x509"
	"errors"
	"path/filepath"
	"time"

	"devcert/devcert"
	"devcert/platform/clients"
	"devcert/platform/dotnet"
	"devcert/platform/elevate"
	"devcert/platform/java"
	"devcert/platform/keychain"
	"devcert/platform/service"
	"devcert/platform/system"
)

// defaultStateDir is where macOS keeps what applications store for a user.
func defaultStateDir(env func(string) string) (string, error) {
	home := env("HOME")
	if !filepath.IsAbs(home) {
		return "", errors.New("find the state folder: HOME is not an absolute path")
	}
	dir := filepath.Join(home, "Library", "Application Support", "devcert")
	return dir, elevate.RefuseOthersHome(dir)
}

// equip gives the host its stores. The browsers need none of their own: Chrome,
// Edge, Safari and, since 120, Firefox take their roots from the keychains.
func equip(host *devcert.Host, o devcert.HostOptions) error {
	wait := o.Timeout
	if wait == 0 {
		wait = 2 * time.Minute
	}
	helper := elevate.New(elevate.Options{Env: o.Env, Interactive: o.Interactive, Wait: wait, Say: o.Say})
	home := lookup(o.Env, "HOME")
	tool := keychain.Tool{Home: home}
	keychains := &system.Keychains{Tool: tool, Privileged: helper, Interactive: o.Interactive, Say: o.Say, Now: o.Now}
	host.Stores = append(keychains.Stores(),
		&java.Store{Privileged: helper, Env: o.Env, StateDir: host.StateDir, Say: o.Say},
		&dotnet.KeychainStore{Tool: tool, Env: o.Env, Files: host.Files, Now: o.Now},
	)
	host.Services = service.New(service.Options{Env: o.Env, Files: host.Files, User: host.Owner.User})
	host.Roots = keychains.Roots
	host.Clients = clients.New(clients.Options{Env: o.Env, Home: home, StateDir: host.StateDir})
	host.Overrides = func(*x509.Certificate) []devcert.Override { return nil }
	host.Close, host.Rest = helper.Close, helper.Rest
	host.AsAdmin = "sudo "
	return nil
}

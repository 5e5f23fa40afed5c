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
	"devcert/platform/firefox"
	"devcert/platform/front"
	"devcert/platform/java"
	"devcert/platform/nss"
	"devcert/platform/service"
	"devcert/platform/system"
	"devcert/platform/wsl"
)

// defaultStateDir follows the XDG base directory specification, which says to
// ignore a relative XDG_DATA_HOME.
func defaultStateDir(env func(string) string) (string, error) {
	var dir string
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
	home := lookup(o.Env, "HOME")
	host.Stores = []devcert.Store{
		systems,
		&nss.Store{Privileged: helper, Env: o.Env},
		&firefox.Store{
			Privileged: helper, Home: home, ConfigHome: lookup(o.Env, "XDG_CONFIG_HOME"), System: systems, Files: host.Files,
		},
		&java.Store{Privileged: helper, Env: o.Env, StateDir: host.StateDir, Say: o.Say},
		&dotnet.Store{Env: o.Env, Files: host.Files, Now: o.Now},
	}
	host.Personals = []devcert.Personal{
		&nss.Personal{Env: o.Env}, &firefox.Personal{Home: home, ConfigHome: lookup(o.Env, "XDG_CONFIG_HOME")},
	}
	if wsl.Here(o.Env) {
		host.Stores = append(host.Stores, &wsl.Store{
			Env: o.Env, StateDir: host.StateDir, Interactive: o.Interactive, Say: o.Say,
		})
	}
	host.Services = service.New(service.Options{Env: o.Env, Files: host.Files, User: host.Owner.User})
	host.Roots = systems.Roots
	host.Ephemeral = front.Ephemeral
	host.Clients = clients.New(clients.Options{Env: o.Env, Home: home, StateDir: host.StateDir})
	host.Overrides = func(root *x509.Certificate) []devcert.Override {
		return systems.Overrides(o.Env, root)
	}
	host.Close, host.Rest = helper.Close, helper.Rest
	host.AsAdmin = "sudo "
	return nil
}

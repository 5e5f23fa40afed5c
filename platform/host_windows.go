package platform

import (
	"context"
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"devcert/devcert"
	"devcert/platform/clients"
	"devcert/platform/elevate"
	"devcert/platform/httpsys"
	"devcert/platform/iis"
	"devcert/platform/java"
	"devcert/platform/run"
	"devcert/platform/service"
	_ "devcert/platform/winres" // linked in
	"devcert/platform/winstore"
)

// defaultStateDir is the part of the profile that stays on this machine.
func defaultStateDir(env func(string) string) (string, error) {
	if dir := env("LOCALAPPDATA"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "devcert"), nil
	}
	return "", errors.New("find the state folder: LOCALAPPDATA is not an absolute path")
}

// equip gives the host Windows' stores and HTTP.sys's ports.
func equip(host *devcert.Host, o devcert.HostOptions) error {
	wait := o.Timeout
	if wait == 0 {
		wait = 2 * time.Minute
	}
	helper := elevate.New(elevate.Options{Env: o.Env, Interactive: o.Interactive, Wait: wait, Say: o.Say})
	netsh, err := httpsys.System(os.TempDir(), startNetsh)
	if err != nil {
		return err
	}
	host.Stores = winstore.Stores(winstore.Options{Privileged: helper, Interactive: o.Interactive, Now: o.Now})
	host.Stores = append(host.Stores, &java.Store{Privileged: helper, Env: o.Env, StateDir: host.StateDir, Say: o.Say})
	host.Personals = []devcert.Personal{winstore.Personal{}}
	host.Clients = clients.New(clients.Options{Env: o.Env, Home: lookup(o.Env, "USERPROFILE"), StateDir: host.StateDir})
	service.LeaveConsole()
	host.Services = service.New(service.Options{Env: o.Env, Files: host.Files, User: host.Owner.User})
	host.Certificates = winstore.Lookup{}
	host.Binder = binder(netsh, helper, host.Owner, o.Now)
	host.Overrides = func(*x509.Certificate) []devcert.Override { return nil }
	host.IIS = iis.Look
	host.Close, host.Rest = helper.Close, helper.Rest
	host.Quote = quoteWord
	return nil
}

// startNetsh starts a system tool as [httpsys.System] wants it.
func startNetsh(ctx context.Context, path string, args ...string) ([]byte, error) {
	return run.Command{Path: path, Args: args}.Run(ctx)
}

// quoteWord is for cmd.exe and PowerShell alike, as far as they agree.
func quoteWord(word string) string {
	if word != "" && !strings.ContainsAny(word, " \t&|<>^()%!\"';,`$@{}") {
		return word
	}
	return `"` + strings.ReplaceAll(word, `"`, `\"`) + `"`
}

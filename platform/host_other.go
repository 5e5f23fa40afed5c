//go:build !linux && !windows

package platform

import (
	"context"
	"crypto/x509"
	"fmt"
	"runtime"

	"devcert/devcert"
	"devcert/devcert/chain"
)

// equip gives the host a system store that says it cannot be changed: what this
// system's stores need is not built yet.
func equip(host *devcert.Host, _ devcert.HostOptions) error {
	host.Stores = []devcert.Store{systemStore{}}
	host.Overrides = func(*x509.Certificate) []devcert.Override { return nil }
	return nil
}

type systemStore struct{}

var errSystemStore = fmt.Errorf("system trust store of %s: %w", runtime.GOOS, devcert.ErrUnsupported)

func (systemStore) Name() string { return "system" }

func (systemStore) Look(context.Context, devcert.Material) []devcert.Place {
	return []devcert.Place{{Path: runtime.GOOS, Part: chain.PartRoot, State: devcert.Unknown, Evidence: errSystemStore.Error()}}
}

func (systemStore) Ready(context.Context) error                       { return errSystemStore }
func (systemStore) Deploy(context.Context, devcert.Material) error    { return errSystemStore }
func (systemStore) Withdraw(context.Context, *x509.Certificate) error { return errSystemStore }

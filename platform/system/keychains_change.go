//go:build linux || darwin

package system

import (
	"context"
	"crypto/x509"
	"errors"
	"path/filepath"

	"devcert/devcert/chain"
	"devcert/platform/elevate"
	"devcert/platform/keychain"
)

// KeychainChanger changes the machine's keychain and the administrators' trust
// settings. It is meant for the privileged child: it needs root's rights and a clean
// environment.
type KeychainChanger struct {
	// Root is put before every path. It is empty but in tests.
	Root string
}

// Handlers are what the privileged child does for a [Keychains]: only a root of our
// own profile is ever added or removed.
func (c KeychainChanger) Handlers() elevate.Handlers {
	return elevate.Handlers{
		trustInKeychain:      elevate.OfCertificate(chain.CheckNewRoot, c.Trust),
		distrustFromKeychain: elevate.OfCertificate(chain.CheckRoot, c.Distrust),
	}
}

func (c KeychainChanger) path() string { return filepath.Join(c.Root, keychain.System) }

// Trust adds root, and has the administrators' settings trust it. While another
// devcert changes them it waits, until ctx ends, and calls waiting once if that
// takes long.
func (c KeychainChanger) Trust(ctx context.Context, root *x509.Certificate, waiting func()) error {
	return c.claimed(ctx, waiting, func(ctx context.Context, tool keychain.Tool) error {
		return tool.Trust(ctx, keychain.Admin, c.path(), root)
	})
}

// Distrust takes the trust in root out of the administrators' settings, then root
// out of the keychain: while it is trusted it stays, so that it can be seen. It
// waits as Trust does.
func (c KeychainChanger) Distrust(ctx context.Context, root *x509.Certificate, waiting func()) error {
	return c.claimed(ctx, waiting, func(ctx context.Context, tool keychain.Tool) error {
		named, _, err := holdings(ctx, tool, c.path(), keychain.Admin, root)
		if err == nil && named {
			err = tool.Distrust(ctx, keychain.Admin, root)
		}
		if err != nil {
			return err
		}
		return tool.Delete(ctx, c.path(), root)
	})
}

// claimed calls do while no other devcert changes the machine, with a tool whose
// files nobody else can look into. What was begun is finished: ctx is for waiting.
func (c KeychainChanger) claimed(ctx context.Context, waiting func(), do func(context.Context, keychain.Tool) error) error {
	own, err := claimStore(ctx, c.Root, waiting)
	if err != nil {
		return err
	}
	defer own.release()
	if ctx.Err() != nil {
		return errors.Join(errors.New("change the machine's keychain"), context.Cause(ctx))
	}
	return do(context.WithoutCancel(ctx), keychain.Tool{Root: c.Root, Temp: own.work()})
}

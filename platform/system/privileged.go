package system

import "context"

// Privileged is who changes the store for us, with the Handlers of a Changer, on
// macOS of a KeychainChanger.
type Privileged interface {
	Ready(ctx context.Context) error
	Do(ctx context.Context, what string, body any) error
}

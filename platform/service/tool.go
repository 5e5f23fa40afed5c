package service

import "context"

// tool runs the program by which the system keeps services.
type tool func(ctx context.Context, args ...string) ([]byte, error)

// ask is for looks, which somebody waits for.
func (t tool) ask(ctx context.Context, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, looking)
	defer cancel()
	return t(ctx, args...)
}

// change is for what a service may take its time over, to end for instance.
func (t tool) change(ctx context.Context, args ...string) error {
	ctx, cancel := context.WithTimeout(ctx, changing)
	defer cancel()
	_, err := t(ctx, args...)
	return err
}

package notify

import (
	"context"
	"fmt"

	"devcert/devcert"
	"devcert/platform/run"
)

// Notify has the system show a notice. What it shows are arguments of the script,
// and never a part of it.
func (t *Teller) Notify(ctx context.Context, title, text string) error {
	find := t.find
	if find == nil {
		find = run.Finder{}.Find
	}
	path, err := find("osascript")
	if err != nil {
		return fmt.Errorf("%w: %w", devcert.ErrUnsupported, err)
	}
	args := []string{
		"-e", "on run argv", "-e", "display notification (item 2 of argv) with title (item 1 of argv)", "-e", "end run",
		"--", title, text,
	}
	env := run.Environment()
	if home := t.lookup("HOME"); home != "" {
		env = append(env, "HOME="+home)
	}
	_, err = run.Command{Path: path, Args: args, Env: env}.Run(ctx)
	return err
}

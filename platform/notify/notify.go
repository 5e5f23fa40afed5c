//go:build unix || windows

package notify

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"devcert/devcert"
	"devcert/platform/run"
)

// Teller reaches the user whose environment it is given. It implements
// [devcert.Teller].
type Teller struct {
	Env []string // of this process
	// find finds a tool of the system; for tests.
	//lint:ignore U1000 Windows shows a message without a tool
	find func(name string) (string, error)
}

var _ devcert.Teller = (*Teller)(nil)

// passed are the variables of the user's that a hook gets: where their home and
// their session are. All others stay behind.
var passed = []string{
	"HOME", "USER", "LOGNAME", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY",
	"USERPROFILE", "USERNAME", "LOCALAPPDATA", "APPDATA", "TEMP", "TMP",
}

// Start runs a program of the user's to its end. What it says goes nowhere, unless
// it fails; what it leaves running ends with it.
func (t *Teller) Start(ctx context.Context, h devcert.Hook) error {
	env := run.Environment()
	for _, name := range passed {
		if value := t.lookup(name); value != "" {
			env = append(env, name+"="+value)
		}
	}
	c := run.Command{Path: h.Command[0], Args: h.Command[1:], Env: append(env, h.Env...), Stdin: bytes.NewReader(h.Input)}
	end, err := c.End(ctx)
	if err != nil {
		return err
	}
	if end.Status != 0 {
		return fmt.Errorf("%s ended with %d: %s", h.Command[0], end.Status, lastLine(end.Stderr))
	}
	return nil
}

func lastLine(said []byte) string {
	text := strings.TrimSpace(string(said))
	if text == "" {
		return "it said nothing"
	}
	return text[strings.LastIndexByte(text, '\n')+1:]
}

// lookup returns the value of name in the environment, "" when it is not there.
func (t *Teller) lookup(name string) string {
	for _, pair := range t.Env {
		if have, value, _ := strings.Cut(pair, "="); have == name {
			return value
		}
	}
	return ""
}

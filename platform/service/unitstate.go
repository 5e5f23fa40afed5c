//go:build unix

package service

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"strings"

	"devcert/devcert"
)

// unitState is what systemd says of a unit. The words of its properties are never
// translated.
type unitState map[string]string

func (m *systemd) show(ctx context.Context, unit string) (unitState, error) {
	out, err := m.tool.ask(ctx, "show", "--property=LoadState,ActiveState,SubState,Result,ExecMainStatus,NRestarts", "--", unit)
	is := unitState{}
	for line := range bytes.Lines(out) {
		name, value, _ := strings.Cut(strings.TrimSuffix(string(line), "\n"), "=")
		is[name] = value
	}
	if err == nil && is["LoadState"] == "" {
		err = errors.New("systemctl show told nothing of " + unit)
	}
	return is, err
}

// running takes a unit that waits for its next start for one that does not run.
func (is unitState) running() devcert.Running {
	switch is["ActiveState"] {
	case "active", "reloading", "refreshing":
		return devcert.Runs
	case "activating":
		if is["SubState"] == "start" {
			return devcert.Runs
		}
	}
	return devcert.RunsNot
}

func (is unitState) evidence() string {
	if is["LoadState"] != "loaded" {
		return "systemd has it as " + cmp.Or(is["LoadState"], "nothing")
	}
	text := "systemd has it as " + is["ActiveState"]
	switch result := is["Result"]; {
	case result == "exit-code":
		text += ", after exit status " + is["ExecMainStatus"]
	case result != "" && result != "success":
		text += " (" + result + ")"
	}
	return text
}

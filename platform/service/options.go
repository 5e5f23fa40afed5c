package service

import (
	"strings"

	"devcert/devcert/disk"
)

// Options are what the services of a user depend on.
type Options struct {
	Env   []string // of this process
	Files disk.Files
	User  string // login name
}

func lookup(env []string, name string) string {
	for _, pair := range env {
		if have, value, _ := strings.Cut(pair, "="); have == name {
			return value
		}
	}
	return ""
}

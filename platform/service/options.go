package service

import "devcert/devcert/disk"

// Options are what the services of a user depend on.
type Options struct {
	Env   []string // of this process
	Files disk.Files
	User  string // login name
}

package system

import (
	"devcert/devcert"
	"devcert/platform/keychain"
)

// trustSettings is where macOS keeps which certificates are trusted, of all users
// and of each.
const trustSettings = "/Library/Security/Trust Settings"

// Spots are the administrators' keychain, and what is trusted.
func (s *systemKeychain) Spots() []devcert.Spot {
	return []devcert.Spot{{Path: keychain.System}, {Path: trustSettings, Folder: true}}
}

// Spots are the user's keychain, and what is trusted.
func (s *loginKeychain) Spots() []devcert.Spot {
	return []devcert.Spot{{Path: s.login()}, {Path: trustSettings, Folder: true}}
}

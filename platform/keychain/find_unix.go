//go:build unix

package keychain

import "devcert/platform/run"

func (t Tool) path() (string, error) { return run.Finder{Root: t.Root}.Find("security") }

//go:build !unix

package keychain

import "devcert/devcert"

func (t Tool) path() (string, error) { return "", devcert.ErrUnsupported }

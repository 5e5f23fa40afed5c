//go:build unix

package service

import (
	"io/fs"
	"strings"
)

func executable(info fs.FileInfo) bool { return info.Mode()&0o111 != 0 }

func lookup(env []string, name string) string {
	for _, pair := range env {
		if have, value, _ := strings.Cut(pair, "="); have == name {
			return value
		}
	}
	return ""
}

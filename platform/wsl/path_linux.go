package wsl

import (
	"strings"
	"unicode"
)

// computePath writes a path as Windows does: a drive's by its letter, any other
// as one of the share that WSL keeps for a distribution. It is "" where that would
// take a name: WSL has letters of its own for what Windows cannot write.
func computePath(path, mounts, name string) string {
	if strings.ContainsFunc(path+name, unwritable) || strings.Contains(name, "/") {
		return ""
	}
	below, found := strings.CutPrefix(path, strings.TrimSuffix(mounts, "/")+"/")
	drive, rest, _ := strings.Cut(below, "/")
	switch {
	case found && len(drive) == 1 && isLetter(drive[0]):
		return strings.ToUpper(drive) + `:\` + strings.ReplaceAll(rest, "/", `\`)
	case name != "":
		return `\\wsl.localhost\` + name + strings.ReplaceAll(path, "/", `\`)
	}
	return ""
}

func unwritable(r rune) bool { return !unicode.IsPrint(r) || strings.ContainsRune(`\:*?"<>|`, r) }

func isLetter(b byte) bool { return b|0x20 >= 'a' && b|0x20 <= 'z' }

// isWindowsPath says whether text is the whole path of a file, and one line.
func isWindowsPath(text string) bool {
	whole := strings.HasPrefix(text, `\\`) || len(text) > 3 && isLetter(text[0]) && text[1:3] == `:\`
	return whole && !strings.ContainsFunc(text, func(r rune) bool {
		return !unicode.IsPrint(r) || r == unicode.ReplacementChar || strings.ContainsRune(`/*?"<>|`, r)
	})
}

// quote makes a path one word for PowerShell, and for cmd.exe where it can. In
// PowerShell double quotes leave the rest to be understood, single ones nothing;
// and it takes typographic ones for single ones too.
func quote(path string) string {
	plain := func(r rune) bool {
		return unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune(`\:._-+,@ `, r)
	}
	if !strings.ContainsFunc(path, func(r rune) bool { return !plain(r) }) {
		return `"` + path + `"`
	}
	var out strings.Builder
	for _, r := range path {
		if strings.ContainsRune("'\u2018\u2019\u201a\u201b", r) {
			out.WriteRune(r)
		}
		out.WriteRune(r)
	}
	return "'" + out.String() + "'"
}

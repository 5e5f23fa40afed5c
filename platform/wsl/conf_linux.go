package wsl

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const confFile = "/etc/wsl.conf"

// conf is what matters here of a distribution's settings.
type conf struct {
	mounts  string // the folder that Windows' drives are mounted in
	interop bool   // Windows' programs may be started
}

// readConf gives the settings in force: what WSL takes where nothing is said, or
// where it could not read it either.
func readConf(root string) (conf, error) {
	data, err := os.ReadFile(filepath.Join(root, confFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return conf{}, err
	}
	return parseConf(data), nil
}

// parseConf reads wsl.conf as WSL does: case does not matter in names, the first
// of two values counts, and what it does not understand it passes over.
func parseConf(data []byte) conf {
	c := conf{mounts: "/mnt", interop: true}
	section, seen := "", map[string]bool{}
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			name, _, _ := strings.Cut(line[1:], "]")
			section = strings.ToLower(name)
			continue
		}
		name, rest, found := strings.Cut(line, "=")
		value, ok := confValue(rest)
		key := section + "." + strings.ToLower(strings.TrimSpace(name))
		if !found || !ok || strings.HasPrefix(line, "#") || seen[key] {
			continue
		}
		seen[key] = true
		switch key {
		case "automount.root":
			if filepath.IsAbs(value) {
				c.mounts = filepath.Clean(value)
			}
		case "interop.enabled":
			c.interop = value != "0" && !strings.EqualFold(value, "false")
		}
	}
	return c
}

// confValue takes the quotes, escapes and the comment out of a value. WSL knows
// more escapes; a value that has one is of no use here.
func confValue(text string) (value string, ok bool) {
	var out strings.Builder
	quoted, escaped := false, false
	for _, r := range text {
		switch {
		case escaped && (r == '"' || r == '\\'):
			out.WriteRune(r)
			escaped = false
		case escaped:
			return "", false
		case r == '\\':
			escaped = true
		case r == '"':
			quoted = !quoted
		case r == '#' && !quoted:
			return strings.TrimSpace(out.String()), true
		default:
			out.WriteRune(r)
		}
	}
	return strings.TrimSpace(out.String()), !escaped
}

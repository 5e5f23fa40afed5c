package firefox

import (
	"bytes"
	"errors"
	"unicode/utf16"
)

// section is one section of an INI file.
type section struct {
	name string
	keys map[string]string
}

var errNotINI = errors.New("it holds no section")

// parseINI reads an INI file the way Firefox does (xpcom/ds/nsINIParserImpl.cpp):
// bytes, lines ended by LF, CR or both, comments after # and ;, a key with the last
// value that is given to it, and lines that are none of these passed over. A byte
// order mark is dropped, and UTF-16 taken for what it is. A file with words and no
// section at all is damaged.
func parseINI(data []byte) ([]section, error) {
	if bytes.HasPrefix(data, []byte{0xFF, 0xFE}) {
		data = fromUTF16(data[2:])
	}
	data = bytes.TrimPrefix(data, []byte("\uFEFF"))
	var sections []section
	var keys map[string]string // of the section that is being read
	words := false
	for _, line := range bytes.FieldsFunc(data, func(r rune) bool { return r == '\n' || r == '\r' }) {
		line = bytes.TrimLeft(line, " \t")
		if len(line) == 0 || line[0] == '#' || line[0] == ';' {
			continue
		}
		words = true
		if line[0] == '[' {
			if name, _, closed := bytes.Cut(line[1:], []byte("]")); closed {
				sections, keys = open(sections, string(name))
			}
			continue
		}
		key, value, is := bytes.Cut(line, []byte("="))
		if is && keys != nil {
			keys[string(key)] = string(value)
		}
	}
	if words && len(sections) == 0 {
		return nil, errNotINI
	}
	return sections, nil
}

// open goes on with the section called name, or begins it.
func open(sections []section, name string) ([]section, map[string]string) {
	for _, s := range sections {
		if s.name == name {
			return sections, s.keys
		}
	}
	keys := map[string]string{}
	return append(sections, section{name, keys}), keys
}

// fromUTF16 makes UTF-8 of little-endian UTF-16, which nsINIParser takes too.
func fromUTF16(data []byte) []byte {
	units := make([]uint16, len(data)/2)
	for i := range units {
		units[i] = uint16(data[2*i]) | uint16(data[2*i+1])<<8
	}
	return []byte(string(utf16.Decode(units)))
}

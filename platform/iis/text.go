package iis

import (
	"encoding/binary"
	"errors"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// maxText is how much of a text from a file is repeated, in runes.
const maxText = 200

// clean makes a name from a file fit to be shown, and to stand between quotation
// marks in a command line that somebody may run: of punctuation only what has no
// meaning to cmd.exe and PowerShell there.
func clean(s string) string {
	runes := []rune(s)
	if len(runes) > maxText {
		runes = append(runes[:maxText], '…')
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune(" -_.,:;()[]{}/\\+=#@~'*?<>…", r) {
			return r
		}
		return '?'
	}, string(runes))
}

// toUTF8 reads what Windows' programs write: UTF-8 with or without a byte order
// mark, UTF-16 with one.
func toUTF8(data []byte) (string, error) {
	text := strings.TrimPrefix(string(data), "\xef\xbb\xbf")
	if len(data) >= 2 {
		var order binary.ByteOrder
		switch {
		case data[0] == 0xff && data[1] == 0xfe:
			order = binary.LittleEndian
		case data[0] == 0xfe && data[1] == 0xff:
			order = binary.BigEndian
		}
		if order != nil {
			words := make([]uint16, 0, len(data)/2)
			for i := 2; i+1 < len(data); i += 2 {
				words = append(words, order.Uint16(data[i:]))
			}
			text = string(utf16.Decode(words))
		}
	}
	if !utf8.ValidString(text) {
		return "", errors.New("it is neither UTF-8 nor UTF-16")
	}
	return text, nil
}

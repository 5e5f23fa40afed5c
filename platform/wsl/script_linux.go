package wsl

import (
	_ "embed" // the scripts
	"encoding/base64"
	"encoding/binary"
	"unicode/utf16"
)

// What Windows is asked to run; nothing is ever put into them.
var (
	//go:embed scripts/look.ps1
	lookScript string
	//go:embed scripts/add.ps1
	addScript string
	//go:embed scripts/remove.ps1
	removeScript string
)

// arguments start powershell.exe for a script, and no profile of anybody's. It
// leaves standard input to the script, as it otherwise does not.
func arguments(script string) []string {
	return []string{
		"-NoLogo", "-NoProfile", "-NonInteractive", "-InputFormat", "None", "-OutputFormat", "Text",
		"-EncodedCommand", encode(script),
	}
}

// encode is how -EncodedCommand takes a script: base64 of UTF-16, low byte first.
func encode(script string) string {
	var wide []byte
	for _, unit := range utf16.Encode([]rune(script)) {
		wide = binary.LittleEndian.AppendUint16(wide, unit)
	}
	return base64.StdEncoding.EncodeToString(wide)
}

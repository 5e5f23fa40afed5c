package elevate

import (
	"bytes"
	"encoding/hex"
	"os"
)

// machineID reads the id systemd or D-Bus gave this machine, "" when there is
// none. An image that has not booted yet holds "uninitialized" (machine-id(5)).
func machineID() string {
	for _, path := range []string{"/etc/machine-id", "/var/lib/dbus/machine-id"} {
		data, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		id := bytes.TrimSpace(data)
		if _, err := hex.DecodeString(string(id)); err == nil && len(id) == 32 {
			return string(id)
		}
	}
	return ""
}

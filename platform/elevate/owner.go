package elevate

import (
	"crypto/sha256"
	"encoding/hex"
	"os"

	"devcert/devcert"
)

// Owner says whom this process acts for.
func Owner() devcert.Owner {
	host, _ := os.Hostname() // "" is a host without a name
	name, id := whoami()
	return devcert.Owner{User: name, Host: host, Machine: machine(machineID(), host, id)}
}

// machine makes the opaque name of a machine and user. machine-id(5) asks not
// to give the id itself away; the host's name stands in where there is none.
func machine(id, host, uid string) string {
	if id == "" {
		id = host
	}
	if id == "" {
		return ""
	}
	sum := sha256.Sum256([]byte("devcert\x00" + id + "\x00" + uid))
	return hex.EncodeToString(sum[:])
}

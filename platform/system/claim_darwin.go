package system

// machineFolder is devcert's own on the machine, where only root can look and
// write. It is there while a keychain of the machine's is being changed, as the lock
// and for what the change needs.
const machineFolder = "/var/db/devcert"

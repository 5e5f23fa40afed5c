package system

// machineFolder is devcert's own on the machine, where only root can look and
// write. It is there while the store is being changed, as the lock and for what
// the change needs, and beyond that only while something is to be put back.
const machineFolder = "/var/lib/devcert"

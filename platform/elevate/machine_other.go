//go:build !linux && !windows && !darwin

package elevate

// machineID is not known here yet: the host's name stands in.
func machineID() string { return "" }

package elevate

import (
	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
)

// whoami returns the login name and the id, a SID, of this process's user.
// os/user would also ask a domain's controller for the full name, and wait for
// one that is out of reach (go.dev/issue/5298, go.dev/issue/21867).
func whoami() (name, id string) {
	me, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil { // has never been seen to fail
		return "unknown", ""
	}
	id = me.User.Sid.String()
	if name, _, _, err = me.User.Sid.LookupAccount(""); err != nil {
		name = id
	}
	return name, id
}

// machineID reads the id that Windows' setup gave this machine, "" when there is
// none. Only the 64-bit view of the registry has it.
func machineID() string {
	const path = `SOFTWARE\Microsoft\Cryptography`
	key, err := registry.OpenKey(registry.LOCAL_MACHINE, path, registry.QUERY_VALUE|registry.WOW64_64KEY)
	if err != nil {
		return ""
	}
	defer key.Close()
	id, _, err := key.GetStringValue("MachineGuid")
	if err != nil {
		return ""
	}
	return id
}

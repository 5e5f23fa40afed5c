package teamfile

import (
	"os"

	"golang.org/x/sys/windows"
)

// Opening a pipe by a file's name is not possible here.
const nonBlocking = 0

// strangers says whose a folder is when it is neither this user's nor the system's.
func strangers(dir string) string {
	sd, err := windows.GetNamedSecurityInfo(dir, windows.SE_FILE_OBJECT, windows.OWNER_SECURITY_INFORMATION)
	return strangersOf(sd, err)
}

func strangersFile(f *os.File) string {
	sd, err := windows.GetSecurityInfo(windows.Handle(f.Fd()), windows.SE_FILE_OBJECT, windows.OWNER_SECURITY_INFORMATION)
	return strangersOf(sd, err)
}

func strangersOf(sd *windows.SECURITY_DESCRIPTOR, err error) string {
	if err != nil {
		return "not to be looked at: " + err.Error()
	}
	owner, _, err := sd.Owner()
	if err != nil {
		return "not to be looked at: " + err.Error()
	}
	me, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err == nil && owner.Equals(me.User.Sid) ||
		owner.IsWellKnown(windows.WinLocalSystemSid) || owner.IsWellKnown(windows.WinBuiltinAdministratorsSid) {
		return ""
	}
	if name, domain, _, err := owner.LookupAccount(""); err == nil {
		return "owned by " + domain + `\` + name
	}
	return "owned by " + owner.String()
}

// sameDevice: a path goes up no further than its volume's root.
func sameDevice(string, string) bool { return true }

package clients

import (
	"io/fs"

	"golang.org/x/sys/windows"
)

// private says whether a folder is this user's. Who else may look into it, the
// folder for temporary files decides, which is in the user's profile.
func private(dir string, _ fs.FileInfo) bool {
	security, err := windows.GetNamedSecurityInfo(dir, windows.SE_FILE_OBJECT, windows.OWNER_SECURITY_INFORMATION)
	if err != nil {
		return false
	}
	owner, _, err := security.Owner()
	if err != nil {
		return false
	}
	me, err := windows.GetCurrentProcessToken().GetTokenUser()
	return err == nil && windows.EqualSid(owner, me.User.Sid)
}

// onlyOwnersReplace: a profile is its owner's.
func onlyOwnersReplace(string) bool { return true }

package securefile

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/windows"
)

// privateRights name the owner, SYSTEM and the administrators, and nobody else.
// P keeps what the parent folder would hand down out; OICI hands these down to
// what is made inside a folder.
func privateRights(owner *windows.SID, dir bool) (*windows.SECURITY_DESCRIPTOR, error) {
	inherit := ""
	if dir {
		inherit = "OICI"
	}
	sddl := fmt.Sprintf("O:%[1]sD:P(A;%[2]s;FA;;;%[1]s)(A;%[2]s;FA;;;SY)(A;%[2]s;FA;;;BA)", owner, inherit)
	return windows.SecurityDescriptorFromString(sddl)
}

// privateAttributes make something private from its first instant.
func privateAttributes(dir bool) (*windows.SecurityAttributes, error) {
	owner, err := me()
	if err != nil {
		return nil, err
	}
	sd, err := privateRights(owner, dir)
	if err != nil {
		return nil, err
	}
	return attributes(sd), nil
}

func attributes(sd *windows.SECURITY_DESCRIPTOR) *windows.SecurityAttributes {
	return &windows.SecurityAttributes{Length: uint32(unsafe.Sizeof(windows.SecurityAttributes{})), SecurityDescriptor: sd}
}

// me is the user of this process, elevated or not: never the administrators,
// who would otherwise own what an elevated process makes.
func me() (*windows.SID, error) {
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return nil, fmt.Errorf("find out who we are: %w", err)
	}
	return user.User.Sid, nil
}

// Rights that give away or replace what a file or folder holds. Reading
// attributes and waiting give nothing away.
const (
	deleteChild = 0x40 // FILE_DELETE_CHILD

	mayChange = windows.FILE_WRITE_DATA | windows.FILE_APPEND_DATA | windows.FILE_WRITE_EA | deleteChild |
		windows.DELETE | windows.WRITE_DAC | windows.WRITE_OWNER | windows.GENERIC_ALL | windows.GENERIC_WRITE
	mayRead = windows.FILE_READ_DATA | windows.GENERIC_READ
)

// guard says who may have rights, and which nobody else may have.
type guard struct {
	trusted func(*windows.SID) bool
	rights  uint32
}

// othersRights says who but those whom g trusts has rights to what stands at
// path, or owns it; "" when nobody does.
func (g guard) othersRights(path string) (string, error) {
	sd, err := windows.GetNamedSecurityInfo(path, windows.SE_FILE_OBJECT,
		windows.OWNER_SECURITY_INFORMATION|windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return "", err
	}
	owner, _, err := sd.Owner()
	if err != nil {
		return "", err
	}
	if !g.trusted(owner) {
		return "owned by " + accountName(owner), nil
	}
	acl, _, err := sd.DACL()
	if err != nil {
		return "", err
	}
	if acl == nil {
		return "it has no access list: everyone may change it", nil
	}
	for i := range uint32(acl.AceCount) {
		var ace *windows.ACCESS_ALLOWED_ACE
		if err := windows.GetAce(acl, i, &ace); err != nil {
			return "", err
		}
		if why := g.gives(ace); why != "" {
			return why, nil
		}
	}
	return "", nil
}

// gives says whom one entry of an access list gives what; "" when that is no harm.
func (g guard) gives(ace *windows.ACCESS_ALLOWED_ACE) string {
	// Other allowing entries begin alike, up to the mask; where they name the
	// account differs.
	const allowObject, allowCallback = 5, 9
	mask := uint32(ace.Mask)
	if mask&g.rights == 0 || ace.Header.AceFlags&windows.INHERIT_ONLY_ACE != 0 {
		return ""
	}
	what := "may read it"
	if mask&mayChange != 0 {
		what = "may change it"
	}
	switch ace.Header.AceType {
	case windows.ACCESS_ALLOWED_ACE_TYPE:
		if sid := (*windows.SID)(unsafe.Pointer(&ace.SidStart)); !g.trusted(sid) {
			return accountName(sid) + " " + what
		}
	case allowObject, allowCallback:
		return "its access list has a conditional entry: somebody " + what
	}
	return ""
}

// usOrSystem are we ourselves, and those who can read everything anyway.
func usOrSystem(sid *windows.SID) bool {
	user, err := me()
	return err == nil && sid.Equals(user) || system(sid)
}

// system are those who can change everything on this machine.
func system(sid *windows.SID) bool {
	for _, kind := range []windows.WELL_KNOWN_SID_TYPE{
		windows.WinLocalSystemSid, windows.WinBuiltinAdministratorsSid, windows.WinCreatorOwnerSid, windows.WinCreatorOwnerRightsSid,
	} {
		if sid.IsWellKnown(kind) {
			return true
		}
	}
	return false
}

func accountName(sid *windows.SID) string {
	account, domain, _, err := sid.LookupAccount("")
	switch {
	case err != nil:
		return sid.String()
	case domain == "":
		return account
	}
	return domain + `\` + account
}

// setPrivate replaces owner and access list.
func setPrivate(path string, dir bool) error {
	owner, err := me()
	if err != nil {
		return err
	}
	sd, err := privateRights(owner, dir)
	if err != nil {
		return err
	}
	acl, _, err := sd.DACL()
	if err != nil {
		return err
	}
	return windows.SetNamedSecurityInfo(path, windows.SE_FILE_OBJECT,
		windows.OWNER_SECURITY_INFORMATION|windows.DACL_SECURITY_INFORMATION|windows.PROTECTED_DACL_SECURITY_INFORMATION,
		owner, nil, acl, nil)
}

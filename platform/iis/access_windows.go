package iis

import (
	"slices"
	"strings"
	"unsafe"

	"golang.org/x/sys/windows"
)

// granted says whether the list of rights of a file lets an account read it: by
// itself, or as one of the groups that everybody who logs in belongs to. nil where
// that cannot be known.
func granted(path, identity string) *bool {
	sids := membership(identity)
	if sids == nil {
		return nil
	}
	sd, err := windows.GetNamedSecurityInfo(path, windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return nil
	}
	acl, _, err := sd.DACL()
	if err != nil {
		return nil
	}
	may := acl == nil // no list at all: everybody may
	for i := uint16(0); acl != nil && i < acl.AceCount; i++ {
		var ace *windows.ACCESS_ALLOWED_ACE
		if windows.GetAce(acl, uint32(i), &ace) != nil {
			return nil
		}
		switch {
		case !reads(ace, sids):
		case ace.Header.AceType == windows.ACCESS_DENIED_ACE_TYPE:
			may = false
			return &may
		default:
			may = true
		}
	}
	return &may
}

// reads says whether an entry allows or denies one of these to read. Other kinds of
// entries, with conditions, are left out: what they give is not known.
func reads(ace *windows.ACCESS_ALLOWED_ACE, sids []*windows.SID) bool {
	const reading = windows.FILE_READ_DATA | windows.GENERIC_READ | windows.GENERIC_ALL
	kind := ace.Header.AceType
	if kind != windows.ACCESS_ALLOWED_ACE_TYPE && kind != windows.ACCESS_DENIED_ACE_TYPE ||
		ace.Header.AceFlags&windows.INHERIT_ONLY_ACE != 0 || ace.Mask&reading == 0 {
		return false
	}
	sid := (*windows.SID)(unsafe.Pointer(&ace.SidStart))
	return slices.ContainsFunc(sids, sid.Equals)
}

// membership is an account with those groups; nil where nobody has that name.
func membership(identity string) []*windows.SID {
	own, _, _, err := windows.LookupSID("", identity)
	if err != nil {
		return nil
	}
	sids := []*windows.SID{own}
	groups := []windows.WELL_KNOWN_SID_TYPE{windows.WinWorldSid, windows.WinAuthenticatedUserSid, windows.WinBuiltinUsersSid}
	if strings.HasPrefix(strings.ToLower(identity), `iis apppool\`) {
		groups = append(groups, windows.WinBuiltinIUsersSid)
	}
	for _, g := range groups {
		if sid, err := windows.CreateWellKnownSid(g); err == nil {
			sids = append(sids, sid)
		}
	}
	return sids
}

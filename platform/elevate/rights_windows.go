package elevate

import (
	"unsafe"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
)

// rights are what decides whether Windows can ask for administrator rights.
type rights struct {
	limited bool // this account is an administrator's, without their rights for now
	noUAC   bool // Windows was told never to ask
	noUsers bool // Windows was told to refuse those who are not administrators
	noPlace bool // no desktop to ask on: a service's session, or one through ssh
}

// canAsk says whether Windows could ask this person now. A plain user is asked
// for the password of an administrator.
func canAsk() bool { return lookAtRights().canAsk() }

func (r rights) canAsk() bool {
	return !r.noUAC && !r.noPlace && (r.limited || !r.noUsers)
}

// tokenElevationTypeLimited is TokenElevationTypeLimited of winnt.h.
const tokenElevationTypeLimited = 3

// lookAtRights takes what it cannot read for Windows' own default, with which
// the question is asked and its answer says the rest.
func lookAtRights() rights {
	var r rights
	var kind, size, session uint32
	err := windows.GetTokenInformation(windows.GetCurrentProcessToken(), windows.TokenElevationType,
		(*byte)(unsafe.Pointer(&kind)), uint32(unsafe.Sizeof(kind)), &size)
	r.limited = err == nil && kind == tokenElevationTypeLimited
	err = windows.ProcessIdToSessionId(windows.GetCurrentProcessId(), &session)
	r.noPlace = err == nil && session == 0
	r.noUAC = policy("EnableLUA", 1) == 0
	r.noUsers = policy("ConsentPromptBehaviorUser", 3) == 0
	return r
}

// policy reads a setting of UAC.
func policy(name string, usual uint64) uint64 {
	const path = `SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\System`
	key, err := registry.OpenKey(registry.LOCAL_MACHINE, path, registry.QUERY_VALUE)
	if err != nil {
		return usual
	}
	defer key.Close()
	value, _, err := key.GetIntegerValue(name)
	if err != nil {
		return usual
	}
	return value
}

// UnderSudo is never so: Windows' own sudo changes no user.
func UnderSudo([]string) bool { return false }

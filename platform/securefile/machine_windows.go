package securefile

import (
	"errors"
	"fmt"
	"os"

	"devcert/devcert/disk"

	"golang.org/x/sys/windows"
)

// Machine is for what belongs to the machine and not to a user: only SYSTEM and
// the administrators may change it. Who makes it has to be one of them, with
// elevated rights; that a user is an administrator without those counts for
// nothing, since whatever runs as that user could then have made it.
type Machine struct {
	// Private keeps users from reading it, too.
	Private bool
}

var _ disk.Files = Machine{}

// attributes name SYSTEM and the administrators, who also own it: an owner can
// always change the rights. 0x1200a9 is to read, and to enter folders.
func (m Machine) attributes(dir bool) (*windows.SecurityAttributes, error) {
	inherit := ""
	if dir {
		inherit = "OICI"
	}
	sddl := fmt.Sprintf("O:BAD:P(A;%[1]s;FA;;;SY)(A;%[1]s;FA;;;BA)", inherit)
	if !m.Private {
		sddl += fmt.Sprintf("(A;%s;0x1200a9;;;BU)", inherit)
	}
	sd, err := windows.SecurityDescriptorFromString(sddl)
	if err != nil {
		return nil, err
	}
	return attributes(sd), nil
}

// MakeDir creates a folder that has those rights from its first instant.
func (m Machine) MakeDir(path string) error {
	attributes, err := m.attributes(true)
	if err != nil {
		return &os.PathError{Op: "mkdir", Path: path, Err: err}
	}
	return makeDirWith(path, attributes)
}

// Create creates a file that has those rights from its first instant.
func (m Machine) Create(path string) (*os.File, error) {
	attributes, err := m.attributes(false)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return createWith(path, attributes)
}

// Exposed reports links, owners other than SYSTEM and the administrators, and
// access lists that let anybody else change it, or read what is private.
func (m Machine) Exposed(path string) (string, error) {
	return m.guard().exposed(path)
}

func (m Machine) guard() guard {
	if m.Private {
		return guard{nobodyBelow, mayChange | mayRead}
	}
	return guard{nobodyBelow, mayChange}
}

// wineUser is the only account of Wine, which owns every file there, whatever was
// asked for. Windows gives no account a domain of zeros.
const wineUser = "S-1-5-21-0-0-0-1000"

// nobodyBelow are those who can change everything on this machine anyway.
func nobodyBelow(sid *windows.SID) bool { return system(sid) || sid.String() == wineUser }

// MakePrivate fails: what others could change is not to be believed afterwards.
func (Machine) MakePrivate(path string) error {
	return &os.PathError{Op: "make private", Path: path, Err: errors.ErrUnsupported}
}

// Replaceable finds nobody, as for Files.
func (Machine) Replaceable(path string) (string, error) { return Files{}.Replaceable(path) }

// HasOtherName counts the links.
func (Machine) HasOtherName(f *os.File) bool { return Files{}.HasOtherName(f) }

// Rename waits for readers, as for Files.
func (Machine) Rename(from, to string) error { return Files{}.Rename(from, to) }

// Sync waits for all of them, as for Files.
func (Machine) Sync(files []*os.File) error { return Files{}.Sync(files) }

// SyncDir does nothing, as for Files.
func (Machine) SyncDir(path string) error { return Files{}.SyncDir(path) }

package stop

import "golang.org/x/sys/unix"

const arch = unix.AUDIT_ARCH_X86_64

// older are calls that newer machines do without.
var older = []uint32{
	unix.SYS_RENAME, unix.SYS_RENAMEAT, unix.SYS_UNLINK, unix.SYS_RMDIR, unix.SYS_MKDIR, unix.SYS_LINK,
	unix.SYS_SYMLINK, unix.SYS_CHMOD, unix.SYS_CHOWN, unix.SYS_LCHOWN, unix.SYS_CREAT,
}

// opening are the calls that open a file, and which argument says how.
var opening = map[uint32]uint32{unix.SYS_OPEN: 1, unix.SYS_OPENAT: 2}

// olderNeedRoom are those of them that a full disk refuses.
var olderNeedRoom = map[int32]bool{unix.SYS_MKDIR: true, unix.SYS_LINK: true, unix.SYS_SYMLINK: true, unix.SYS_CREAT: true}

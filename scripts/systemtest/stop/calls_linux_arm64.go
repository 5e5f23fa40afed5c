package stop

import "golang.org/x/sys/unix"

const arch = unix.AUDIT_ARCH_AARCH64

// older are calls that newer machines do without.
var older = []uint32{unix.SYS_RENAMEAT}

// opening are the calls that open a file, and which argument says how.
var opening = map[uint32]uint32{unix.SYS_OPENAT: 2}

var olderNeedRoom map[int32]bool

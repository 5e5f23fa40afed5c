package watch

import "syscall"

const emfile = syscall.EMFILE

// Package stop runs a program, as it is shipped, and ends it at a point that a
// test chooses: before the n-th system call by which it, or what it starts,
// changes a file, makes it durable or starts a program. In place of that the call
// may fail, or something may happen to the disk first. The kernel reports these
// calls (seccomp's user notification); the program has no part in it and no
// variable that asks for it.
package stop

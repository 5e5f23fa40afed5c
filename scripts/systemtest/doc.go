// Package systemtest proves what devcert promises, on a real Linux machine with
// real clients: it starts the built program as a process, and asks curl, git,
// Python and others whether they trust what it set up.
//
// Its tests skip unless DEVCERT_TEST_MACHINE=1, which scripts/test-system sets
// inside a mount namespace where the machine's own stores stay untouched. Every
// test then has a machine to itself, see [newMachine]: a further namespace with
// its own /etc, /usr/local/share, /var/lib and home folders, stacked on an image
// of a machine that is new or has been set up. A test never undoes anything.
package systemtest

// Package standin is a netsh.exe for tests: it keeps a table of bindings and
// URL reservations in a file beside it, refuses what HTTP.sys refuses, and
// prints what the netsh of several Windows versions and languages prints.
//
// Its settings come from a file beside it as well, since the processes that
// devcert starts see no environment of the caller. The labels are stand-ins for
// the real translations: nothing may depend on them.
package standin

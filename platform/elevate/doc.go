// Package elevate answers who the user is, whether we are administrator, and
// how something is done that only an administrator may do.
//
// What runs privileged is a child of this very program that takes a closed list
// of typed requests, its [Handlers], over a pipe. The attack surface is that
// pipe: frames of a bounded size, strict JSON, bound to the start of the child by
// a number it chose and to their order by a counter. Each Handler judges what it
// is given as if an attacker had written it, and derives every path, name and
// command itself.
//
// The child reads nothing of the user's folder, never writes a user's store and
// never acts on anything it was not asked for.
//
// # Linux and macOS
//
// The child is started by sudo, or under it: there the program splits at once,
// the command itself runs as the user who called sudo, so that files stay the
// user's, and only the child stays root. It inherits the pipe.
//
// # Windows
//
// Windows asks the person and starts the child, once for each process of
// devcert, perhaps with another account's rights; a devcert that is elevated
// starts an ordinary child, so that one and the same code does privileged work.
// Nothing is inherited through the prompt, so the pipe has a name. What guards
// it, given that every program of the same user can list pipes and read the
// child's arguments:
//
//   - The caller makes the pipe, under 128 random bits, as the first and only
//     instance. The system, administrators and this user may open it, no other
//     machine may. A thief can only be faster than the child: the caller then
//     sees another process than the one it started, whose handle it holds so
//     that its number stays its own, says nothing to it and gives up. The child
//     finds the pipe busy and ends.
//   - The child takes requests from no pipe but that of the process that Windows
//     says started it, if that runs the same program file. A program that starts
//     the child with a pipe of its own is neither. The pipe's server cannot
//     impersonate the child: it connects as anonymous.
//   - A secret in the arguments would add nothing, since whom it is meant to keep
//     out can read them. Both ends are the kernel's word, and the number that
//     binds requests is said over the pipe alone.
//
// What this does not keep out is a program of the same user that puts its code
// into the running caller or replaces the program file before the prompt: no
// such program is kept from devcert's own prompts by Windows either. What it
// gains is what the Handlers do for anybody.
package elevate

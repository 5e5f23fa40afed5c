// Package keychain is macOS's keychains and trust settings, through the system's
// own tool security(1): which certificates a keychain has, whom the settings of a
// domain trust, what the system itself says of a chain, and the changes of all that.
//
// It promises to match certificates by their bytes: what the tool is told by SHA-1,
// its only handle, was found by its bytes in that very keychain before. A keychain
// that cannot be read is an error and never an empty one. What the tool says in
// words is shown to people and never understood; what is understood is its exit
// status, PEM, property lists, and the names of Apple's functions before its words.
//
// A look asks nobody. A change of trust settings makes macOS ask a person, since
// version 11 even where root makes it: whether it would can be asked for before
// (see [Tool.Asks]), and nothing here decides that somebody may be asked.
//
// Nothing is remembered, and nothing of a private key is in an argument.
package keychain

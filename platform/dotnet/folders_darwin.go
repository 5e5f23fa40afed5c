package dotnet

import (
	"fmt"

	"devcert/devcert"
)

// keepsFolders: on macOS the personal store is the login keychain, and what
// devcert does with it is designed and not built:
//
//   - Place 1 (leaf) and place 2 (intermediate) are both the login keychain,
//     read by `security find-certificate -a -p`, matched by bytes; the key shows in
//     `security find-identity -p ssl-server`, by the leaf's SHA-1.
//   - Deploy imports one PFX, triple DES with a SHA-1 MAC since the keychain refuses
//     newer ones, under a random password from a private file, with the leaf's key
//     usable by .NET without a question (-T, and `set-key-partition-list`, which
//     wants the keychain's password: where nobody is there to give it, that is
//     ErrDeclined). Then the leaf with its key goes to
//     ~/.aspnet/dev-certs/https/aspnetcore-localhost-THUMBPRINT.pem, which Kestrel
//     compares with the keychain since .NET 7: with the folder there and the file
//     not, it calls the certificate's state invalid. The folder is made only if it is
//     not there, and then every other development certificate in the keychain gets
//     a file too or becomes invisible.
//   - Withdraw deletes by SHA-1 after comparing the bytes (`security delete-identity
//     -Z`, `delete-certificate -Z`), and the file of that thumbprint.
//   - A corrupt file in that folder makes every certificate invisible: a stray.
//
// Which certificate Kestrel takes, what an export is, and whether .NET is here:
// that is the same code on every system.
const keepsFolders = false

var errNoFolders = fmt.Errorf("change .NET's store in the login keychain: %w", devcert.ErrUnsupported)

package dotnet

import (
	"fmt"

	"devcert/devcert"
)

// keepsFolders: on macOS the personal store is the login keychain; see
// [KeychainStore].
const keepsFolders = false

var errNoFolders = fmt.Errorf("change .NET's store in folders: %w", devcert.ErrUnsupported)

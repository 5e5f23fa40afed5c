//go:build !linux && !darwin

package dotnet

import (
	"fmt"

	"devcert/devcert"
)

// keepsFolders: on Windows the personal store is CurrentUser\My, which is
// platform/winstore's.
const keepsFolders = false

var errNoFolders = fmt.Errorf("change .NET's store in folders: %w", devcert.ErrUnsupported)

package cli_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"time"

	"devcert/devcert"
)

// guestStore is the folder windows-root of a machine that runs under Windows:
// what a user there trusts. A file called remedy in it says that the store cannot
// be looked into, why, and on its second line what a person can do.
type guestStore struct{ folderStore }

// guestStores is none on every other machine.
func guestStores(machine string, now func() time.Time) []devcert.Store {
	dir := filepath.Join(machine, "windows-root")
	if !isFolder(dir) {
		return nil
	}
	return []devcert.Store{guestStore{folderStore{"windows-root", dir, now}}}
}

func (s guestStore) Look(ctx context.Context, m devcert.Material) []devcert.Place {
	places := s.folderStore.Look(ctx, m)
	text, err := os.ReadFile(filepath.Join(s.dir, "remedy"))
	for i := range places {
		p := &places[i]
		p.Path, p.Machine, p.Shared = `CurrentUser\Root of Windows`, false, true
		if err == nil {
			p.State = devcert.Unknown
			p.Evidence, p.Remedy, _ = strings.Cut(strings.TrimSpace(string(text)), "\n")
		}
	}
	return places
}

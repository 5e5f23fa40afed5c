package dotnet

import "devcert/devcert"

// Spots are the folders of the store.
func (s *Store) Spots() []devcert.Spot {
	home, err := s.home()
	if err != nil || !keepsFolders {
		return nil
	}
	return []devcert.Spot{{Path: intermediateFolder.in(home), Folder: true}, {Path: leafFolder.in(home), Folder: true}}
}

package winstore

import (
	"path/filepath"

	"golang.org/x/sys/windows"

	"devcert/devcert"
)

// Spots are the keys in which Windows keeps the stores, and the folder in which it
// keeps a user's own My.
func (s *partStore) Spots() []devcert.Spot {
	var all []devcert.Spot
	for _, name := range []string{s.in, disallowed} {
		all = append(all, devcert.Spot{Path: `HKLM\SOFTWARE\Microsoft\SystemCertificates\` + name, Key: true},
			devcert.Spot{Path: `HKCU\Software\Microsoft\SystemCertificates\` + name, Key: true})
	}
	roaming, err := windows.KnownFolderPath(windows.FOLDERID_RoamingAppData, windows.KF_FLAG_DONT_VERIFY)
	if s.in == My && err == nil {
		all = append(all, devcert.Spot{
			Path: filepath.Join(roaming, "Microsoft", "SystemCertificates", My, "Certificates"), Folder: true,
		})
	}
	return all
}

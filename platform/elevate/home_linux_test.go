package elevate

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOthersHome(t *testing.T) {
	const home = "/home/anna"
	for _, row := range []struct {
		name    string
		dir     string
		owners  map[string]string // of the folders that exist
		refused bool
	}{
		{"root's own home", "/root/.local/share/devcert", map[string]string{"/root": "0"}, false},
		{"su kept HOME", home + "/.local/share/devcert", map[string]string{home: "1000", "/home": "0"}, true},
		{"root was there before", home + "/.local/share/devcert",
			map[string]string{home + "/.local/share/devcert": "0", home + "/.local": "1000", home: "1000"}, true},
		{"a container's HOME, of an account it does not know", "/github/home/.local", map[string]string{"/github/home": "4242"}, false},
		{"a container's HOME, of an account at home elsewhere", "/github/home/.local", map[string]string{"/github/home": "1000"}, false},
		{"a folder of a like name", home + "bel/x", map[string]string{home + "bel": "1000"}, false},
		{"root by another name", home + "/x", map[string]string{home: "1002"}, false},
		{"nothing is there", home + "/x", nil, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			owner := func(path string) (string, bool) { uid, ok := row.owners[path]; return uid, ok }
			err := othersHome(row.dir, owner, accounts(home))
			if !row.refused {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, row.dir+" is in the home of anna")
			require.Contains(t, err.(interface{ Remedy() string }).Remedy(), "as anna")
		})
	}
}

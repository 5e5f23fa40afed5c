package devcert

import (
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/devcert/chain"
	"devcert/devcert/disk"
)

// What leaves a store out that is not there leaves the others in.
func TestRemedyOfAStoreThatIsNotThere(t *testing.T) {
	there := func(name string) StorePlaces {
		return StorePlaces{Store: name, Places: []Place{{Path: "/" + name, Part: chain.PartRoot, State: Trusted}}}
	}
	for _, row := range []struct {
		name   string
		stores []string
		seen   []StorePlaces
		want   string
	}{
		{"the system's, with others", []string{AllStores}, []StorePlaces{{Store: SystemStore}, there("firefox"), there("java")}, "devcert setup --stores firefox,java"},
		{"the system's, alone", []string{AllStores}, []StorePlaces{{Store: SystemStore}, {Store: "java"}}, "devcert setup --stores none"},
		{"java's", []string{SystemStore, "java"}, []StorePlaces{there(SystemStore), {Store: "java"}, there("firefox")}, "devcert setup --stores system"},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := DefaultConfig()
			c.Stores = row.stores
			found := storeFindings(c, &Observation{Stores: row.seen, Folder: &disk.Snapshot{}})
			require.Len(t, found, 1)
			require.Equal(t, TrustUnknown, found[0].Kind)
			require.Regexp(t, "^install .*; or leave the store out: "+row.want+"$", found[0].Remedy)
		})
	}
}

package devcert

import (
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/devcert/chain"
)

func TestStraysThatAreFiles(t *testing.T) {
	for _, row := range []struct {
		name  string
		stray func(s *scene) Stray
		want  []string
	}{
		{"an export that is not the leaf is its owner's", func(*scene) Stray {
			return Stray{Harm: HarmStaleExport, Where: "/home/alice/.aspnet/https/shop.pfx", Why: "it is old"}
		}, []string{"warning stale-export /home/alice/.aspnet/https/shop.pfx (by hand)"}},
		{"the leaf's key where others read it takes a new leaf", func(s *scene) Stray {
			return Stray{Harm: HarmExposed, Cert: s.hierarchy().Leaf.Cert, Where: "/my/leaf.pfx", Why: "mode 0644: everyone may read it"}
		}, []string{"error file-exposed /my/leaf.pfx"}},
		{"a rival is named with its file", func(s *scene) Stray {
			return Stray{Harm: HarmRival, Cert: s.root(stranger), Where: "/my/rival.pfx", Why: "Kestrel takes it"}
		}, []string{"warning rival-certificate /my/rival.pfx (by hand)"}},
		{"a rival that takes over breaks what is wanted", func(s *scene) Stray {
			s.config.Stores = []string{AllStores}
			return Stray{Harm: HarmRival, Cert: s.root(stranger), Where: "/my/rival.pfx", Why: "Kestrel takes it", TakesOver: true}
		}, []string{"error rival-certificate /my/rival.pfx (by hand)"}},
		{"a rival that takes over where nothing is wanted", func(s *scene) Stray {
			s.config.Stores = []string{NoStores}
			return Stray{Harm: HarmRival, Cert: s.root(stranger), Where: "/my/rival.pfx", Why: "Kestrel takes it", TakesOver: true}
		}, []string{"warning rival-certificate /my/rival.pfx (by hand)"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newScene(t)
			place := Place{Path: "/my", Part: chain.PartLeaf, State: Trusted, Strays: []Stray{row.stray(s)}}
			s.seen.Stores = append(s.seen.Stores, StorePlaces{"dotnet", []Place{place}})
			found := s.findings()
			require.Equal(t, row.want, describe(found))
			require.Contains(t, found[0].Message, place.Strays[0].Why)
			require.Contains(t, found[0].Message+found[0].Remedy, place.Strays[0].Where)
			require.NotEmpty(t, found[0].Remedy)
			require.NotEmpty(t, found[0].Consequence)
			if found[0].Kind == FileExposed {
				steps := plan(s.config, s.seen, found)
				require.Equal(t, reissue, steps[0].action, "what was read stays read")
			}
		})
	}
}

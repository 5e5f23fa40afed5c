package clients

import "devcert/devcert"

// systemKinds are the clients of Windows.
func systemKinds() []kind {
	var kinds []kind
	for _, k := range windowsKinds() {
		if k.look != nil {
			k.find = func(s *searcher) []devcert.Client { return k.look(finderOf(s)) }
		}
		kinds = append(kinds, k.kind)
	}
	return kinds
}

// places are looked up in the registry and Windows' own variables.
type places struct{}

func systemPlaces() places { return places{} }

// finderOf makes the finder of a search.
func finderOf(s *searcher) *windowsFinder {
	return &windowsFinder{windowsMachine: thisMachine(s.env), Material: s.material, rootFile: join(s.stateDir, "root.pem")}
}

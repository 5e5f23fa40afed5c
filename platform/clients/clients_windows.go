package clients

import "devcert/devcert"

// programSuffix: what else PATHEXT names is not a program but for a shell to run.
const programSuffix = ".exe"

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

// finderOf makes the finder of a search.
func finderOf(s *searcher) *windowsFinder {
	return &windowsFinder{windowsMachine: thisMachine(s.env), Material: s.material, rootFile: join(s.stateDir, "root.pem")}
}

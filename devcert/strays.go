package devcert

import "fmt"

// strayRemedy is for a stray that its owner has to remove, and so has to find.
func strayRemedy(stray Stray, p Place) string {
	what := "remove it from " + p.Path + " if you do not need it"
	if stray.Where != "" {
		what = "remove it if you do not need it: it is the file " + stray.Where
	}
	return what + "; devcert leaves other programs' certificates alone"
}

// fileFinding is about a stray that does harm as a file, whatever the place has
// beside it.
func fileFinding(store string, stray Stray) (Finding, bool) {
	switch stray.Harm {
	case HarmExposed:
		return Finding{
			Kind: FileExposed, Severity: Error, Where: stray.Where, store: store, cert: stray.Cert, cure: newLeaf,
			Message:     fmt.Sprintf("%s has the leaf's key, and others reach it: %s", stray.Where, stray.Why),
			Consequence: "whoever has read it can pose as localhost to this machine; repair makes a new leaf",
		}, true
	case HarmStaleExport:
		return Finding{
			Kind: StaleExport, Severity: Warning, Where: stray.Where, store: store,
			Message:     fmt.Sprintf("%s was exported and is not the present leaf: %s", stray.Where, stray.Why),
			Consequence: "a server that is given its password presents what is in it, whatever its dates",
			Remedy:      "delete it, or export the present leaf there again; devcert leaves it alone",
		}, true
	}
	return Finding{}, false
}

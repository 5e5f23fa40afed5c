package winetest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	rootStore = `LocalMachine\Root`
	caStore   = `LocalMachine\CA`
	myStore   = `LocalMachine\My`
	userStore = `CurrentUser\My`
	// caLists are the revocation lists in caStore.
	caLists = caStore + " lists"
)

// certificate is one that a store holds.
type certificate struct {
	Thumbprint, Subject, FriendlyName, Key string
}

func (w *windows) stores() map[string][]certificate {
	w.t.Helper()
	var all map[string][]certificate
	require.NoError(w.t, json.Unmarshal([]byte(w.tool("list")), &all))
	return all
}

// all lists every certificate and revocation list, each in a line: its store, name
// and key.
func (w *windows) all() []string {
	w.t.Helper()
	var lines []string
	for store, certs := range w.stores() {
		for _, c := range certs {
			lines = append(lines, fmt.Sprint(store, c))
		}
	}
	slices.Sort(lines)
	return lines
}

// requireSame wants two lists to be alike, and says only what differs.
func requireSame(t *testing.T, before, after []string) {
	t.Helper()
	var changed []string
	for _, line := range before {
		if !slices.Contains(after, line) {
			changed = append(changed, "- "+line)
		}
	}
	for _, line := range after {
		if !slices.Contains(before, line) {
			changed = append(changed, "+ "+line)
		}
	}
	require.Empty(t, changed)
}

// ours lists the certificates of a store that devcert made.
func (w *windows) ours(store string, thumbprints ...string) []string {
	w.t.Helper()
	var found []string
	for _, c := range w.stores()[store] {
		if strings.Contains(c.Subject, "devcert") || slices.Contains(thumbprints, c.Thumbprint) {
			found = append(found, c.Thumbprint)
		}
	}
	return found
}

// list is the one revocation list in the machine's CA whose issuer is called so.
func (w *windows) list(issuer string) string {
	w.t.Helper()
	var found []string
	for _, l := range w.stores()[caLists] {
		if strings.Contains(l.Subject, issuer) {
			found = append(found, l.Thumbprint)
		}
	}
	require.Len(w.t, found, 1, issuer)
	return found[0]
}

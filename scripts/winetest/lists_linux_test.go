package winetest

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Schannel's clients ask whether a certificate was revoked: what says that it was not
// comes with the intermediate, is put back alone, and goes with it.
func TestRevocationLists(t *testing.T) {
	w := newWindows(t)
	before := w.all()
	require.Empty(t, w.stores()[caLists])
	w.setup("--ports", "none")
	root, intermediate := w.list("devcert root"), w.list("devcert intermediate")
	require.Len(t, w.stores()[caLists], 2)
	require.Empty(t, w.stores()[userCAStore+" lists"])
	healthy := w.all()

	w.tool("delete-list", caStore, intermediate)
	d := w.status(3)
	require.Equal(t, []string{"error crl-expired"}, d.kinds())
	require.Equal(t, caStore, d.Findings[0].Where)
	require.Contains(t, d.Findings[0].Message, "the intermediate's is missing")
	w.devcert(0, "repair", "--only", "crl-expired")
	require.Empty(t, w.status(0).kinds())
	require.Equal(t, root, w.list("devcert root"))
	renewed := w.list("devcert intermediate")
	require.NotEqual(t, intermediate, renewed)
	requireSame(t, healthy, replaced(renewed, intermediate, w.all()))

	require.Contains(t, w.devcert(0, "repair").out, "Nothing to do")
	w.devcert(0, "uninstall", "--yes")
	requireSame(t, before, w.all())
}

// replaced are the lines with another thumbprint for one.
func replaced(thumbprint, was string, lines []string) []string {
	lines = slices.Clone(lines)
	for i := range lines {
		lines[i] = strings.ReplaceAll(lines[i], thumbprint, was)
	}
	return lines
}

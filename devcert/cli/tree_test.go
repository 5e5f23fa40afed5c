package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/devcert/chain"
	"devcert/devcert/disk"
)

func TestTree(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	for _, row := range []struct {
		name    string
		clients bool
		symbols symbols
		begins  []string
	}{
		{"a server's", false, unicodeSymbols, []string{"devcert root a@b ", "└─ devcert intermediate a@b ", "   └─ localhost "}},
		{"with clients", true, unicodeSymbols, []string{
			"devcert root a@b ", "├─ devcert intermediate a@b ", "│  └─ localhost ", "└─ devcert client intermediate a@b ",
		}},
		{"with clients, in ASCII", true, asciiSymbols, []string{
			"devcert root a@b ", "|- devcert intermediate a@b ", "|  `- localhost ", "`- devcert client intermediate a@b ",
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			h, err := chain.New(chain.Options{Owner: "a@b", ClientCerts: row.clients, Key: chain.ECDSA, Now: now})
			require.NoError(t, err)
			r := &devcert.Report{Seen: &devcert.Observation{Now: now, Folder: &disk.Snapshot{Hierarchy: disk.Hierarchy{
				Root: h.Root, Intermediate: h.Intermediate, ClientIntermediate: h.ClientIntermediate, Leaf: h.Leaf,
			}}}}
			var out bytes.Buffer
			u := newUI(Streams{Out: &out, Err: &out}, &out, nil, uiOptions{noColor: true})
			u.width, u.symbols = 80, row.symbols
			u.tree(r)
			lines := strings.Split(strings.TrimRight(out.String(), "\n"), "\n")
			require.Len(t, lines, len(row.begins))
			for i, begins := range row.begins {
				require.True(t, strings.HasPrefix(lines[i], begins), "%q", lines[i])
				require.LessOrEqual(t, columns(lines[i]), 80)
			}
		})
	}
}

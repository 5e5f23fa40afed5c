package winetest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A machine where devcert was never set up: what is wrong with IIS Express's own
// bindings is shown, setup is named, and nothing is changed.
func TestNeverSetUp(t *testing.T) {
	w := newWindows(t)
	own := w.iisExpress(44300, 44305)
	expired := w.tool("iis-express", "-10")
	defer w.tool("delete", myStore, expired, "key")
	for _, broken := range []struct {
		name, says string
		wreck      func()
	}{
		{"expired", "it expired on", func() { w.rebind(expired, iisExpress, 44300, 44301) }},
		{"without its key", "its private key is not there", func() {
			w.rebind(own, iisExpress, 44300, 44301)
			w.tool("drop-key", myStore, own)
		}},
		{"gone", "it is not in the store", func() { w.tool("delete", myStore, own) }},
	} {
		w.part(broken.name, func() {
			broken.wreck()
			ports, stores := w.ports(), w.all()
			for _, command := range []string{"status", "repair"} {
				d := w.json(3, command)
				require.Equal(w.t, []string{"error binding-stale", "error hierarchy-missing"}, withoutWarnings(d.kinds()), command)
				for _, f := range d.Findings {
					if f.Kind == "binding-stale" {
						require.Contains(w.t, f.Message, broken.says)
						require.Equal(w.t, "devcert setup", f.Remedy)
					}
				}
			}
			require.Contains(w.t, w.devcert(3, "repair").out, "devcert setup")
			requireSame(w.t, ports, w.ports())
			requireSame(w.t, stores, w.all())
		})
	}
	_, _ = w.started()
	w.setup("--ports", "44300-44302")
	_, touched := w.started()
	require.Equal(t, []int{44300, 44301, 44302}, touched)
	require.Empty(t, withoutWarnings(w.status(0).kinds()))
	w.devcert(0, "uninstall", "--yes")
	require.Equal(t, 3, w.bound(own), "what could not be served even before is not put back")
}

func withoutWarnings(kinds []string) []string {
	errors := []string{}
	for _, kind := range kinds {
		if strings.HasPrefix(kind, "error ") {
			errors = append(errors, kind)
		}
	}
	return errors
}

// A project whose port nobody has bound, in a folder that is named in any script.
func TestProject(t *testing.T) {
	w := newWindows(t)
	w.iisExpress(44300, 44302)
	before := w.ports()
	w.setup("--ports", "44300-44302")
	project := filepath.Join(w.users(), "Привет Straße")
	require.NoError(t, os.MkdirAll(filepath.Join(project, "Properties"), 0o755))
	defer os.RemoveAll(project)
	settings := filepath.Join(project, "Properties", "launchSettings.json")
	require.NoError(t, os.WriteFile(settings, []byte("\xef\xbb\xbf{ // as Visual Studio writes it\r\n"+
		`"iisSettings": {"iisExpress": {"sslPort": 44444,}}}`), 0o600))
	folder := `C:\users\Привет Straße`

	d := w.status(3, "--project", folder)
	require.Equal(t, []string{"error binding-missing"}, d.kinds())
	require.Equal(t, "port 44444", d.Findings[0].Where)
	require.Equal(t, "devcert ports bind 44444", d.Findings[0].Remedy)
	require.Contains(t, d.Findings[0].Message, folder)
	w.devcert(0, "ports", "bind", "44444")
	require.Empty(t, w.status(0, "--project", folder).kinds())
	w.devcert(2, "status", "--project", `C:\nowhere`)
	w.devcert(0, "uninstall", "--yes")
	requireSame(t, before, w.ports())
}

//go:build unix

package clients

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"time"

	"devcert/devcert"
	"devcert/platform/dotnet"
)

// dotnetStore is where Kestrel finds its certificate, by its name on the command line.
const dotnetStore = "dotnet"

// findDotNet finds .NET, and Kestrel where ASP.NET Core is installed beside it and
// reads its certificate from folders.
func findDotNet(s *searcher) []devcert.Client {
	ctx := context.Background()
	store := &dotnet.Store{Env: merge(s.env, []string{"HOME=" + s.home}), Now: time.Now, Root: s.dotnets}
	hosts := slices.DeleteFunc(store.Hosts(), confined)
	if len(hosts) == 0 {
		return nil
	}
	client := devcert.Client{Name: "dotnet", Path: hosts[0], Store: systemStore, Roots: systemRoots}
	if store.Ready(ctx) != nil {
		return []devcert.Client{client}
	}
	switch own := store.Trusts(ctx, s.root); own.State {
	case devcert.Trusted:
		client.State, client.Roots = own.State, systemRoots+" and "+own.Path
	case devcert.Denied:
		client.State, client.Evidence, client.Remedy = own.State, own.Evidence, own.Remedy
	default:
		s.follow(&client, lead{files: []string{"SSL_CERT_FILE"}, folders: []string{"SSL_CERT_DIR"}, whole: true})
	}
	if !hasFramework(client.Path, aspNetCore) {
		return []devcert.Client{client}
	}
	serves := store.Serves(ctx, s.material)
	my := filepath.Join(dotnet.Folder(s.home), "my")
	return []devcert.Client{client, {
		Name: "kestrel", Path: client.Path, Store: dotnetStore, Place: my, Roots: my, Server: true,
		State: serves.State, Evidence: serves.Evidence, Remedy: serves.Remedy,
	}}
}

// hasFramework says whether a framework is where .NET's host looks for it, which
// is beside the host itself, wherever links lead to it from.
func hasFramework(host, name string) bool {
	real, err := filepath.EvalSymlinks(host)
	if err != nil {
		return false
	}
	versions, _ := os.ReadDir(filepath.Join(filepath.Dir(real), "shared", name))
	return len(versions) > 0
}

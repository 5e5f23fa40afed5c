package clients

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"devcert/devcert"
	"devcert/platform/dotnet"
)

// The frameworks that come with .NET. Where programs only run there is no compiler
// and no SDK, so that scripts/probe.dll is compiled already, for every .NET since 6.
const (
	netCore    = "Microsoft.NETCore.App"
	aspNetCore = "Microsoft.AspNetCore.App"
)

// runtimeConfig has the newest framework that is there, also one that is newer
// than this, and needs no ICU.
const runtimeConfig = `{"runtimeOptions": {
	"framework": {"name": "FRAMEWORK", "version": "6.0.0"}, "rollForward": "LatestMajor",
	"configProperties": {"System.Globalization.Invariant": true}
}}`

// probe runs on a framework of .NET, whose version is that of assembly.
func probe(name, framework, assembly string, find func(*searcher) []devcert.Client) kind {
	return kind{name: name, find: find, version: probeArgs("version", assembly), last: true, prepare: func(q *question) error {
		program, err := scripts.ReadFile("scripts/probe.dll")
		if err == nil {
			_, err = q.write("probe.dll", program)
		}
		if err == nil {
			_, err = q.write("probe.runtimeconfig.json", []byte(strings.Replace(runtimeConfig, "FRAMEWORK", framework, 1)))
		}
		return err
	}}
}

func probeArgs(more ...string) []string { return append([]string{"exec", "probe.dll"}, more...) }

// dotNet is HttpClient.
func dotNet(find func(*searcher) []devcert.Client) kind {
	k := probe("dotnet", netCore, "System.Runtime", find)
	k.ask = func(q *question) (call, error) {
		return call{args: probeArgs(append([]string{"ask"}, q.scriptArgs()...)...)}, q.linkStores()
	}
	return k
}

// linkStores gives .NET the user's own stores, to read, as a link: their keys stay
// where they are, and their order is the one that decides between certificates.
func (q *question) linkStores() error {
	from, to := dotnet.Folder(q.user.home), dotnet.Folder(q.dir)
	if !isFolder(from) {
		return nil
	}
	err := os.MkdirAll(filepath.Dir(to), 0o700)
	if err == nil {
		err = os.Symlink(from, to)
	}
	if err != nil {
		return fmt.Errorf("lead .NET to the user's stores: %w", err)
	}
	return nil
}

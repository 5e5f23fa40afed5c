// Package dotnethost makes an installation of .NET as installers leave it, a host
// beside its frameworks, out of an application that brings its own .NET. Tests that
// ask .NET use it where the machine has such an application and no installation.
//
// It is for tests alone: the files of the frameworks are links to the application's.
package dotnethost

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Variable names the folder of an application that brings all of .NET and of
// ASP.NET Core: azmcp.deps.json, the libraries, and kestrel, a server.
const Variable = "DEVCERT_TEST_KESTREL"

// The frameworks that can be installed.
const (
	NETCore    = "Microsoft.NETCore.App"
	ASPNETCore = "Microsoft.AspNetCore.App"
)

// newer are those of a framework's files of which an application may bring newer
// ones, which it then does not list among the framework's.
var newer = map[string]string{NETCore: "System.*.dll", ASPNETCore: "Microsoft.Extensions.*.dll"}

//go:embed testdata/host.c
var host []byte

// dependencies are what a deps.json says of one target: its libraries, and the
// files of each.
type dependencies struct {
	RuntimeTarget struct {
		Name string `json:"name"`
	} `json:"runtimeTarget"`
	Targets   map[string]map[string]library `json:"targets"`
	Libraries map[string]map[string]any     `json:"libraries"`
}

type library struct {
	Runtime map[string]any `json:"runtime"`
	Native  map[string]any `json:"native"`
}

// Install makes an installation with the frameworks in the folder to out of the
// application in from. The host, to/dotnet, is compiled by gcc.
func Install(from, to string, frameworks ...string) error {
	data, err := os.ReadFile(filepath.Join(from, "azmcp.deps.json"))
	if err != nil {
		return err
	}
	var all dependencies
	if err := json.Unmarshal(data, &all); err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	for name, l := range all.Targets[all.RuntimeTarget.Name] {
		pack, version, _ := strings.Cut(name, "/")
		framework, _, _ := strings.Cut(strings.TrimPrefix(pack, "runtimepack."), ".Runtime.")
		if slices.Contains(frameworks, framework) {
			if err := all.install(from, filepath.Join(to, "shared", framework, version), framework, version, l); err != nil {
				return err
			}
		}
		if framework == NETCore {
			if err := compile(from, to, version); err != nil {
				return err
			}
		}
	}
	return nil
}

// compile makes the host, which an application that brings its own .NET does not
// have: a program that finds the host's library from where it is.
func compile(from, to, version string) error {
	if err := link(from, filepath.Join(to, "host", "fxr", version), "libhostfxr.so"); err != nil {
		return err
	}
	gcc, err := exec.LookPath("gcc")
	if err != nil {
		return err
	}
	source := filepath.Join(to, "host.c")
	if err := os.WriteFile(source, host, 0o600); err != nil {
		return err
	}
	out, err := exec.Command(gcc, `-DVERSION="`+version+`"`, "-o", filepath.Join(to, "dotnet"), source, "-ldl").CombinedOutput()
	if err != nil {
		return fmt.Errorf("compile a host of .NET: %w\n%s", err, out)
	}
	return os.Remove(source)
}

// install makes the folder of one framework.
func (d *dependencies) install(from, to, framework, version string, l library) error {
	l.Runtime = maps.Clone(l.Runtime)
	more, err := filepath.Glob(filepath.Join(from, newer[framework]))
	if err != nil {
		return err
	}
	for _, path := range more {
		l.Runtime[filepath.Base(path)] = struct{}{}
	}
	for _, files := range []map[string]any{l.Runtime, l.Native} {
		for name := range files {
			if err := link(from, to, name); err != nil {
				return err
			}
		}
	}
	if framework == ASPNETCore {
		needs := map[string]any{"name": NETCore, "version": version}
		config := map[string]any{"runtimeOptions": map[string]any{"framework": needs}}
		if err := writeJSON(filepath.Join(to, framework+".runtimeconfig.json"), config); err != nil {
			return err
		}
	}
	id := framework + "/" + version
	own := dependencies{RuntimeTarget: d.RuntimeTarget}
	own.Targets = map[string]map[string]library{d.RuntimeTarget.Name: {id: l}}
	own.Libraries = map[string]map[string]any{id: {"type": "package", "serviceable": false, "sha512": ""}}
	return writeJSON(filepath.Join(to, framework+".deps.json"), own)
}

func link(from, to, name string) error {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	return os.Symlink(filepath.Join(from, name), filepath.Join(to, name))
}

func writeJSON(path string, value any) error {
	data, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o644)
}

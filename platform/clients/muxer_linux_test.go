package clients

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// kestrelVar names the folder of an application that brings all of .NET and of
// ASP.NET Core: kestrel, azmcp.deps.json and the libraries.
const kestrelVar = "DEVCERT_TEST_KESTREL"

// muxer is .NET's host as installers put it beside the frameworks, which an
// application that brings its own .NET does not have: the host's library, found
// from where the program is.
const muxer = `
#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
int main(int argc, const char **argv) {
  char self[PATH_MAX], root[PATH_MAX], library[PATH_MAX + 64];
  ssize_t size = readlink("/proc/self/exe", self, sizeof self - 1);
  if (size < 0) return 1;
  self[size] = 0;
  strcpy(root, self);
  *strrchr(root, '/') = 0;
  snprintf(library, sizeof library, "%s/host/fxr/%s/libhostfxr.so", root, VERSION);
  void *host = dlopen(library, RTLD_LAZY);
  if (!host) return fprintf(stderr, "%s\n", dlerror()), 1;
  int (*run)(int, const char **, const char *, const char *, const char *) = dlsym(host, "hostfxr_main_startupinfo");
  return run ? run(argc, argv, self, root, "") : 1;
}
`

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

// newDotNet makes an installation of .NET, with ASP.NET Core or without, and
// returns the folder of its host.
func newDotNet(t *testing.T, frameworks ...string) string {
	t.Helper()
	from := os.Getenv(kestrelVar)
	if from == "" {
		t.Skip(kestrelVar + " names no folder with a .NET")
	}
	gcc, err := exec.LookPath("gcc")
	require.NoError(t, err, "a host for .NET is compiled")
	data, err := os.ReadFile(filepath.Join(from, "azmcp.deps.json"))
	require.NoError(t, err)
	var all dependencies
	require.NoError(t, json.Unmarshal(data, &all))
	to := t.TempDir()
	for name, l := range all.Targets[all.RuntimeTarget.Name] {
		pack, version, _ := strings.Cut(name, "/")
		framework, _, _ := strings.Cut(strings.TrimPrefix(pack, "runtimepack."), ".Runtime.")
		for _, wanted := range frameworks {
			if framework == wanted {
				all.install(t, from, filepath.Join(to, "shared", framework, version), framework, version, l)
			}
		}
		if framework == netCore {
			link(t, from, filepath.Join(to, "host", "fxr", version), "libhostfxr.so")
			source := filepath.Join(t.TempDir(), "muxer.c")
			require.NoError(t, os.WriteFile(source, []byte(muxer), 0o600))
			tool(t, gcc, `-DVERSION="`+version+`"`, "-o", filepath.Join(to, "dotnet"), source, "-ldl")
		}
	}
	return to
}

// install makes the folder of a framework, with those of its files too that the
// application brings newer ones of, and does not list among the framework's.
func (d *dependencies) install(t *testing.T, from, to, framework, version string, l library) {
	t.Helper()
	l.Runtime = maps.Clone(l.Runtime)
	newer, err := filepath.Glob(filepath.Join(from, map[string]string{netCore: "System.*.dll", aspNetCore: "Microsoft.Extensions.*.dll"}[framework]))
	require.NoError(t, err)
	for _, path := range newer {
		l.Runtime[filepath.Base(path)] = struct{}{}
	}
	if framework == aspNetCore {
		writeJSON(t, filepath.Join(to, framework+".runtimeconfig.json"), map[string]any{
			"runtimeOptions": map[string]any{"framework": map[string]any{"name": netCore, "version": version}},
		})
	}
	for _, files := range []map[string]any{l.Runtime, l.Native} {
		for name := range files {
			link(t, from, to, name)
		}
	}
	own := dependencies{RuntimeTarget: d.RuntimeTarget}
	own.Targets = map[string]map[string]library{d.RuntimeTarget.Name: {framework + "/" + version: l}}
	own.Libraries = map[string]map[string]any{framework + "/" + version: {"type": "package", "serviceable": false, "sha512": ""}}
	writeJSON(t, filepath.Join(to, framework+".deps.json"), own)
}

func link(t *testing.T, from, to, name string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(to, 0o755))
	require.NoError(t, os.Symlink(filepath.Join(from, name), filepath.Join(to, name)))
}

func writeJSON(t *testing.T, path string, value any) {
	t.Helper()
	data, err := json.Marshal(value)
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, data, 0o600))
}

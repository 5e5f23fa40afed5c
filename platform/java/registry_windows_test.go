package java

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	winreg "golang.org/x/sys/windows/registry"

	"devcert/devcert"
)

// note writes a value as an installer does and takes the keys away afterwards.
func note(t *testing.T, root winreg.Key, bits uint32, path, name, value string) {
	t.Helper()
	key, _, err := winreg.CreateKey(root, path, winreg.SET_VALUE|bits)
	require.NoError(t, err)
	defer key.Close()
	require.NoError(t, key.SetStringValue(name, value))
	t.Cleanup(func() { _ = winreg.DeleteKey(root, path) })
}

// The real registry: of both views of the machine and of the user.
func TestRealRegistry(t *testing.T) {
	if os.Getenv("DEVCERT_TEST_MACHINE") == "" {
		t.Skip("DEVCERT_TEST_MACHINE is not set: it writes into this machine's registry")
	}
	w, m := newWorld(t), devcert.Material{Root: newRoot(t)}
	var paths []string
	for i, one := range []struct {
		root       winreg.Key
		bits       uint32
		path, name string
		in         string
	}{
		{winreg.LOCAL_MACHINE, winreg.WOW64_64KEY, `SOFTWARE\JavaSoft\JDK\99.1`, "JavaHome", w.root},
		{winreg.LOCAL_MACHINE, winreg.WOW64_32KEY, `SOFTWARE\JavaSoft\Java Runtime Environment\1.99`, "JavaHome", w.root},
		{winreg.LOCAL_MACHINE, winreg.WOW64_64KEY, `SOFTWARE\Eclipse Adoptium\JDK\99.2\hotspot\MSI`, "Path", w.root},
		{winreg.CURRENT_USER, winreg.WOW64_64KEY, `SOFTWARE\Eclipse Adoptium\JDK\99.3\hotspot\MSI`, "Path", w.home},
	} {
		path := w.write(w.java(one.in, "noted", string(rune('a'+i))), usual(t)...)
		note(t, one.root, one.bits, one.path, one.name, homeOf(path)+`\`)
		paths = append(paths, path)
	}
	places := w.look(m)
	for _, path := range paths {
		require.Equal(t, devcert.Missing, places[path].State, path)
	}
	homes, _ := machineFinder("").homes()
	var machines []string
	for _, f := range files(homes) {
		machines = append(machines, f.path)
	}
	require.Subset(t, machines, paths[:3])
	require.NotContains(t, machines, paths[3], "the child believes only what administrators have noted")

	// What is below the user's profile is theirs; the child does the rest.
	require.NoError(t, w.store.Deploy(t.Context(), m))
	for i, path := range paths {
		require.Equal(t, i < 3, w.requireState(devcert.Trusted, path, m).Machine, path)
	}
	require.Equal(t, 1, w.asked)
	require.NoError(t, w.store.Withdraw(t.Context(), m.Root))
	for _, path := range paths {
		w.requireState(devcert.Missing, path, m)
	}
}

// The child changes what the registry names among the machine's programs. Here
// the test's folder stands for that of the programs.
func TestMachineOnWindows(t *testing.T) {
	if os.Getenv("DEVCERT_TEST_MACHINE") == "" {
		t.Skip("DEVCERT_TEST_MACHINE is not set: it writes into this machine's registry")
	}
	w, root := newWorld(t), newRoot(t)
	path := w.write(w.java(w.root, "Java", "jdk"), usual(t)...)
	outside := w.write(w.java(w.home, "jdk"), usual(t)...)
	note(t, winreg.LOCAL_MACHINE, winreg.WOW64_64KEY, `SOFTWARE\JavaSoft\JDK\99.4`, "JavaHome", homeOf(path))
	note(t, winreg.LOCAL_MACHINE, winreg.WOW64_64KEY, `SOFTWARE\JavaSoft\JDK\99.5`, "JavaHome", homeOf(outside))
	m := Machine{Root: w.root}
	require.NoError(t, m.Trust(t.Context(), root, func() {}))
	w.requireState(devcert.Trusted, path, devcert.Material{Root: root})
	w.requireState(devcert.Missing, outside, devcert.Material{Root: root})
	require.ErrorContains(t, m.refusal(m.targets(), outside), "not in a folder of the machine's programs")
	require.ErrorIs(t, m.refusal(m.targets(), filepath.Join(w.home, "cacerts")), errElsewhere)
	require.NoError(t, m.Distrust(t.Context(), root, func() {}))
	w.requireState(devcert.Missing, path, devcert.Material{Root: root})
}

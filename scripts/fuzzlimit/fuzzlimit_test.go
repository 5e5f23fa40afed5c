package fuzzlimit

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// misdeed names to a child of TestLimits what its target does wrong.
const misdeed = "DEVCERT_FUZZLIMIT_MISDEED"

const harmless = "harmless"

var held any // what a target keeps

// FuzzLimits does nothing with its input, but for TestLimits.
func FuzzLimits(f *testing.F) {
	do := os.Getenv(misdeed)
	switch do {
	case "waits":
		patience = time.Second
	case "falls": // for 0.3 s, or for more where memory comes slowly
		processor = time.Minute
	}
	f.Add([]byte(harmless))
	if flag.Lookup("test.fuzz").Value.String() == "" { // else the fuzzer is to find it
		f.Add([]byte("bad"))
	}
	Fuzz(f, func(t *testing.T, data []byte) {
		if string(data) != harmless {
			misbehave(do)
		}
	})
}

func misbehave(how string) {
	switch how {
	case "spins":
		for n := 0; ; n++ {
			held = n & 1
		}
	case "takes long":
		for c, begun := thisThread(), thisThread().read(); c.read() < begun+Processor+Processor/50; {
		}
	case "holds":
		var all [][]byte
		for {
			all = append(all, make([]byte, 1<<20))
			held = all
		}
	case "wastes":
		held = make([]byte, Memory+1<<20)
		held = nil
	case "falls":
		fall([1 << 10]byte{})
	case "waits":
		select {}
	}
}

func fall(frame [1 << 10]byte) int {
	if frame[0]++; frame[1] > 0 { // never
		return 0
	}
	return fall(frame) + int(frame[1])
}

func TestLimits(t *testing.T) {
	for _, row := range []struct {
		misdeed, says string
		linux         bool // where the processor's time is known
	}{
		{misdeed: "nothing"},
		{"spins", "of processor time, over", true},
		{"takes long", "of processor time, over", true},
		{"holds", "MiB of memory, over 256", false},
		{"wastes", "MiB of memory, over 256", false},
		{"falls", "stack overflow", false},
		{"waits", "the input is not done after", false},
	} {
		t.Run(row.misdeed, func(t *testing.T) {
			if row.linux && thisThread().read() == 0 {
				t.Skip("the processor time of a thread is not known here")
			}
			said, err := child(t, t.TempDir(), row.misdeed, "-test.run", "^FuzzLimits$")
			if row.says == "" {
				require.NoError(t, err, said)
				return
			}
			require.Error(t, err, "a bad target passed")
			require.Contains(t, said, row.says)
		})
	}
}

// TestFinds shows that the fuzzer itself takes what ends a process for a find, and
// keeps the input, which then says what is wrong with it.
func TestFinds(t *testing.T) {
	dir := t.TempDir()
	said, err := child(t, dir, "holds", "-test.run", "^$", "-test.fuzz", "^FuzzLimits$", "-test.fuzztime", "100x",
		"-test.parallel", "1", "-test.fuzzminimizetime", "1x", "-test.fuzzcachedir", filepath.Join(dir, "cache"))
	require.Error(t, err, "a bad target passed")
	require.Contains(t, said, "fuzzing process hung or terminated unexpectedly")
	finds, err := filepath.Glob(filepath.Join(dir, "testdata", "fuzz", "FuzzLimits", "*"))
	require.NoError(t, err)
	require.Len(t, finds, 1, said)

	said, err = child(t, dir, "holds", "-test.run", "^FuzzLimits$/^"+filepath.Base(finds[0])+"$")
	require.Error(t, err, "a find passed")
	require.Contains(t, said, "MiB of memory, over 256")
}

// child runs this test program as a process of its own, in dir.
func child(t *testing.T, dir, do string, args ...string) (string, error) {
	t.Helper()
	program, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), misdeed+"="+do)
	said, err := cmd.CombinedOutput()
	return strings.ToValidUTF8(string(said[:min(len(said), 4<<10)]), "?"), err
}

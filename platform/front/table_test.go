package front

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/devcert/disk"
	"devcert/scripts/fuzzlimit"
)

func TestDecode(t *testing.T) {
	one := `{"port":44300,"thumbprint":"` + thumbA + `"}`
	tests := []struct {
		name, table string
		want        string // part of the error; "" when the table is good
	}{
		{"empty list", `{"schema":1,"bindings":[]}`, ""},
		{"one", `{"schema":1,"bindings":[` + one + `]}`, ""},
		{"no bytes", ``, "it is no table"},
		{"cut off", `{"schema":1,"bindings":[` + one, "it is no table"},
		{"zeros after a crash", strings.Repeat("\x00", 80), "it is no table"},
		{"another kind of document", `[]`, "it is no table"},
		{"null", `null`, "names no schema"},
		{"two documents", `{"schema":1,"bindings":[]}{}`, "it is no table"},
		{"no schema", `{"bindings":[]}`, "names no schema"},
		{"schema of the future", `{"schema":2,"rules":[]}`, disk.ErrSchema.Error()},
		{"schema zero", `{"schema":0,"bindings":[]}`, "never existed"},
		{"schema in words", `{"schema":"1","bindings":[]}`, "it is no table"},
		{"no list", `{"schema":1}`, "no list of bindings"},
		{"null list", `{"schema":1,"bindings":null}`, "no list of bindings"},
		{"unknown field", `{"schema":1,"bindings":[],"owner":"x"}`, "unknown field"},
		{"null entry", `{"schema":1,"bindings":[null]}`, "port 0"},
		{"negative port", `{"schema":1,"bindings":[{"port":-1,"thumbprint":"` + thumbA + `"}]}`, "port -1"},
		{"port too large", `{"schema":1,"bindings":[{"port":70000,"thumbprint":"` + thumbA + `"}]}`, "port 70000"},
		{"port with a fraction", `{"schema":1,"bindings":[{"port":1.5,"thumbprint":"` + thumbA + `"}]}`, "it is no table"},
		{"no thumbprint", `{"schema":1,"bindings":[{"port":1}]}`, "is no thumbprint"},
		{"a fingerprint", `{"schema":1,"bindings":[{"port":1,"thumbprint":"` + thumbA + thumbA[:24] + `"}]}`, "is no thumbprint"},
		{"not hex", `{"schema":1,"bindings":[{"port":1,"thumbprint":"` + thumbA[:39] + `G"}]}`, "is no thumbprint"},
		{"one port twice", `{"schema":1,"bindings":[` + one + `,` + one + `]}`, "port 44300 twice"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := decode([]byte(test.table))
			if test.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, test.want)
			assert.Empty(t, got)
		})
	}
}

func TestDecodeSorts(t *testing.T) {
	got, err := decode([]byte(`{"schema":1,"bindings":[{"port":2,"thumbprint":"` + thumbA + `"},{"port":1,"thumbprint":"` + thumbB + `"}]}`))
	require.NoError(t, err)
	assert.Equal(t, []devcert.Binding{{Port: 1, Thumbprint: thumbB}, {Port: 2, Thumbprint: thumbA}}, got)
}

// A table in whose place something else stands is never an empty one.
func TestNotARegularFile(t *testing.T) {
	tests := []struct {
		name, want string
		make       func(path string) error
	}{
		{"folder", "not a regular file", func(path string) error { return os.Mkdir(path, 0o700) }},
		{"dangling link", "not a regular file", func(path string) error { return os.Symlink("nowhere", path) }},
		{"too long", "larger than", func(path string) error {
			return os.WriteFile(path, []byte(strings.Repeat(" ", maxTable+1)), 0o600)
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if runtime.GOOS == "windows" && test.name == "dangling link" {
				t.Skip("making links needs a privilege there")
			}
			dir := t.TempDir()
			require.NoError(t, test.make(filepath.Join(dir, "bindings.json")))
			got, err := New(dir, plainFiles{}).Table(t.Context())
			require.ErrorContains(t, err, test.want)
			assert.False(t, errors.Is(err, os.ErrNotExist))
			assert.Empty(t, got.Bindings)
		})
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"schema":1,"bindings":[{"port":44300,"thumbprint":"` + thumbA + `"}]}`))
	f.Add([]byte(`{"schema":1,"bindings":[]}`))
	f.Add([]byte(`{"schema":2}`))
	fuzzlimit.Fuzz(f, func(t *testing.T, data []byte) {
		bindings, err := decode(data)
		if err != nil {
			assert.Empty(t, bindings)
			return
		}
		for i, b := range bindings {
			require.NoError(t, check(b))
			require.True(t, i == 0 || bindings[i-1].Port < b.Port)
		}
		again, err := encode(bindings)
		require.NoError(t, err)
		read, err := decode(again)
		require.NoError(t, err)
		require.Equal(t, bindings, read)
	})
}

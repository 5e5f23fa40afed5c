package wsl

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/scripts/fuzzlimit"
)

func TestParseConf(t *testing.T) {
	for _, row := range []struct {
		name, text string
		want       conf
	}{
		{"nothing", "", conf{"/mnt", true}},
		{"other things", "[boot]\nsystemd=true\n[user]\ndefault=anna\n", conf{"/mnt", true}},
		{"the drives elsewhere", "[automount]\nroot = /windows/\n", conf{"/windows", true}},
		{"the drives at the top", "[automount]\nroot=/\n", conf{"/", true}},
		{"in quotes, with a comment", "[automount]\nroot = \"/my drives\" # here\n", conf{"/my drives", true}},
		{"as Windows ends lines", "[automount]\r\nroot = /w\r\n[interop]\r\nenabled = false\r\n", conf{"/w", false}},
		{"case does not matter", "[AutoMount]\nRoot=/w\n[INTEROP]\nEnabled=FALSE\n", conf{"/w", false}},
		{"interop off by a number", "[interop]\nenabled=0\n", conf{"/mnt", false}},
		{"interop on", "[interop]\nenabled=true\n", conf{"/mnt", true}},
		{"neither", "[interop]\nenabled=perhaps\n", conf{"/mnt", true}},
		{"the first counts", "[interop]\nenabled=false\nenabled=true\n", conf{"/mnt", false}},
		{"another section's", "[automount]\nenabled=false\n", conf{"/mnt", true}},
		{"a comment", "[interop]\n#enabled=false\n# root=/w\n", conf{"/mnt", true}},
		{"appendWindowsPath is another matter", "[interop]\nappendWindowsPath=false\n", conf{"/mnt", true}},
		{"not an absolute path", "[automount]\nroot=windows\n", conf{"/mnt", true}},
		{"escapes", `[automount]` + "\n" + `root="/a\"b\\c"` + "\n", conf{`/a"b\c`, true}},
		{"an escape that is none", `[automount]` + "\n" + `root=/a\qb` + "\n", conf{"/mnt", true}},
	} {
		t.Run(row.name, func(t *testing.T) {
			require.Equal(t, row.want, parseConf([]byte(row.text)))
		})
	}
}

func TestConfThatCannotBeRead(t *testing.T) {
	root := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(root, confFile), 0o755))
	_, err := readConf(root)
	require.Error(t, err)
}

func FuzzParseConf(f *testing.F) {
	f.Add([]byte("[automount]\nroot = \"/w\" # here\n[interop]\r\nenabled = false\n"))
	f.Add([]byte("[a]\nroot=\\"))
	fuzzlimit.Fuzz(f, func(t *testing.T, data []byte) {
		if c := parseConf(data); !filepath.IsAbs(c.mounts) || filepath.Clean(c.mounts) != c.mounts {
			t.Fatalf("the drives are in %q", c.mounts)
		}
	})
}

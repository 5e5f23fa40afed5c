package firefox

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/stretchr/testify/require"

	"devcert/scripts/fuzzlimit"
)

// write writes a file below dir, with the folders it needs.
func write(t *testing.T, text, dir string, names ...string) string {
	t.Helper()
	path := filepath.Join(append([]string{dir}, names...)...)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	return path
}

func mkdir(t *testing.T, names ...string) string {
	t.Helper()
	path := filepath.Join(names...)
	require.NoError(t, os.MkdirAll(path, 0o755))
	return path
}

const twoProfiles = `[Profile1]
Name=work
IsRelative=1
Path=abcdefgh.work

[Profile0]
Name=default-release
IsRelative=1
Path=Profiles/ijklmnop.default-release
Default=1

[General]
StartWithLastProfile=1
Version=2

[Install3B6073811A6ABF12]
Default=Profiles/ijklmnop.default-release
Locked=1
`

func TestProfiles(t *testing.T) {
	tests := []struct {
		name     string
		profiles string   // profiles.ini; "-" for none
		installs string   // installs.ini; "" for none
		folders  []string // that exist, below the base
		want     []string // name and folder; the default ones have a star
		damaged  string   // what the error names; "" for no error
	}{
		{"no Firefox", "-", "", nil, nil, ""},
		{"two, the one that Firefox starts with first", twoProfiles, "",
			[]string{"abcdefgh.work", "Profiles/ijklmnop.default-release"},
			[]string{"*default-release Profiles/ijklmnop.default-release", "work abcdefgh.work"}, ""},
		{"a missing folder is none", twoProfiles, "", []string{"abcdefgh.work"}, []string{"work abcdefgh.work"}, ""},
		{"CRLF", strings.ReplaceAll(twoProfiles, "\n", "\r\n"), "", []string{"abcdefgh.work"}, []string{"work abcdefgh.work"}, ""},
		{"byte order mark", "\uFEFF" + twoProfiles, "", []string{"abcdefgh.work"}, []string{"work abcdefgh.work"}, ""},
		{"UTF-16", utf16LE(twoProfiles), "", []string{"abcdefgh.work"}, []string{"work abcdefgh.work"}, ""},
		{"no end of line", "[Profile0]\nPath=a.b", "", []string{"a.b"}, []string{"a.b a.b"}, ""},
		{"comments and lines that are nothing", "; [Profile9]\n#x\nwhat\n[Profile0]\n=\n;Path=c\nPath=b\n]\n", "", []string{"b", "c"}, []string{"b b"}, ""},
		{"not UTF-8", "[Profile0]\nName=caf\xe9\nIsRelative=1\nPath=a\n", "", []string{"a"}, []string{"caf\uFFFD a"}, ""},
		{"a path that is repeated", "[Profile0]\nPath=a\n[Profile1]\nPath=./a/\n", "", []string{"a"}, []string{"a a"}, ""},
		{"a section that is repeated goes on", "[Profile0]\nName=x\nPath=a\n[General]\n[Profile0]\nPath=b\n", "", []string{"a", "b"}, []string{"x b"}, ""},
		{"one only in installs.ini", "[General]\nVersion=2\n", "[3B60]\nDefault=abcdefgh.other\nLocked=1\n",
			[]string{"abcdefgh.other"}, []string{"*other abcdefgh.other"}, ""},
		{"installs.ini alone", "-", "[3B60]\nDefault=abcdefgh.other\n", []string{"abcdefgh.other"}, []string{"*other abcdefgh.other"}, ""},
		{"damaged", "\x00\x01rubbish", "", []string{"a"}, nil, "profiles.ini"},
		{"damaged list of installations", twoProfiles, "rubbish", []string{"abcdefgh.work"}, []string{"work abcdefgh.work"}, "installs.ini"},
		{"empty", "", "", nil, nil, ""},
		{"a group has profiles beside it", "[Profile0]\nName=default-release\nPath=P/a\nStoreID=0f\n", "",
			[]string{"P/a", "P/abcdefgh.Work/compatibility.ini", "P/leftover"},
			[]string{"default-release P/a", "Work P/abcdefgh.Work"}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			base := t.TempDir()
			if test.profiles != "-" {
				write(t, test.profiles, base, "profiles.ini")
			}
			if test.installs != "" {
				write(t, test.installs, base, "installs.ini")
			}
			for _, folder := range test.folders {
				if filepath.Ext(folder) == ".ini" {
					write(t, "", base, folder)
					continue
				}
				mkdir(t, base, folder)
			}
			profiles, err := Profiles(base)
			var got []string
			for _, p := range profiles {
				rel, relErr := filepath.Rel(base, p.Path)
				require.NoError(t, relErr)
				text := p.Name + " " + filepath.ToSlash(rel)
				if p.Default {
					text = "*" + text
				}
				got = append(got, text)
			}
			require.Equal(t, test.want, got)
			if test.damaged == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, test.damaged)
			var remedied interface{ Remedy() string }
			require.ErrorAs(t, err, &remedied)
			require.Contains(t, remedied.Remedy(), filepath.Join(base, test.damaged))
		})
	}
}

func utf16LE(text string) string {
	data := []byte{0xFF, 0xFE}
	for _, unit := range utf16.Encode([]rune(text)) {
		data = append(data, byte(unit), byte(unit>>8))
	}
	return string(data)
}

func TestProfileOutsideOfTheFolder(t *testing.T) {
	base, outside := t.TempDir(), mkdir(t, t.TempDir(), "my profile")
	write(t, "[Profile0]\nName=out\nIsRelative=0\nPath="+filepath.ToSlash(outside)+"\n"+
		"[Profile1]\nName=gone\nIsRelative=0\nPath="+filepath.ToSlash(outside)+"2\n", base, "profiles.ini")
	profiles, err := Profiles(base)
	require.NoError(t, err)
	require.Equal(t, []Profile{{Name: "out", Path: outside}}, profiles)
}

func TestProfilesThatCannotBeRead(t *testing.T) {
	base := t.TempDir()
	mkdir(t, base, "profiles.ini") // a folder of that name
	_, err := Profiles(base)
	require.ErrorContains(t, err, filepath.Join(base, "profiles.ini"))
}

func FuzzParseINI(f *testing.F) {
	for _, seed := range []string{twoProfiles, "\uFEFF[a]\r\nb=c", utf16LE("[a]\nb=c"), "[a\n[]\n=\n;", "\xff\xfe\x00"} {
		f.Add([]byte(seed))
	}
	fuzzlimit.Fuzz(f, func(t *testing.T, data []byte) {
		sections, err := parseINI(data)
		if err != nil && len(sections) > 0 {
			t.Fatal("sections beside an error")
		}
		seen := map[string]bool{}
		for _, s := range sections {
			if seen[s.name] || s.keys == nil || strings.ContainsAny(s.name, "]\n\r") {
				t.Fatalf("section %q is no section of its own", s.name)
			}
			seen[s.name] = true
			for key, value := range s.keys {
				if strings.ContainsAny(key, "=\n\r") || strings.ContainsAny(value, "\n\r") {
					t.Fatalf("%q=%q is more than a line", key, value)
				}
			}
		}
	})
}

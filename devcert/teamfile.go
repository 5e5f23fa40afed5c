package devcert

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/tidwall/jsonc"

	"devcert/devcert/chain"
	"devcert/devcert/explain"
	"devcert/devcert/jsonpos"
)

// TeamFileName is what a team's wishes are called in its repository.
const TeamFileName = "devcert.json"

// TeamSchema is the JSON Schema of a devcert.json. A test holds it against
// [ParseTeamFile].
//
//go:embed devcert.schema.json
var TeamSchema string

// teamSchema is the newest form of devcert.json this program understands.
const teamSchema = 1

// Limits of a devcert.json, so that one that somebody planted is refused before it
// has cost anything.
const (
	MaxTeamFile  = 1 << 20 // bytes
	maxValues    = 2000
	maxTeamName  = 253 // characters of a name or domain
	maxFolders   = 100
	maxTeamPath  = 1000 // characters
	maxTeamPorts = 8000 // characters of the list
)

// TeamFile is what a devcert.json asks for. It says nothing secret: there is no key
// that one could be written under.
type TeamFile struct {
	Path    string // as it is shown
	Names   []Told // as [chain.ParseName] writes them
	Permits []Told
	Ports   Told
	// Folders are the projects whose launchSettings.json say a port, relative to
	// the file's folder, with slashes.
	Folders []Told
	Stores  []Told
	Scope   Told

	data []byte
}

// Told is a value of a TeamFile, and where it stands in the file.
type Told struct {
	Text   string
	offset int
}

// texts are the values alone.
func texts(all []Told) []string {
	var out []string
	for _, t := range all {
		out = append(out, t.Text)
	}
	return out
}

// Wrong is a *UsageError about the value of t.
func (f *TeamFile) Wrong(t Told, hint, format string, args ...any) error {
	line, column := jsonpos.Position(f.data, t.offset)
	problem := fmt.Sprintf(format, args...)
	return &UsageError{Problem: fmt.Sprintf("%s:%d:%d: %s", f.Path, line, column, problem), Hint: hint}
}

// refused is what chain or a list of ports says about a value.
func (f *TeamFile) refused(t Told, err error) error {
	var usage *UsageError
	if name := (*chain.NameError)(nil); errors.As(err, &name) {
		return f.Wrong(t, name.Hint, "%s: %s", jsonpos.Quote(name.Name), name.Reason)
	}
	if errors.As(err, &usage) {
		return f.Wrong(t, usage.Hint, "%s", usage.Problem)
	}
	return f.Wrong(t, "", "%s", err)
}

// ParseTeamFile reads a devcert.json, which may have comments, trailing commas and a
// byte order mark. path is what the file is called in what is said about it, and
// version this program's, "" when it has none. Every error is a *UsageError that
// begins with FILE:LINE:COLUMN.
func ParseTeamFile(path string, data []byte, version string) (*TeamFile, error) {
	f := &TeamFile{Path: path, data: bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))}
	switch {
	case len(data) > MaxTeamFile:
		return nil, f.Wrong(Told{}, "a devcert.json has a few hundred bytes", "larger than %d bytes", MaxTeamFile)
	case bytes.HasPrefix(data, []byte("\xff\xfe")), bytes.HasPrefix(data, []byte("\xfe\xff")):
		return nil, f.Wrong(Told{}, "in PowerShell:  Set-Content -Encoding utf8", "this is UTF-16: save it as UTF-8")
	}
	root, err := jsonpos.Parse(jsonc.ToJSON(f.data), maxValues)
	var form *jsonpos.Error
	if errors.As(err, &form) {
		return nil, f.Wrong(Told{offset: form.Offset}, "", "%s", form.Problem)
	}
	if root.Kind != jsonpos.Object {
		return nil, f.Wrong(Told{offset: root.Offset}, `write { "schema": 1 }`, "the file is %s and not an object", root.Kind)
	}
	if err := f.fits(root, version); err != nil {
		return nil, err
	}
	for _, m := range root.Members {
		if err := f.take(m); err != nil {
			return nil, err
		}
	}
	return f, f.scopeFits()
}

// fits says whether this program may read the file at all: what a newer one has to
// tell comes before all that seems wrong with it.
func (f *TeamFile) fits(root jsonpos.Value, version string) error {
	schema := root.Get("schema")
	if schema == nil {
		return f.Wrong(Told{offset: root.Offset}, `write "schema": 1`, `the key "schema" is missing`)
	}
	number, err := strconv.ParseFloat(schema.Text, 64)
	at := Told{offset: schema.Offset}
	switch {
	case schema.Kind == jsonpos.Number && err == nil && number > teamSchema:
		return f.Wrong(at, "use the devcert that knows it, a newer one", "schema %s is newer than this devcert, which knows %d", jsonpos.Quote(schema.Text), teamSchema)
	case schema.Kind != jsonpos.Number || number != teamSchema || len(schema.Text) > 10: // a longer one is not 1 but rounded
		return f.Wrong(at, "", `"schema" is 1, and nothing else`)
	}
	wanted := root.Get("devcert")
	if wanted == nil {
		return nil
	}
	least, err := f.version(*wanted)
	if err != nil {
		return err
	}
	if mine, ok := parseVersion(version); ok && slices.Compare(mine, least) < 0 {
		return f.Wrong(Told{offset: wanted.Offset}, "install a newer devcert", "this file wants devcert %d.%d.%d or newer, and this is %s", least[0], least[1], least[2], version)
	}
	return nil
}

// teamKeys are the keys of a devcert.json. The two without a function are read by
// fits, before all others.
var teamKeys = []struct {
	name string
	take func(*TeamFile, jsonpos.Value) error
}{
	{"$schema", (*TeamFile).takeLink},
	{"schema", nil},
	{"devcert", nil},
	{"names", (*TeamFile).takeNames},
	{"permit", (*TeamFile).takePermits},
	{"ports", (*TeamFile).takePorts},
	{"projects", (*TeamFile).takeFolders},
	{"stores", (*TeamFile).takeStores},
	{"scope", (*TeamFile).takeScope},
}

func (f *TeamFile) take(m jsonpos.Member) error {
	var known []string
	for _, key := range teamKeys {
		if key.name == m.Key {
			if key.take == nil {
				return nil
			}
			return key.take(f, m.Value)
		}
		known = append(known, key.name)
	}
	hint := ""
	if near := explain.Nearest(m.Key, known); len(near) > 0 && len(m.Key) < maxTeamName {
		hint = fmt.Sprintf(": did you mean %q?", near[0])
	}
	return f.Wrong(Told{offset: m.Offset}, "keys: "+strings.Join(known, ", "), "there is no key %s%s", jsonpos.Quote(m.Key), hint)
}

package devcert

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
	"github.com/tidwall/jsonc"

	"devcert/devcert/chain"
	"devcert/scripts/fuzzlimit"
)

func compiledSchema(t testing.TB) *jsonschema.Schema {
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(TeamSchema))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	require.NoError(t, c.AddResource("devcert.schema.json", doc))
	schema, err := c.Compile("devcert.schema.json")
	require.NoError(t, err)
	return schema
}

// fitsSchema judges a document as an editor does.
func fitsSchema(schema *jsonschema.Schema, data []byte) bool {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(jsonc.ToJSON(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")))))
	return err == nil && schema.Validate(doc) == nil
}

func manyTexts(n int, format string) string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf(format, i))
	}
	data, _ := json.Marshal(all)
	return string(data)
}

func TestTeamFileTakes(t *testing.T) {
	schema := compiledSchema(t)
	for _, row := range []struct{ name, text string }{
		{"the least", `{"schema": 1}`},
		{"one in another spelling", `{"schema": 1.0}`},
		{"all keys", `{"$schema": "./devcert.schema.json", "schema": 1, "devcert": "0.1", "names": ["app.test", "10.0.0.7"],
			"permit": ["example.org", "10.0.0.0/8"], "ports": "44300-44399, 5001", "projects": ["src/Web", "../Other"],
			"stores": ["system", "firefox"], "scope": "machine"}`},
		{"comments and commas", "\xef\xbb\xbf// ours\r\n{\n/* the form */ \"schema\": 1, \"names\": [\"a.test\",],\n}\n"},
		{"a version on its way", `{"schema": 1, "devcert": "1.2.0-next\n"}`},
		{"this version", `{"schema": 1, "devcert": "v1.2.0"}`},
		{"all names", `{"schema": 1, "names": ` + manyTexts(maxNames, "n%d.test") + `}`},
		{"all permits", `{"schema": 1, "permit": ` + manyTexts(chain.MaxPermits, "d%d.test") + `}`},
		{"all folders", `{"schema": 1, "projects": ` + manyTexts(maxFolders, "p%d") + `}`},
		{"an internationalised name", `{"schema": 1, "names": ["bücher.test"]}`},
		{"the user's stores", `{"schema": 1, "stores": ["all"], "scope": "user"}`},
		{"another's letters", `{"schema": 1, "projects": ["src/Zoë's App"]}`},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := ParseTeamFile("devcert.json", []byte(row.text), "1.2.0")
			require.NoError(t, err)
			require.True(t, fitsSchema(schema, []byte(row.text)))
		})
	}
	f, err := ParseTeamFile("x", []byte(`{"schema": 1, "names": ["APP.test", "bücher.test"], "permit": ["10.1.2.3/8"], "ports": "5001,44300-44301,5001", "projects": ["a/b"], "stores": ["none"], "scope": "user"}`), "")
	require.NoError(t, err)
	require.Equal(t, []string{"app.test", "xn--bcher-kva.test"}, texts(f.Names))
	require.Equal(t, []string{"10.0.0.0/8"}, texts(f.Permits))
	require.Equal(t, "5001,44300-44301", f.Ports.Text)
	require.Equal(t, [][]string{{"a/b"}, {"none"}}, [][]string{texts(f.Folders), texts(f.Stores)})
	require.Equal(t, "user", f.Scope.Text)
}

func TestTeamFileRefuses(t *testing.T) {
	schema := compiledSchema(t)
	for _, row := range []struct {
		name, text, problem string
		// unseen: it takes more than a schema can say, or the text itself is what
		// is wrong.
		unseen bool
	}{
		{"nothing", "", "1:1: a value is expected, not the end of the file", false},
		{"a list", " []", "1:2: the file is a list and not an object", false},
		{"no schema", "\n{}", `2:1: the key "schema" is missing`, false},
		{"schema 0", `{"schema": 0}`, `1:12: "schema" is 1, and nothing else`, false},
		{"schema as text", `{"schema": "1"}`, `1:12: "schema" is 1, and nothing else`, false},
		{"a newer schema before all else", `{"nmaes": [], "schema": 2}`, `1:25: schema "2" is newer than this devcert, which knows 1`, false},
		{"nearly 1", `{"schema": 1.0000000000000000000001}`, `1:12: "schema" is 1, and nothing else`, false},
		{"a tab among ports", `{"schema": 1, "ports": "\t5001"}`, `1:24: "\t5001" is not a port`, false},
		{"a huge schema", `{"schema": 1e999}`, `1:12: "schema" is 1, and nothing else`, false},
		{"a newer devcert", `{"schema": 1, "devcert": "1.2.1-x\n"}`, "1:26: this file wants devcert 1.2.1 or newer, and this is 1.2.0", true},
		{"no version", `{"schema": 1, "devcert": "newest"}`, `1:26: "newest" is not a version`, false},
		{"four parts", `{"schema": 1, "devcert": "1.2.3.4"}`, `1:26: "1.2.3.4" is not a version`, false},
		{"a version as number", `{"schema": 1, "devcert": 1.2}`, `1:26: "devcert" is a number, and is to be a text in quotes`, false},
		{"a key nobody knows", "{\n  \"schema\": 1,\n  \"nmaes\": []}", `3:3: there is no key "nmaes": did you mean "names"?`, false},
		{"another's plural", `{"schema": 1, "permits": []}`, `1:15: there is no key "permits": did you mean "permit"?`, false},
		{"a secret", `{"schema": 1, "password": "x"}`, `1:15: there is no key "password"`, false},
		{"in other letters", `{"schema": 1, "Names": []}`, `1:15: there is no key "Names": did you mean "names"?`, false},
		{"a key twice", `{"schema": 1, "names": [], "names": []}`, `1:28: the key "names" stands twice`, true},
		{"names as text", `{"schema": 1, "names": "a.test"}`, `1:24: "names" is a text, and is to be a list of texts`, false},
		{"names as null", `{"schema": 1, "names": null}`, `1:24: "names" is null, and is to be a list of texts`, false},
		{"a number among names", `{"schema": 1, "names": ["a.test", 7]}`, `1:35: an entry of "names" is a number, and is to be a text in quotes`, false},
		{"an empty name", `{"schema": 1, "names": [""]}`, `1:25: an entry of "names" is empty`, false},
		{"too long a name", `{"schema": 1, "names": ["` + strings.Repeat("a", 254) + `"]}`, `1:25: an entry of "names" is longer than 253 characters`, false},
		{"a bad name", `{"schema": 1, "names": ["a..test"]}`, `1:25: "a..test": has an empty label`, true},
		{"too many names", `{"schema": 1, "names": ` + manyTexts(maxNames+1, "n%d.test") + `}`, `"names" has 251 entries, and 250 are the most`, false},
		{"a public suffix", `{"schema": 1, "permit": ["com"]}`, `1:26: "com": a public suffix`, true},
		{"every address", `{"schema": 1, "permit": ["0.0.0.0/0"]}`, `1:26: "0.0.0.0/0": every address there is`, true},
		{"too many permits", `{"schema": 1, "permit": ` + manyTexts(chain.MaxPermits+1, "d%d.test") + `}`, `"permit" has 101 entries`, false},
		{"ports as number", `{"schema": 1, "ports": 5001}`, `1:24: "ports" is a number`, false},
		{"no ports", `{"schema": 1, "ports": "none"}`, `1:24: "none" is not a port or a range of ports`, false},
		{"empty ports", `{"schema": 1, "ports": ""}`, `1:24: "ports" is empty`, false},
		{"port 0", `{"schema": 1, "ports": "0"}`, `1:24: "0" is not a port`, false},
		{"port 65536", `{"schema": 1, "ports": "65536"}`, `1:24: "65536" is not a port`, true},
		{"ports reversed", `{"schema": 1, "ports": "5002-5001"}`, `1:24: port range "5002-5001" is reversed`, true},
		{"all ports", `{"schema": 1, "ports": "1-65535"}`, `1:24: "ports" has more than 1000 ports`, true},
		{"all ports, often", `{"schema": 1, "ports": "1` + strings.Repeat(",1-65535", 900) + `"}`, `1:24: "ports" has more than 1000 ports`, true},
		{"too long a list of ports", `{"schema": 1, "ports": "1` + strings.Repeat(",1-65535", 9000) + `"}`, `1:24: "ports" is longer than 8000 characters`, false},
		{"a backslash", `{"schema": 1, "projects": ["src\\Web"]}`, `1:28: the folder "src\\Web" has a backslash`, false},
		{"a control character", `{"schema": 1, "projects": ["src\u0000"]}`, `1:28: the folder "src\x00" has a control character`, false},
		{"an empty folder", `{"schema": 1, "projects": [""]}`, `1:28: an entry of "projects" is empty`, false},
		{"too many folders", `{"schema": 1, "projects": ` + manyTexts(maxFolders+1, "p%d") + `}`, `"projects" has 101 entries`, false},
		{"an unknown store", `{"schema": 1, "stores": ["system", "opera"]}`, `1:36: there is no store "opera"`, false},
		{"no stores", `{"schema": 1, "stores": []}`, `1:25: "stores" is empty`, false},
		{"all among others", `{"schema": 1, "stores": ["system", "all"]}`, `1:36: "all" stands alone`, false},
		{"an unknown scope", `{"schema": 1, "scope": "galaxy"}`, `1:24: "galaxy" is not a scope`, false},
		{"a scope without the system", `{"schema": 1, "scope": "user", "stores": ["system"]}`, "1:43: the system store is the whole machine's", false},
		{"a link that is none", `{"schema": 1, "$schema": 7}`, `1:26: "$schema" is a number`, false},
		{"UTF-16", "\xff\xfe{\x00}\x00", "1:1: this is UTF-16: save it as UTF-8", false},
		{"a million names", `{"schema": 1, "names": ` + manyTexts(100_000, "n%d.test") + `}`, "1:1: larger than 1048576 bytes", false},
		{"as many as fit", `{"schema": 1, "names": [` + strings.Repeat(`"a",`, 200_000) + `"a"]}`, "more than 2000 values", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			began := time.Now()
			_, err := ParseTeamFile("some/team", []byte(row.text), "1.2.0")
			require.Less(t, time.Since(began), 20*time.Second, "milliseconds, on a machine that is not loaded")
			var usage *UsageError
			require.ErrorAs(t, err, &usage)
			require.Contains(t, usage.Problem, row.problem)
			require.Regexp(t, `^some/team:\d+:\d+: `, usage.Problem)
			require.Less(t, len(usage.Problem), 300)
			requireNoGo(t, usage.Problem)
			require.Equal(t, row.unseen, fitsSchema(schema, []byte(row.text)))
		})
	}
}

// requireNoGo refuses the words of Go's libraries.
func requireNoGo(t testing.TB, text string) {
	for _, word := range []string{"unmarshal", "Go value", "Go struct", "invalid character", "strconv", "statat", "openat", "<nil>", "\n"} {
		require.NotContains(t, text, word)
	}
}

// TestTeamSchemaIsWhatIsRead holds keys, limits and names of the schema against the
// parser's.
func TestTeamSchemaIsWhatIsRead(t *testing.T) {
	var schema struct {
		Required   []string
		Properties map[string]struct {
			MaxItems, MaxLength int
			Description         string
			Items               struct{ MaxLength int }
			Enum                []string
			OneOf               []struct {
				MaxItems int
				Items    struct{ Enum []string }
			}
		}
		Defs map[string]struct{ MaxLength int } `json:"$defs"`
	}
	require.NoError(t, json.Unmarshal([]byte(TeamSchema), &schema))
	var keys []string
	for _, key := range teamKeys {
		keys = append(keys, key.name)
		require.NotEmpty(t, schema.Properties[key.name].Description, key.name)
	}
	require.Len(t, schema.Properties, len(keys))
	require.Equal(t, []string{"schema"}, schema.Required)
	p := schema.Properties
	require.Equal(t, maxNames, p["names"].MaxItems)
	require.Equal(t, chain.MaxPermits, p["permit"].MaxItems)
	require.Equal(t, maxTeamName, schema.Defs["name"].MaxLength)
	require.Equal(t, maxTeamPorts, p["ports"].MaxLength)
	require.Equal(t, maxFolders, p["projects"].MaxItems)
	require.Equal(t, maxTeamPath, p["projects"].Items.MaxLength)
	require.Equal(t, maxTeamPath, p["$schema"].MaxLength)
	require.Equal(t, storeNames, p["stores"].OneOf[0].Items.Enum)
	require.Equal(t, []string{AllStores, NoStores}, p["stores"].OneOf[1].Items.Enum)
	require.Equal(t, []string{ScopeMachine, ScopeUser}, p["scope"].Enum)
}

func TestParseVersion(t *testing.T) {
	for _, row := range []struct {
		text string
		want []int
	}{
		{"1.2.3", []int{1, 2, 3}}, {"v1.2", []int{1, 2, 0}}, {"2", []int{2, 0, 0}}, {"1.2.3-next", []int{1, 2, 3}},
		{"", nil}, {"1.2.3.4", nil}, {"01.2", nil}, {"1..2", nil}, {"commit 1234", nil}, {"99999999999", nil}, {"1.+2", nil},
	} {
		got, ok := parseVersion(row.text)
		require.Equal(t, row.want != nil, ok, row.text)
		if ok {
			require.Equal(t, row.want, got, row.text)
		}
	}
	require.Positive(t, slices.Compare([]int{1, 10, 0}, []int{1, 9, 9}))
}

// FuzzParseTeamFile: what the parser takes, the schema takes too, and what it
// refuses is one line with a place in it.
func FuzzParseTeamFile(f *testing.F) {
	for _, seed := range []string{
		`{"schema": 1}`, `{"schema": 1, "names": ["a.test"], "permit": ["example.org"], "ports": "1-2,3", "projects": ["a/b"]}`,
		`{"schema": 1, "stores": ["system"], "scope": "user", "devcert": "1.2"}`, "{\"schema\": 1, // x\n}", `{"schema": 2, "x": {"y": [1]}}`,
	} {
		f.Add([]byte(seed))
	}
	schema := compiledSchema(f)
	fuzzlimit.Fuzz(f, func(t *testing.T, data []byte) {
		file, err := ParseTeamFile("f", data, "1.2.0")
		if err == nil {
			require.True(t, fitsSchema(schema, data), "%q", data)
			require.LessOrEqual(t, len(file.Names), maxNames)
			return
		}
		var usage *UsageError
		require.ErrorAs(t, err, &usage)
		require.Regexp(t, `^f:\d+:\d+: .`, usage.Problem)
		require.NotContains(t, usage.Problem, "\n")
	})
}

func TestNewTeamFile(t *testing.T) {
	c, err := DefaultConfig().With(Request{
		Names: []string{"b.test", "a.example.org"}, Permits: []string{"example.org"}, Ports: "5001", Stores: []string{"firefox"}, Scope: "user",
	}, storeNames)
	require.NoError(t, err)
	data, err := c.teamFile()
	require.NoError(t, err)
	f, err := ParseTeamFile("f", data, "")
	require.NoError(t, err)
	require.Equal(t, []string{"a.example.org", "b.test"}, texts(f.Names))
	require.Equal(t, []string{"example.org"}, texts(f.Permits))
	require.Equal(t, []string{"5001", "user", "firefox"}, []string{f.Ports.Text, f.Scope.Text, f.Stores[0].Text})

	data, err = DefaultConfig().teamFile()
	require.NoError(t, err)
	require.JSONEq(t, `{"schema": 1, "names": [], "ports": "44300-44399"}`, string(data))
}

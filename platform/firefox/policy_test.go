package firefox

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/scripts/fuzzlimit"
)

const testModule = "/usr/lib/x86_64-linux-gnu/pkcs11/p11-kit-trust.so"

func TestAddModule(t *testing.T) {
	const ours = `"devcert system trust": "` + testModule + `"`
	tests := []struct {
		name, before, after string
		kept                int
	}{
		{"empty file", "", `{"policies": {"SecurityDevices": {"Add": {` + ours + "}}}}\n", 0},
		{"no policies", "{}", `{"policies": {"SecurityDevices": {"Add": {` + ours + `}}}}`, 0},
		{"empty policies", "{ \"policies\": { } }\n", `{ "policies": {"SecurityDevices": {"Add": {` + ours + "}} } }\n", 1},
		{"others, as people write them", "{\n  \"policies\": {\n    \"DisableTelemetry\": true\n  }\n}\n",
			"{\n  \"policies\": {\n    \"DisableTelemetry\": true,\n    \"SecurityDevices\": {\"Add\": {" + ours + "}}\n  }\n}\n", 1},
		{"others in one line", `{"x":1.50,"policies":{"A":{"b":[1,{}]},"C":"\u00e9"}}`,
			`{"x":1.50,"policies":{"A":{"b":[1,{}]},"C":"\u00e9","SecurityDevices": {"Add": {` + ours + `}}}}`, 1},
		{"beside another module", "{\"policies\":{\"SecurityDevices\":{\"Add\":{\n\t\"Card\": \"/opt/card.so\"}}}}",
			"{\"policies\":{\"SecurityDevices\":{\"Add\":{\n\t\"Card\": \"/opt/card.so\",\n\t" + ours + "}}}}", 3},
		{"only Delete", `{"policies":{"SecurityDevices":{"Delete":["Card"]}}}`,
			`{"policies":{"SecurityDevices":{"Delete":["Card"],"Add": {` + ours + `}}}}`, 2},
		{"the old way, where Add would hide the others", `{"policies":{"SecurityDevices":{"Card":"/opt/card.so"}}}`,
			`{"policies":{"SecurityDevices":{"Card":"/opt/card.so",` + ours + `}}}`, 2},
		{"an old path of ours", `{"policies":{"SecurityDevices":{"Add":{"devcert system trust":"/old.so","x":"/x.so"}}}}`,
			`{"policies":{"SecurityDevices":{"Add":{"devcert system trust":"` + testModule + `","x":"/x.so"}}}}`, 3},
		{"the last of two counts", `{"policies":1,"policies":{}}`, `{"policies":1,"policies":{"SecurityDevices": {"Add": {` + ours + `}}}}`, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			after, kept, err := addModule([]byte(test.before), testModule)
			require.NoError(t, err)
			require.Equal(t, test.after, string(after))
			require.Equal(t, test.kept, kept)
			modules, err := policyModules(after)
			require.NoError(t, err)
			require.Equal(t, testModule, modules[moduleName])
			again, _, err := addModule(after, testModule)
			require.NoError(t, err)
			require.Equal(t, test.after, string(again), "it is added once")
		})
	}
}

func TestRemoveModule(t *testing.T) {
	tests := []struct {
		name, text, want string
		kept             int
		left             bool
	}{
		{"alone", `{"policies": {"SecurityDevices": {"Add": {"devcert system trust": "x"}}}}`, `{}`, 0, false},
		{"empty objects that were there stay", `{"policies": {"SecurityDevices": {"Add": {"devcert system trust": "x"}}}}`,
			`{"policies": {"SecurityDevices": {}}}`, 2, true},
		{"others came since", `{"policies": {"SecurityDevices": {"Add": {"devcert system trust": "x", "Card": "y"}}, "Z": 1}}`,
			`{"policies": {"SecurityDevices": {"Add": {"Card": "y"}}, "Z": 1}}`, 0, true},
		{"in the middle", `{"policies": {"SecurityDevices": {"Add": {"a": "b" , "devcert system trust": "x" , "c": "d"}}}}`,
			`{"policies": {"SecurityDevices": {"Add": {"a": "b" , "c": "d"}}}}`, 3, true},
		{"not there", `{"policies": {"SecurityDevices": {"Add": {}}}}`, `{"policies": {"SecurityDevices": {"Add": {}}}}`, 0, true},
		{"nothing at all", `{"policies": {}}`, `{"policies": {}}`, 0, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			without, left, err := removeModule([]byte(test.text), test.kept)
			require.NoError(t, err)
			require.Equal(t, test.want, string(without))
			require.Equal(t, test.left, left)
		})
	}
}

func TestPoliciesThatAreNone(t *testing.T) {
	tests := []struct{ name, text string }{
		{"rubbish", "rubbish"},
		{"cut short", `{"policies": {`},
		{"two values", `{} {}`},
		{"something behind", `{"policies": {}},`},
		{"an array", `[]`},
		{"a comment", "// ours\n{}"},
		{"a byte order mark", "\uFEFF{}"},
		{"policies of another kind", `{"policies": []}`},
		{"devices of another kind", `{"policies": {"SecurityDevices": "x"}}`},
		{"Add of another kind", `{"policies": {"SecurityDevices": {"Add": ["x"]}}}`},
		{"null", `{"policies": null}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := policyModules([]byte(test.text))
			require.ErrorIs(t, err, errNotPolicies)
			_, _, err = addModule([]byte(test.text), testModule)
			require.ErrorIs(t, err, errNotPolicies)
			_, _, err = removeModule([]byte(test.text), 0)
			require.ErrorIs(t, err, errNotPolicies)
		})
	}
}

// FuzzPolicies: whatever stands there, what is added is found, changes nothing else
// and can be taken away again to the last byte.
func FuzzPolicies(f *testing.F) {
	for _, seed := range []string{
		"", "{}", `{"policies":{}}`, `{"policies":{"SecurityDevices":{"Card":"/c"}}}`, `{"policies":{"SecurityDevices":{"Add":{"a":"b"}, "Delete": []}}}`,
		`{"policies":{"SecurityDevices":{"Add":{"devcert system trust":"b"}}}}`, "{\n\t\"policies\" : {\n\t\t\"A\": 1 ,\n\t\t\"B\": 2\n\t}\n}", "[", "{,}",
	} {
		f.Add([]byte(seed))
	}
	fuzzlimit.Fuzz(f, func(t *testing.T, data []byte) {
		had, err := policyModules(data)
		if err != nil && !errors.Is(err, errNotPolicies) {
			t.Fatal(err)
		}
		with, kept, addErr := addModule(data, testModule)
		if (err == nil) != (addErr == nil) {
			t.Fatalf("%v, but %v", err, addErr)
		}
		if err != nil {
			return
		}
		if !json.Valid(with) {
			t.Fatalf("%q is no JSON", with)
		}
		modules, err := policyModules(with)
		if err != nil || modules[moduleName] != testModule {
			t.Fatalf("%q: %v", with, err)
		}
		for name, path := range had {
			if name != moduleName && modules[name] != path {
				t.Fatalf("%s was lost in %q", name, with)
			}
		}
		if _, had := had[moduleName]; had || len(data) == 0 || kept == 0 {
			return
		}
		without, _, err := removeModule(with, kept)
		if err != nil || string(without) != string(data) {
			t.Fatalf("%q became %q: %v", data, without, err)
		}
	})
}

package cli

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the files that are made from the code anew")

// TestSchema demands that the published schema is the one that the types of the
// document and the rules about their fields make: neither can change alone.
func TestSchema(t *testing.T) {
	b := &schemaBuilder{t: t, used: map[string]bool{}, defs: map[string]object{}}
	root := append(object{
		{"$schema", "https://json-schema.org/draft/2020-12/schema"},
		{"$id", "urn:devcert:output:1"},
		{"title", "devcert --json"},
		{"description", "The one document that every devcert command prints with --json, whether it succeeds or fails. " +
			"A later devcert of the same schema number may add fields, kinds and states, and takes none away."},
	}, b.object(reflect.TypeFor[document]())...)
	root = append(root, exitRules()...)
	for name := range rules {
		require.True(t, b.used[name], "schema_rules_test.go has a rule for %s, and no type has that field", name)
	}
	defs := object{}
	for _, name := range b.order {
		defs = append(defs, member{name, b.defs[name]})
	}
	root = append(root, member{"$defs", defs})
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	require.NoError(t, encoder.Encode(root))

	path := filepath.Join("schema", "output.json")
	if *update {
		require.NoError(t, os.WriteFile(path, out.Bytes(), 0o644))
	}
	published, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, out.String(), strings.ReplaceAll(string(published), "\r\n", "\n"),
		"the types and the published schema differ; go test ./devcert/cli -run TestSchema -update writes it")
}

// object is a JSON object whose members stay in the order in which they are best
// read.
type object []member

type member struct {
	name  string
	value any
}

func (o object) MarshalJSON() ([]byte, error) {
	var out bytes.Buffer
	for i, m := range o {
		name, err := json.Marshal(m.name)
		if err != nil {
			return nil, err
		}
		var value bytes.Buffer
		encoder := json.NewEncoder(&value)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(m.value); err != nil {
			return nil, err
		}
		out.WriteString(map[bool]string{true: "{", false: ","}[i == 0])
		fmt.Fprintf(&out, "%s:%s", name, value.Bytes())
	}
	if len(o) == 0 {
		out.WriteString("{")
	}
	out.WriteString("}")
	return out.Bytes(), nil
}

// schemaBuilder reads types as encoding/json does.
type schemaBuilder struct {
	t     *testing.T
	used  map[string]bool // rules
	defs  map[string]object
	order []string // of defs, as they are met
}

// object is the schema of a struct: of what it embeds too.
func (b *schemaBuilder) object(t reflect.Type) object {
	properties, required := object{}, []string{}
	b.fields(t, nameOfType(t), true, &properties, &required)
	return object{
		{"type", "object"}, {"additionalProperties", false}, {"required", required}, {"properties", properties},
	}
}

func (b *schemaBuilder) fields(t reflect.Type, owner string, always bool, properties *object, required *[]string) {
	for i := range t.NumField() {
		f := t.Field(i)
		tag, tagged := f.Tag.Lookup("json")
		if f.Anonymous && !tagged {
			inner, pointer := f.Type, f.Type.Kind() == reflect.Pointer
			if pointer {
				inner = inner.Elem()
			}
			b.fields(inner, owner, always && !pointer, properties, required)
			continue
		}
		if !f.IsExported() || tag == "-" {
			continue
		}
		require.True(b.t, tagged, "%s.%s has no name in JSON", owner, f.Name)
		name, options, _ := strings.Cut(tag, ",")
		*properties = append(*properties, member{name, b.field(owner+"."+name, f.Type)})
		if always && !strings.Contains(options, "omitempty") && !strings.Contains(options, "omitzero") {
			*required = append(*required, name)
		}
	}
}

// field is the schema of a field: what its type and its rule say. What may be left
// out is not null where it is there.
func (b *schemaBuilder) field(name string, t reflect.Type) object {
	r, ok := rules[name]
	require.True(b.t, ok && r.about != "", "schema_rules_test.go says nothing about %s", name)
	b.used[name] = true
	return append(object{{"description", r.about}}, b.value(name, t, r)...)
}

func (b *schemaBuilder) value(name string, t reflect.Type, r rule) object {
	switch {
	case t.Kind() == reflect.Pointer:
		return object{{"anyOf", []object{b.value(name, t.Elem(), r), {{"type", "null"}}}}}
	case t.Kind() == reflect.Slice:
		return object{{"type", "array"}, {"items", b.value(name, t.Elem(), r)}}
	case t == reflect.TypeFor[netip.Addr]():
		return object{{"type", "string"}, {"anyOf", []object{{{"format", "ipv4"}}, {{"format", "ipv6"}}}}}
	case t.Kind() == reflect.Struct:
		return object{{"$ref", "#/$defs/" + b.define(t)}}
	}
	kinds := map[reflect.Kind]string{
		reflect.String: "string", reflect.Bool: "boolean", reflect.Int: "integer", reflect.Float64: "number",
	}
	require.Contains(b.t, kinds, t.Kind(), "%s", name)
	o := object{{"type", kinds[t.Kind()]}}
	only := r.only
	if listed, ok := listedTypes[t]; ok {
		require.Empty(b.t, only, "%s: its type has a list", name)
		only = constants(b.t, listed, t.Name(), "")
	}
	if r.from != nil {
		only = r.from(b.t)
	}
	return append(o, r.members(b.t, name, t.Kind(), only)...)
}

func (b *schemaBuilder) define(t reflect.Type) string {
	name := nameOfType(t)
	if _, ok := b.defs[name]; !ok {
		b.order = append(b.order, name)
		b.defs[name] = nil
		b.defs[name] = b.object(t)
	}
	return name
}

// nameOfType is what the schema calls a type: portFailureJSON is a portFailure.
func nameOfType(t reflect.Type) string {
	name := []rune(strings.TrimSuffix(t.Name(), "JSON"))
	name[0] = unicode.ToLower(name[0])
	return string(name)
}

// members are what a rule demands. Text is bounded by a list, or a pattern, or is
// said to be free: a field that somebody adds is thought about.
func (r rule) members(t *testing.T, name string, kind reflect.Kind, only []any) object {
	o := object{}
	if only != nil {
		slices.SortStableFunc(only, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
		o = append(o, member{"enum", only})
	}
	if r.pattern != "" {
		o = append(o, member{"pattern", r.pattern})
	}
	if r.format != "" {
		o = append(o, member{"format", r.format})
	}
	if r.least != nil {
		o = append(o, member{"minimum", *r.least})
	}
	if r.most != nil {
		o = append(o, member{"maximum", *r.most})
	}
	if kind == reflect.String && r.text == someText {
		o = append(o, member{"minLength", 1})
	}
	bounded := only != nil || r.pattern != "" || r.text != ""
	require.True(t, kind != reflect.String || bounded, "%s: its rule does not say what the text may be", name)
	return o
}

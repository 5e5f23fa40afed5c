// Package schema publishes what scripts may rely on: the JSON Schema of the one
// document that every command prints with --json. It says what is printed and
// never prints it, and nothing at run time depends on it.
package schema

import _ "embed"

// Output is the schema, in JSON Schema draft 2020-12. It is made from the Go types
// that are printed and from the rules about their fields, both in package cli:
//
//	go test ./devcert/cli -run TestSchema -update
//
//go:embed output.json
var Output string

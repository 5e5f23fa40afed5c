// Package schematest judges what devcert printed with --json by the published
// schema. Only tests import it: the program itself has no validator.
package schematest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"devcert/devcert/cli/schema"
)

var compiled = sync.OnceValues(func() (*jsonschema.Schema, error) {
	const at = "urn:devcert:output"
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(schema.Output))
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource(at, doc); err != nil {
		return nil, err
	}
	return c.Compile(at)
})

// Judge says what is wrong with the standard output of a devcert that was started
// with --json and exited so: it must be one document, ended by one newline, and
// nothing beside it; be as the schema says; and name the same exit code.
func Judge(stdout []byte, exit int) error {
	s, err := compiled()
	if err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(stdout))
	var whole json.RawMessage
	if err := decoder.Decode(&whole); err != nil {
		return fmt.Errorf("standard output is no JSON: %w\n%s", err, stdout)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) || !bytes.Equal(stdout, append(slices.Clone(whole), '\n')) {
		return fmt.Errorf("standard output has more than one document and a newline:\n%s", stdout)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(whole))
	if err != nil {
		return err
	}
	if err := s.Validate(value); err != nil {
		return err
	}
	var said struct{ Exit int }
	if err := json.Unmarshal(whole, &said); err != nil {
		return err
	}
	if said.Exit != exit {
		return fmt.Errorf("the document says exit code %d, and the process exited %d", said.Exit, exit)
	}
	return nil
}

// Asked says whether a command line asks for the document.
func Asked(args []string) bool {
	if at := slices.Index(args, "--"); at >= 0 {
		args = args[:at]
	}
	return slices.ContainsFunc(args, func(a string) bool {
		value, is := strings.CutPrefix(strings.TrimLeft(a, "-"), "json")
		return is && a[0] == '-' && (value == "" || value[0] == '=' && value != "=false")
	})
}

package front

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"devcert/devcert"
	"devcert/devcert/disk"
)

const (
	// tableSchema is raised when an older devcert would misread the table.
	tableSchema = 1
	// maxTable keeps a file that somebody else put there from filling the
	// memory; a hundred bindings take 10 KiB.
	maxTable = 1 << 20
)

type tableFile struct {
	Schema   int       `json:"schema"`
	Bindings []binding `json:"bindings"`
}

type binding struct {
	Port       int    `json:"port"`
	Thumbprint string `json:"thumbprint"`
}

// decode reads a table strictly: what it does not understand is an error, since
// a binding overlooked here would be reported as one that is not there.
func decode(data []byte) ([]devcert.Binding, error) {
	// The schema comes first: a newer one may have fields unknown here.
	if err := disk.CheckSchema(data, tableSchema); err != nil {
		return nil, err
	}
	var version struct {
		Schema *int `json:"schema"`
	}
	if err := json.Unmarshal(data, &version); err != nil {
		return nil, fmt.Errorf("it is no table: %w", err)
	}
	switch {
	case version.Schema == nil:
		return nil, errors.New("it names no schema")
	case *version.Schema < tableSchema:
		return nil, fmt.Errorf("its schema %d never existed", *version.Schema)
	}
	var table tableFile
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&table); err != nil {
		return nil, fmt.Errorf("it is no table: %w", err)
	}
	if table.Bindings == nil {
		return nil, errors.New("it has no list of bindings")
	}
	return accept(table.Bindings)
}

// accept checks the entries of a table and puts them in order.
func accept(entries []binding) ([]devcert.Binding, error) {
	bindings := make([]devcert.Binding, 0, len(entries))
	for _, entry := range entries {
		b := devcert.Binding{Port: entry.Port, Thumbprint: entry.Thumbprint}
		if err := check(b); err != nil {
			return nil, err
		}
		bindings = append(bindings, b)
	}
	slices.SortStableFunc(bindings, byPort)
	for i := 1; i < len(bindings); i++ {
		if bindings[i].Port == bindings[i-1].Port {
			return nil, fmt.Errorf("it binds port %d twice", bindings[i].Port)
		}
	}
	return bindings, nil
}

// encode is the inverse of decode. A table that could not be read back is
// refused here rather than found damaged later.
func encode(bindings []devcert.Binding) ([]byte, error) {
	table := tableFile{Schema: tableSchema, Bindings: make([]binding, 0, len(bindings))}
	for _, b := range bindings {
		table.Bindings = append(table.Bindings, binding{b.Port, b.Thumbprint})
	}
	data, err := json.MarshalIndent(table, "", " ")
	if err != nil {
		return nil, err
	}
	if len(data) >= maxTable {
		return nil, fmt.Errorf("%d bindings are more than a table holds", len(bindings))
	}
	return append(data, '\n'), nil
}

func check(b devcert.Binding) error {
	if b.Port < 1 || b.Port > 65535 {
		return fmt.Errorf("port %d is outside 1–65535", b.Port)
	}
	if len(b.Thumbprint) != 40 || strings.Trim(b.Thumbprint, "0123456789ABCDEF") != "" {
		return fmt.Errorf("port %d: %q is no thumbprint (40 upper-case hex digits)", b.Port, b.Thumbprint)
	}
	return nil
}

func byPort(a, b devcert.Binding) int { return cmp.Compare(a.Port, b.Port) }

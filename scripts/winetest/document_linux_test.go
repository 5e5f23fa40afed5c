package winetest

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/stretchr/testify/require"
)

// document is what devcert prints with --json, as far as these tests read it.
type document struct {
	Command   string  `json:"command"`
	OK        bool    `json:"ok"`
	Exit      int     `json:"exit"`
	Error     *string `json:"error"`
	Hierarchy struct {
		Root, Leaf    certificateID
		Intermediates []certificateID
	} `json:"hierarchy"`
	Stores []struct {
		Path, State string
	} `json:"stores"`
	Bindings []struct {
		Port  int
		State string
	} `json:"bindings"`
	Findings []finding `json:"findings"`
}

type certificateID struct {
	Thumbprint string `json:"thumbprint"`
}

type finding struct {
	Kind     string `json:"kind"`
	Severity string `json:"severity"`
	Where    string `json:"where"`
	Message  string `json:"message"`
	Remedy   string `json:"remedy"`
}

// json runs devcert with --json: standard output is one document, which says the
// exit code too.
func (w *windows) json(code int, args ...string) document {
	w.t.Helper()
	return w.parse(code, w.devcert(code, append(args, "--json")...))
}

func (w *windows) parse(code int, r result) document {
	w.t.Helper()
	decoder := json.NewDecoder(strings.NewReader(r.out))
	var d document
	require.NoError(w.t, decoder.Decode(&d), r.out)
	_, err := decoder.Token()
	require.ErrorIs(w.t, err, io.EOF)
	require.Equal(w.t, code, d.Exit)
	require.Equal(w.t, code == 0, d.OK)
	return d
}

func (w *windows) status(code int, args ...string) document {
	w.t.Helper()
	return w.json(code, append([]string{"status"}, args...)...)
}

// state is that of a port.
func (d document) state(port int) string {
	for _, b := range d.Bindings {
		if b.Port == port {
			return b.State
		}
	}
	return ""
}

func (d document) kinds() []string {
	kinds := []string{}
	for _, f := range d.Findings {
		kinds = append(kinds, fmt.Sprintf("%s %s", f.Severity, f.Kind))
	}
	slices.Sort(kinds)
	return slices.Compact(kinds)
}

package platform_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestSecurityNamesWhatIsDone holds what SECURITY.md says of privileged requests and
// of processes against the code for every system, whichever this is.
func TestSecurityNamesWhatIsDone(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", ".github", "SECURITY.md"))
	require.NoError(t, err)
	code := readCode(t)

	t.Run("requests", func(t *testing.T) {
		rows := firstCells(sectionOf(string(text), "The privileged child"))
		require.NotEmpty(t, code.requests)
		assert.ElementsMatch(t, code.requests, rows)
	})
	section := sectionOf(string(text), "Processes")
	t.Run("who starts processes", func(t *testing.T) {
		require.NotEmpty(t, code.starters)
		for _, folder := range code.starters {
			assert.True(t, strings.Contains(section, "`"+folder+"`"), "%s starts processes, and is not in the table", folder)
		}
		for _, folder := range regexp.MustCompile("`(platform/[a-z]+)`").FindAllStringSubmatch(section, -1) {
			known := append([]string{"platform/run", "platform/httpsys"}, code.starters...)
			assert.Contains(t, known, folder[1])
		}
	})
	t.Run("tools", func(t *testing.T) {
		require.Subset(t, code.tools, []string{"sudo", "update-ca-trust", "netsh.exe"})
		for _, tool := range code.tools {
			assert.True(t, strings.Contains(section, "`"+tool+"`"), "%s is started, and not in the table", tool)
		}
	})
}

// surface is what the code can do, each name once and sorted.
type surface struct {
	requests []string // that the privileged child takes
	starters []string // folders that start processes
	tools    []string // that are looked for by name; doctor's clients are the user's
}

// readCode reads all of platform but its tests: also what is not built here.
func readCode(t *testing.T) *surface {
	t.Helper()
	s := &surface{}
	constants := map[string]string{} // by folder and name
	var keys []string
	err := filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() && (entry.Name() == "internal" || entry.Name() == "testdata") {
			return skip(err)
		}
		if entry.IsDir() || filepath.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		folder := path.Join("platform", filepath.ToSlash(filepath.Dir(name)))
		ast.Inspect(file, func(n ast.Node) bool {
			keys = append(keys, s.see(folder, n, constants)...)
			return true
		})
		return nil
	})
	require.NoError(t, err)
	for _, key := range keys {
		require.Contains(t, constants, key, "the name of a request is a constant")
		s.requests = append(s.requests, constants[key])
	}
	for _, list := range []*[]string{&s.requests, &s.starters, &s.tools} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	return s
}

// skip leaves a folder out, unless it could not be read.
func skip(err error) error {
	if err != nil {
		return err
	}
	return fs.SkipDir
}

// see takes in one node; it returns the names of constants that name requests.
func (s *surface) see(folder string, n ast.Node, constants map[string]string) (requests []string) {
	switch n := n.(type) {
	case *ast.ValueSpec:
		for i, name := range n.Names {
			if i < len(n.Values) {
				if text, ok := literal(n.Values[i]); ok {
					constants[folder+"."+name.Name] = text
				}
			}
		}
	case *ast.CompositeLit:
		switch nameOf(n.Type) {
		case "run.Command":
			if folder != "platform/run" {
				s.starters = append(s.starters, folder)
			}
		case "elevate.Handlers":
			for _, element := range n.Elts {
				requests = append(requests, constantOf(folder, element.(*ast.KeyValueExpr).Key))
			}
		}
	case *ast.CallExpr:
		switch called := nameOf(n.Fun); {
		case len(n.Args) == 0:
		case called == "find", strings.HasSuffix(called, ".Find"):
			s.addTool(folder, n.Args[0])
		case called == "filepath.Join":
			if text, _ := literal(n.Args[len(n.Args)-1]); strings.HasSuffix(text, ".exe") && folder != "platform/run" {
				s.addTool(folder, n.Args[len(n.Args)-1])
			}
		}
	case *ast.KeyValueExpr:
		if nameOf(n.Key) == "tool" {
			s.addTool(folder, n.Value)
		}
	}
	return requests
}

// addTool takes in a program, but of the clients, which are the user's, and of iis,
// which starts nothing and finds columns.
func (s *surface) addTool(folder string, e ast.Expr) {
	if text, ok := literal(e); ok && folder != "platform/clients" && folder != "platform/iis" {
		s.tools = append(s.tools, path.Base(text))
	}
}

func literal(e ast.Expr) (string, bool) {
	basic, ok := e.(*ast.BasicLit)
	if !ok || basic.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(basic.Value)
	return text, err == nil
}

// nameOf is how a name is written, as f or p.F; of what is no name, its last part.
func nameOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return nameOf(e.X) + "." + e.Sel.Name
	}
	return ""
}

// constantOf is a constant's folder and name.
func constantOf(folder string, e ast.Expr) string {
	if p, name, ok := strings.Cut(nameOf(e), "."); ok {
		return "platform/" + p + "." + name
	}
	return folder + "." + nameOf(e)
}

// sectionOf is a document's text below a heading.
func sectionOf(text, heading string) string {
	_, after, _ := strings.Cut(text, "\n## "+heading+"\n")
	section, _, _ := strings.Cut(after, "\n## ")
	return section
}

// firstCells are the words in code that begin the rows of a table.
func firstCells(section string) (cells []string) {
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)`").FindAllStringSubmatch(section, -1) {
		cells = append(cells, row[1])
	}
	return cells
}

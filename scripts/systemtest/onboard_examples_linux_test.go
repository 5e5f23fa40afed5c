package systemtest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert/yaml"
	"github.com/stretchr/testify/require"
)

func example(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(suite.checkout, "scripts/examples", name))
	require.NoError(t, err)
	return string(data)
}

// TestTheActionsExample runs the steps as a runner does, one shell for each, by a
// user who may use sudo.
func TestTheActionsExample(t *testing.T) {
	m := newMachine(t)
	var workflow struct {
		Jobs map[string]struct {
			Steps []struct{ Name, Run string }
		}
	}
	require.NoError(t, yaml.Unmarshal([]byte(example(t, "github-actions.yml")), &workflow))
	m.ownNetwork()
	m.sudoers(withoutAsking)
	user := m.as(anna).inClone()
	variables := filepath.Join(anna.home(), "github-env")
	user = user.with("CI=true", "GITHUB_ENV="+variables)
	for _, step := range workflow.Jobs["test"].Steps {
		if step.Run != "" {
			file := filepath.Join(anna.home(), "step.sh")
			m.write(file, step.Run)
			r := user.run("bash", "--noprofile", "--norc", "-eo", "pipefail", file)
			require.Zero(t, r.code, "%s: %s", step.Name, r)
		}
	}
	require.Contains(t, m.read(variables), "NODE_EXTRA_CA_CERTS="+user.state())
	user.requireHealthy()
}

// TestTheDevcontainerExample runs the command in the folder of the checkout, by the
// container's user, who may use sudo.
func TestTheDevcontainerExample(t *testing.T) {
	m := newMachine(t)
	var container struct{ PostCreateCommand string }
	require.NoError(t, json.Unmarshal([]byte(example(t, ".devcontainer/devcontainer.json")), &container))
	m.sudoers(withoutAsking)
	user := m.as(anna).inClone()
	require.Contains(t, user.must("/bin/sh", "-c", container.PostCreateCommand), "devcert: set up; ")
	user.requireHealthy()
	require.Contains(t, user.must("/bin/sh", "-c", container.PostCreateCommand), "devcert: unchanged; ")
}

// TestTheDockerfileExample runs its commands one after the other, what a later stage
// takes from an earlier one being in the same place; and then what a container starts
// with. No key is in what the image holds.
func TestTheDockerfileExample(t *testing.T) {
	m := newMachine(t, "/opt", "/usr/local/bin").inClone()
	clone, start := m.dir, []string(nil)
	m.dir = "/"
	for line := range strings.Lines(example(t, "Dockerfile")) {
		what, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch words := strings.Fields(rest); what {
		case "", "#", "FROM", "CMD":
		case "COPY":
			for _, from := range words[:len(words)-1] {
				switch {
				case from == ".":
					m.must("cp", "--recursive", clone, words[len(words)-1])
				case !strings.HasPrefix(from, "--from="):
					m.must("cp", from, words[len(words)-1])
				}
			}
		case "RUN":
			m.must("/bin/sh", "-c", rest)
		case "ENTRYPOINT":
			require.NoError(t, json.Unmarshal([]byte(rest), &start))
		default:
			require.Fail(t, "this test does not know "+what)
		}
	}
	require.NoDirExists(t, m.state())
	require.Empty(t, m.bundled())

	container := append(start, "devcert", "status")
	require.Contains(t, m.must(container[0], container[1:]...), "devcert: set up; ")
	m.requireHealthy()
}

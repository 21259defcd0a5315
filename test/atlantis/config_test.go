package atlantis

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"sigs.k8s.io/yaml"

	"terraform-provider-emissary/test/deps"
)

// repoConfig is what the tests read of atlantis.yaml.
type repoConfig struct {
	Projects []project `json:"projects"`
}

type project struct {
	Name  string `json:"name"`
	Dir   string `json:"dir"`
	Group int    `json:"execution_order_group"`
}

// groups are the projects that run at the same time, in order.
func (c repoConfig) groups() [][]project {
	var groups [][]project
	slices.SortStableFunc(c.Projects, func(a, b project) int { return a.Group - b.Group })
	for i, p := range c.Projects {
		if i == 0 || p.Group != c.Projects[i-1].Group {
			groups = append(groups, nil)
		}
		last := len(groups) - 1
		groups[last] = append(groups[last], p)
	}
	return groups
}

// workflow is a workflow of the server's configuration: the steps of its stages.
type workflow map[string]struct {
	Steps []any `json:"steps"`
}

// step is a step with the arguments that the configuration adds to the server's.
type step struct {
	name      string
	arguments []string
}

// steps reads the steps of a stage. A step is a name, or a name with arguments.
func (w workflow) steps(t *testing.T, stage string) []step {
	t.Helper()
	var steps []step
	for _, one := range w[stage].Steps {
		switch one := one.(type) {
		case string:
			steps = append(steps, step{name: one})
		case map[string]any:
			for name, value := range one {
				s := step{name: name}
				settings, _ := value.(map[string]any)
				extra, _ := settings["extra_args"].([]any)
				for _, argument := range extra {
					s.arguments = append(s.arguments, argument.(string))
				}
				steps = append(steps, s)
			}
		default:
			t.Fatalf("stage %s of the workflow has the step %v", stage, one)
		}
	}
	if len(steps) == 0 {
		t.Fatalf("the workflow has no stage %s", stage)
	}
	return steps
}

// example is the path of a file or folder of examples/atlantis.
func example(path ...string) string {
	return filepath.Join(append([]string{deps.Root(), "examples", "atlantis"}, path...)...)
}

func readRepoConfig(t *testing.T) repoConfig {
	t.Helper()
	var c repoConfig
	readYAML(t, example("repo", "atlantis.yaml"), &c)
	return c
}

func readWorkflow(t *testing.T, name string) workflow {
	t.Helper()
	var server struct {
		Workflows map[string]workflow `json:"workflows"`
	}
	readYAML(t, example("server", "repos.yaml"), &server)
	return server.Workflows[name]
}

func readYAML(t *testing.T, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

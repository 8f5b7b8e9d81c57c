package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// workflow is what the rules below look at.
type workflow struct {
	On          yaml.Node
	Permissions yaml.Node
	Jobs        map[string]job
}

type job struct {
	Environment yaml.Node
	Permissions yaml.Node
	Timeout     int       `yaml:"timeout-minutes"`
	Continue    yaml.Node `yaml:"continue-on-error"`
	If          string
	Needs       yaml.Node
	Secrets     yaml.Node
	Env         map[string]string
	Concurrency yaml.Node
	Steps       []step
}

type step struct {
	Name, Uses, Run, If string
	Continue            yaml.Node `yaml:"continue-on-error"`
	With, Env           map[string]string
}

var pinned = regexp.MustCompile(`^[\w.-]+/[\w./-]+@[0-9a-f]{40}$`)

// TestWorkflowsAreHardened holds our workflows against what others were broken
// into by: GitHub's "Security hardening for GitHub Actions", as statements.
func TestWorkflowsAreHardened(t *testing.T) {
	files, err := filepath.Glob("../.github/workflows/*.yml")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d workflows, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			text := string(data)
			var w workflow
			if err := yaml.Unmarshal(data, &w); err != nil {
				t.Fatal(err)
			}
			for _, banned := range []string{"pull_request_target", "workflow_run", "secrets: inherit", "toJSON(secrets)", "always()", "queue: max"} {
				if strings.Contains(text, banned) {
					t.Errorf("it has %s", banned)
				}
			}
			for _, line := range regexp.MustCompile(`uses: [\w-]+/[^\n]*`).FindAllString(text, -1) {
				if !regexp.MustCompile(`@[0-9a-f]{40} # v\d`).MatchString(line) {
					t.Errorf("%s: no commit with its version beside it", line)
				}
			}
			if w.Permissions.Kind != yaml.MappingNode || len(w.Permissions.Content) > 0 {
				t.Error("its permissions are not {} at the top")
			}
			for name, j := range w.Jobs {
				hardened(t, name, j)
			}
		})
	}
}

func hardened(t *testing.T, name string, j job) {
	t.Helper()
	if j.Timeout == 0 {
		t.Errorf("%s has no time-out", name)
	}
	if j.Permissions.Kind != yaml.MappingNode {
		t.Errorf("%s does not say its permissions", name)
	}
	if !j.Continue.IsZero() {
		t.Errorf("%s goes on after an error", name)
	}
	if strings.Contains(j.Environment.Value, "${{") {
		t.Errorf("%s names its environment by an expression", name)
	}
	for _, s := range j.Steps {
		if strings.Contains(s.Run, "${{") {
			t.Errorf("%s: an expression in a script: %s", name, s.Run)
		}
		if s.Uses != "" && !strings.HasPrefix(s.Uses, "./") && !pinned.MatchString(s.Uses) {
			t.Errorf("%s uses %s", name, s.Uses)
		}
		if strings.HasPrefix(s.Uses, "actions/checkout@") && s.With["persist-credentials"] != "false" {
			t.Errorf("%s keeps the token in the checkout", name)
		}
		if !s.Continue.IsZero() {
			t.Errorf("%s: %s goes on after an error", name, s.Name)
		}
		for _, value := range s.Env {
			if strings.Contains(value, "secrets.") && j.Environment.IsZero() {
				t.Errorf("%s has a secret and no environment", name)
			}
		}
	}
	for key, value := range j.Env {
		if strings.Contains(value, "secrets.") {
			t.Errorf("%s gives the secret %s to all of its steps", name, key)
		}
	}
}

// Production releases what was planned, behind its reviewers, and takes back in
// the same job what did not end, also when it is cancelled.
func TestProductionWorkflow(t *testing.T) {
	data, err := os.ReadFile("../.github/workflows/production.yml")
	if err != nil {
		t.Fatal(err)
	}
	var w workflow
	if err := yaml.Unmarshal(data, &w); err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(w.On.Content); i += 2 {
		if event := w.On.Content[i].Value; event != "workflow_dispatch" && event != "workflow_call" {
			t.Errorf("%s can release to production", event)
		}
	}
	release := w.Jobs["release"]
	var needs []string
	if err := release.Needs.Decode(&needs); err != nil || !slices.Contains(needs, "plan") || !slices.Contains(needs, "oncall") {
		t.Errorf("release needs %v, %v", needs, err)
	}
	for name, want := range map[string]string{"plan": "production-plan", "oncall": "production-oncall", "release": "production"} {
		if got := w.Jobs[name].Environment.Value; got != want {
			t.Errorf("%s is in environment %q, want %q", name, got, want)
		}
	}
	last := release.Steps[len(release.Steps)-1]
	if last.If != "${{ failure() || cancelled() }}" || last.With["unfinished"] != "true" || !strings.HasSuffix(last.Uses, "/actions/rollback") {
		t.Errorf("the last step is %+v", last)
	}
	if !strings.Contains(string(data), "cancel-in-progress: false") {
		t.Error("a release can be cancelled by the next one")
	}
}

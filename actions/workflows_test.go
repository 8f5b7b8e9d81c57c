package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/teei/slipway/testenv/testenv"
)

// workflow is what the rules below look at.
type workflow struct {
	On          yaml.Node
	Env         map[string]string
	Permissions yaml.Node
	Concurrency yaml.Node
	Jobs        map[string]job
}

type job struct {
	Environment yaml.Node
	Permissions yaml.Node
	Timeout     int       `yaml:"timeout-minutes"`
	Continue    yaml.Node `yaml:"continue-on-error"`
	If, Uses    string
	Needs       yaml.Node
	Secrets     yaml.Node
	Env         map[string]string
	With        map[string]string
	Concurrency *group
	Container   yaml.Node
	Services    yaml.Node
	Steps       []step
}

type group struct {
	Group  string
	Cancel bool `yaml:"cancel-in-progress"`
}

type step struct {
	Name, ID, Uses, Run, If string
	Continue                yaml.Node `yaml:"continue-on-error"`
	With, Env               map[string]string
	Timeout                 int `yaml:"timeout-minutes"`
}

var (
	pinned      = regexp.MustCompile(`^[\w.-]+/[\w./-]+@[0-9a-f]{40}$`)
	versioned   = regexp.MustCompile(`^# (v\d+(\.\d+)*|main)$`)
	usesSlipway = regexp.MustCompile(`uses: teei/slipway/actions/[^\n]*`)
)

// workflowFiles are those of a folder.
func workflowFiles(t *testing.T, folder string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.yml"))
	if err != nil || len(files) < 6 {
		t.Fatalf("%d workflows, %v", len(files), err)
	}
	return files
}

func read(t testing.TB, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func readWorkflow(t *testing.T, name string) (w workflow) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(read(t, filepath.Join("../.github/workflows", name))), &w); err != nil {
		t.Fatal(err)
	}
	return w
}

// TestWorkflowsAreHardened holds our workflows against what others were broken
// into by: GitHub's "Security hardening for GitHub Actions", as statements.
func TestWorkflowsAreHardened(t *testing.T) {
	for _, file := range workflowFiles(t, "../.github/workflows") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			for _, fault := range faults(t, read(t, file)) {
				t.Error(fault)
			}
		})
	}
}

// actionlint knows the expressions and the contexts that GitHub has.
func TestActionlint(t *testing.T) {
	t.Parallel()
	run(t, ".", testenv.Tool(t, "github.com/rhysd/actionlint/cmd/actionlint", "v1.7.12"), workflowFiles(t, "../.github/workflows")...)
}

// faults are the rules that a workflow breaks.
func faults(t *testing.T, text string) (found []string) {
	t.Helper()
	var w workflow
	var document yaml.Node
	if err := yaml.Unmarshal([]byte(text), &w); err != nil {
		return []string{"it is no workflow: " + err.Error()}
	}
	if err := yaml.Unmarshal([]byte(text), &document); err != nil {
		return []string{err.Error()}
	}
	for _, event := range keys(&w.On) {
		if event == "pull_request_target" || event == "workflow_run" {
			found = append(found, "others start it with our rights: "+event)
		}
	}
	if w.Permissions.Kind != yaml.MappingNode || len(w.Permissions.Content) > 0 {
		found = append(found, "its permissions are not {} at the top")
	}
	for key, value := range w.Env {
		if secret(value) {
			found = append(found, "it gives the secret "+key+" to all of its jobs")
		}
	}
	scalars(&document, func(key string, value *yaml.Node) {
		compact := strings.ReplaceAll(strings.ToLower(value.Value), " ", "")
		for _, banned := range []string{"tojson(secrets", "always()", "secrets[", "secrets.*"} {
			if strings.Contains(compact, banned) {
				found = append(found, value.Value+" has "+banned)
			}
		}
		if key == "uses" && !strings.HasPrefix(value.Value, "./") && (!pinned.MatchString(value.Value) || !versioned.MatchString(value.LineComment)) {
			found = append(found, "uses "+value.Value+" "+value.LineComment+": no commit with its version beside it")
		}
	})
	for name, j := range w.Jobs {
		for _, fault := range j.faults() {
			found = append(found, name+" "+fault)
		}
	}
	return found
}

func (j job) faults() (found []string) {
	no := func(bad bool, fault string) {
		if bad {
			found = append(found, fault)
		}
	}
	no(j.Timeout == 0 && j.Uses == "", "has no time-out")
	no(j.Permissions.Kind != yaml.MappingNode, "does not say its permissions")
	no(!j.Continue.IsZero(), "goes on after an error")
	no(strings.Contains(j.Environment.Value, "${{"), "names its environment by an expression")
	no(!j.Secrets.IsZero() && !j.named(), "hands secrets on")
	for key, value := range j.Env {
		no(secret(value), "gives the secret "+key+" to all of its steps")
	}
	for _, beside := range []*yaml.Node{&j.Container, &j.Services} {
		scalars(beside, func(key string, value *yaml.Node) {
			no(secret(value.Value) && j.Environment.IsZero(), "has a secret, "+key+" of a container, and no environment")
		})
	}
	for _, s := range j.Steps {
		no(strings.Contains(s.Run, "${{"), "has an expression in a script: "+s.Run)
		no(strings.HasPrefix(s.Uses, "actions/checkout@") && s.With["persist-credentials"] != "false", "keeps the token in the checkout")
		no(!s.Continue.IsZero(), s.Name+" goes on after an error")
		for _, values := range []map[string]string{s.Env, s.With} {
			for key, value := range values {
				no(secret(value) && j.Environment.IsZero(), "has a secret, "+key+", and no environment")
			}
		}
		for key, value := range s.With {
			no(secret(value), "gives a secret as the input "+key+", which is shown in logs")
		}
	}
	return found
}

// named reports whether a job hands secrets on by their own names, and to one of
// our workflows: GitHub gives those of an environment to a workflow that is called
// only where its caller names them.
func (j job) named() bool {
	handed := map[string]string{}
	if !strings.HasPrefix(j.Uses, "teei/slipway/.github/workflows/") || j.Secrets.Decode(&handed) != nil {
		return false
	}
	for name, value := range handed {
		if value != "${{ secrets."+name+" }}" {
			return false
		}
	}
	return true
}

// secret reports whether an expression reads one.
func secret(value string) bool {
	return strings.Contains(value, "${{") && strings.Contains(value, "secrets.")
}

func keys(node *yaml.Node) (names []string) {
	switch node.Kind {
	case yaml.ScalarNode:
		return []string{node.Value}
	case yaml.SequenceNode:
		for _, n := range node.Content {
			names = append(names, n.Value)
		}
	case yaml.MappingNode:
		for i := 0; i < len(node.Content); i += 2 {
			names = append(names, node.Content[i].Value)
		}
	}
	return names
}

// scalars visits each value with the key that it stands under.
func scalars(node *yaml.Node, visit func(key string, value *yaml.Node)) {
	for i, child := range node.Content {
		switch {
		case node.Kind == yaml.MappingNode && i%2 == 0:
		case child.Kind == yaml.ScalarNode && node.Kind == yaml.MappingNode:
			visit(node.Content[i-1].Value, child)
		case child.Kind == yaml.ScalarNode:
			visit("", child)
		default:
			scalars(child, visit)
		}
	}
}

// Each rule is broken once: what breaks it is found.
func TestHardeningFindsFaults(t *testing.T) {
	const good = `
on: push
permissions: {}
jobs:
  a:
    timeout-minutes: 5
    permissions: {contents: read}
    environment: production
    steps:
      - uses: actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683 # v4.2.2
        with: {persist-credentials: false}
      - run: echo "$X"
        env: {X: "${{ secrets.X }}"}
`
	if found := faults(t, good); len(found) > 0 {
		t.Errorf("%q", found)
	}
	for _, tt := range []struct{ old, new, says string }{
		{"on: push", "on: pull_request_target", "pull_request_target"},
		{"on: push", "on: [push, workflow_run]", "workflow_run"},
		{"on: push", "on: {workflow_run: {workflows: [a]}}", "workflow_run"},
		{"permissions: {}", "permissions: {contents: read}", "at the top"},
		{"permissions: {}\n", "", "at the top"},
		{"timeout-minutes: 5", "name: x", "time-out"},
		{"    permissions: {contents: read}\n", "", "does not say its permissions"},
		{"environment: production", "environment: '${{ inputs.x }}'", "by an expression"},
		{"environment: production", "name: x", "no environment"},
		{"environment: production", "{environment: production, secrets: inherit}", "it is no workflow"},
		{"environment: production", "environment: production\n    secrets: inherit", "hands secrets on"},
		{"environment: production", "environment: production\n    secrets: {A: '${{ secrets.A }}'}", "hands secrets on"},
		{"environment: production", "uses: teei/slipway/.github/workflows/watch.yml@11bd71901bbe5b1630ceea73d27597364c9af683 # v1\n    secrets: inherit", "hands secrets on"},
		{"environment: production", "uses: teei/slipway/.github/workflows/watch.yml@11bd71901bbe5b1630ceea73d27597364c9af683 # v1\n    secrets: {A: '${{ secrets.B }}'}", "hands secrets on"},
		{"environment: production", "uses: mallory/slipway/.github/workflows/watch.yml@11bd71901bbe5b1630ceea73d27597364c9af683 # v1\n    secrets: {A: '${{ secrets.A }}'}", "hands secrets on"},
		{"environment: production", "environment: production\n    continue-on-error: true", "goes on"},
		{"environment: production", "environment: production\n    env: {A: '${{ secrets.A }}'}", "to all of its steps"},
		{"environment: production", "environment: production\n    if: ${{ always () }}", "always()"},
		{"on: push", "on: push\nenv: {A: '${{ secrets.A }}'}", "to all of its jobs"},
		{"    environment: production\n", "    container: {image: a, credentials: {username: a, password: '${{ secrets.A }}'}}\n", "password of a container"},
		{"    environment: production\n", "    services: {db: {image: a, env: {WORD: '${{ secrets.A }}'}}}\n", "WORD of a container"},
		{" # v4.2.2", "", "no commit with its version"},
		{"@11bd71901bbe5b1630ceea73d27597364c9af683", "@v4", "no commit with its version"},
		{"persist-credentials: false", "fetch-depth: 1", "keeps the token"},
		{"persist-credentials: false", "persist-credentials: false, token: '${{ secrets.A }}'", "as the input token"},
		{`echo "$X"`, `echo "${{ inputs.x }}"`, "in a script"},
		{"secrets.X", "toJson( secrets )", "tojson(secrets"},
		{"secrets.X", "secrets['X']", "secrets["},
	} {
		if found := strings.Join(faults(t, strings.Replace(good, tt.old, tt.new, 1)), "\n"); !strings.Contains(found, tt.says) {
			t.Errorf("%s instead of %s: %s", tt.new, tt.old, found)
		}
	}
}

// calls are what a workflow takes from who calls it.
type calls struct {
	Inputs, Secrets map[string]input
}

// callable returns what a workflow takes, nil where nobody may call it.
func (w *workflow) callable(t *testing.T) *calls {
	t.Helper()
	var on struct {
		Call *calls `yaml:"workflow_call"`
	}
	if err := w.On.Decode(&on); err != nil {
		t.Fatal(err)
	}
	return on.Call
}

var secretName = regexp.MustCompile(`secrets\.(\w+)`)

// Each workflow starts by itself here and by being called elsewhere, and says which
// secrets it reads: one that is called sees no other, also of its own environments.
func TestWorkflowsCanBeCalled(t *testing.T) {
	for _, file := range workflowFiles(t, "../.github/workflows") {
		name := filepath.Base(file)
		if name == "release.yml" {
			continue // it makes Slipway, and nobody else does
		}
		w := readWorkflow(t, name)
		if len(keys(&w.On)) < 2 {
			t.Errorf("%s is started by %v alone", name, keys(&w.On))
		}
		takes := w.callable(t)
		if takes == nil {
			t.Errorf("nobody can call %s", name)
			continue
		}
		reads := map[string]bool{}
		for _, m := range secretName.FindAllStringSubmatch(read(t, file), -1) {
			reads[m[1]] = true
			if s, declared := takes.Secrets[m[1]]; !declared || s.Required {
				t.Errorf("%s reads the secret %s, and declares it as %+v, %t", name, m[1], s, declared)
			}
		}
		for secret := range takes.Secrets {
			if !reads[secret] {
				t.Errorf("%s declares the secret %s, and does not read it", name, secret)
			}
		}
	}
}

// A pull request's code, also of a fork, runs where there is nothing to take: no
// environment, no secret, no right to write.
func TestPullRequestWorkflow(t *testing.T) {
	w := readWorkflow(t, "pull-request.yml")
	if got := keys(&w.On); !slices.Equal(got, []string{"pull_request", "workflow_call"}) {
		t.Errorf("it is started by %v", got)
	}
	for name, j := range w.Jobs {
		may := map[string]string{}
		if err := j.Permissions.Decode(&may); err != nil {
			t.Fatal(err)
		}
		for scope, access := range may {
			if access != "read" {
				t.Errorf("%s may %s %s", name, access, scope)
			}
		}
		if !j.Environment.IsZero() {
			t.Errorf("%s is in environment %s", name, j.Environment.Value)
		}
	}
	text := read(t, "../.github/workflows/pull-request.yml")
	for _, taken := range []string{"secrets.", "secrets[", "github.token", "GITHUB_TOKEN", "id-token"} {
		if strings.Contains(text, taken) {
			t.Errorf("it has %s", taken)
		}
	}
}

// Production releases what was planned, behind its reviewers, and takes back in
// the same job what did not end, also when it is cancelled.
func TestProductionWorkflow(t *testing.T) {
	w := readWorkflow(t, "production.yml")
	// Defence 9: whoever pushes, or opens a pull request, releases nothing.
	for _, event := range keys(&w.On) {
		if event != "workflow_dispatch" && event != "workflow_call" {
			t.Errorf("%s can release to production", event)
		}
	}
	for name, environment := range map[string]string{"plan": "production-plan", "oncall": "production-oncall", "override": "production-override", "release": "production"} {
		if got := w.Jobs[name].Environment.Value; got != environment {
			t.Errorf("%s is in environment %q, want %q", name, got, environment)
		}
	}
	release := w.Jobs["release"]
	// Defence 7: there is nothing to approve before the plan is final.
	for name, j := range w.Jobs {
		if name != "plan" && !slices.Contains(keys(&j.Needs), "plan") {
			t.Errorf("%s does not wait for the plan", name)
		}
	}
	if !slices.Contains(keys(&release.Needs), "oncall") {
		t.Error("release does not wait for the incident response team")
	}
	// Outside of the window another group approves, and without its job nothing is released.
	const window = `contains(needs.plan.outputs.waived, '"window"')`
	if !strings.Contains(w.Jobs["override"].If, window) || !strings.Contains(release.If, "(needs.override.result == 'success' || !"+window+")") || !strings.Contains(release.If, "needs.oncall.result == 'success' &&") {
		t.Errorf("it releases if %s, and the window is overridden if %s", release.If, w.Jobs["override"].If)
	}
	if strings.Contains(release.If, "cancelled") && !strings.Contains(release.If, "!cancelled()") || strings.Contains(release.If, "failure()") && !strings.Contains(release.If, "!failure()") {
		t.Errorf("it releases if %s", release.If)
	}
	applied := slices.IndexFunc(release.Steps, func(s step) bool { return strings.Contains(s.Uses, "/actions/rollout@") })
	asked := slices.IndexFunc(release.Steps, func(s step) bool { return strings.Contains(s.Uses, "/actions/gate@") })
	if asked < 0 || applied < asked || release.Steps[applied].If != "" || release.Steps[asked].If != "" {
		t.Errorf("the gate is step %d, the release step %d", asked, applied)
	}
	if got := release.Steps[applied].With["approval"]; got != "${{ needs.plan.outputs.approval }}" {
		t.Errorf("it releases what has the approval %s", got)
	}
	steps := slices.DeleteFunc(slices.Clone(release.Steps), func(s step) bool { return strings.HasPrefix(s.Uses, "actions/upload-artifact@") })
	last := steps[len(steps)-1]
	if last.If != "${{ failure() || cancelled() }}" || last.With["unfinished"] != "true" || !strings.Contains(last.Uses, "/actions/rollback@") {
		t.Errorf("the last step is %+v", last)
	}
}

// A token of the job opens the cluster, where that takes one: the jobs that reach a
// cluster may ask GitHub for it, and no other, above all none that runs the code of
// a commit.
func TestWhoMayAskForATokenOfTheJob(t *testing.T) {
	for _, file := range workflowFiles(t, "../.github/workflows") {
		name := filepath.Base(file)
		if name == "release.yml" {
			continue // its attestations are signed with such a token
		}
		for job, j := range readWorkflow(t, name).Jobs {
			may := map[string]string{}
			if err := j.Permissions.Decode(&may); err != nil {
				t.Fatal(err)
			}
			reaches := slices.ContainsFunc(j.Steps, func(s step) bool { return s.Name == "Kubeconfig" })
			if asks := may["id-token"] == "write"; asks != reaches || asks && j.Environment.IsZero() {
				t.Errorf("%s/%s reaches a cluster: %t, may ask for a token: %t, in environment %q", name, job, reaches, asks, j.Environment.Value)
			}
		}
	}
}

// What was not tried out, or failed then, is not signed.
func TestSignsWhatWorks(t *testing.T) {
	steps := readWorkflow(t, "staging.yml").Jobs["release"].Steps
	at := func(has string) int {
		return slices.IndexFunc(steps, func(s step) bool { return has != "" && (strings.Contains(s.Uses, has) || s.With["stages"] == has) })
	}
	sign := at("/actions/record@")
	for _, before := range []string{"/actions/rollout@", "/actions/verify@", "accept"} {
		if i := at(before); i < 0 || i > sign {
			t.Errorf("%s is step %d, and the record is signed in step %d", before, i, sign)
		}
	}
	if sign < 0 || steps[sign].If != "" { // without a condition a step runs where all before it passed
		t.Errorf("it is signed %+v", steps[sign])
	}
}

// What is known of a release is kept however it ended: after it was taken back, and
// within the minutes that a cancelled job has.
func TestReportsAreKept(t *testing.T) {
	for file, jobs := range map[string][]string{"production.yml": {"release"}, "staging.yml": {"release"}, "rollback.yml": {"staging", "production"}} {
		w := readWorkflow(t, file)
		for _, name := range jobs {
			kept := map[string]bool{}
			steps := w.Jobs[name].Steps
			for i, s := range steps {
				what := s.With["name"]
				if !strings.HasPrefix(s.Uses, "actions/upload-artifact@") || what != "report" && what != "ledger" {
					continue
				}
				kept[what] = strings.HasPrefix(s.If, "${{ (success() || failure() || cancelled()) && hashFiles(") && s.Timeout > 0 && s.Timeout < 3
				for _, later := range steps[i:] {
					if strings.Contains(later.Uses, "/actions/rollback@") {
						t.Errorf("%s/%s keeps the %s before it takes back", file, name, what)
					}
				}
			}
			if !kept["report"] || !kept["ledger"] {
				t.Errorf("%s/%s keeps %v", file, name, kept)
			}
		}
	}
}

// Defence 15: nothing that changes an environment is cancelled by what comes
// later, and a rollback waits for no run that waits for people.
func TestConcurrency(t *testing.T) {
	groups := map[string]string{} // by workflow/job
	for _, file := range []string{"staging.yml", "production.yml", "rollback.yml", "watch.yml"} {
		w := readWorkflow(t, file)
		if !w.Concurrency.IsZero() {
			t.Errorf("%s: the group is that of the whole run", file)
		}
		for name, j := range w.Jobs {
			changes := slices.ContainsFunc(j.Steps, func(s step) bool {
				return regexp.MustCompile(`/actions/(rollout|rollback|resume|watch)@`).MatchString(s.Uses)
			})
			switch {
			case changes && j.Concurrency == nil:
				t.Errorf("%s/%s changes something, and two of it can run at once", file, name)
			case j.Concurrency == nil:
			case j.Concurrency.Cancel:
				t.Errorf("%s/%s is cancelled by the next one", file, name)
			default:
				groups[file+"/"+name] = j.Concurrency.Group
			}
		}
	}
	for name, g := range groups {
		for other, same := range groups {
			if strings.HasPrefix(name, "rollback.yml/") && !strings.HasPrefix(other, "rollback.yml/") && g == same {
				t.Errorf("%s waits for %s", name, other)
			}
		}
	}
}

// No input of a workflow says what runs with its secrets: actions are named by
// the commit, all by the same, and given only inputs that they have.
func TestWorkflowsUseOurActions(t *testing.T) {
	commits := map[string]bool{}
	for _, file := range workflowFiles(t, "../.github/workflows") {
		w := readWorkflow(t, filepath.Base(file))
		for name, j := range w.Jobs {
			for _, s := range j.Steps {
				at := filepath.Base(file) + "/" + name + ": "
				action, commit, ours := strings.Cut(strings.TrimPrefix(s.Uses, "teei/slipway/actions/"), "@")
				if strings.HasPrefix(s.Uses, "actions/checkout@") && (s.With["repository"] != "" || s.With["ref"] != "") {
					t.Errorf("%sit checks out %s at %s", at, s.With["repository"], s.With["ref"])
				}
				if !ours || !strings.HasPrefix(s.Uses, "teei/slipway/") {
					continue
				}
				commits[commit] = true
				if fault := fits(t, filepath.Join(action, "action.yml"), s.With); fault != "" {
					t.Error(at + fault)
				}
			}
		}
	}
	if len(commits) != 1 {
		t.Errorf("the actions are of %d commits: %v", len(commits), commits)
	}
}

// input of an action, or of a workflow that is called.
type input struct {
	Required bool
	Default  *string
}

// fits holds what an action is given against its inputs, "" if they fit.
func fits(t *testing.T, file string, with map[string]string) string {
	t.Helper()
	var metadata struct{ Inputs map[string]input }
	if err := yaml.Unmarshal([]byte(read(t, file)), &metadata); err != nil {
		t.Fatal(err)
	}
	return given(file, metadata.Inputs, with)
}

func given(what string, inputs map[string]input, with map[string]string) string {
	for name := range with {
		if _, known := inputs[name]; !known {
			return what + " has no input " + name
		}
	}
	for name, i := range inputs {
		if i.Required && with[name] == "" {
			return what + " wants the input " + name
		}
	}
	return ""
}

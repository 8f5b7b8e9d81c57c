package gate_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/teei/slipway/internal/gate"
	"github.com/teei/slipway/internal/plan"
	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/testenv/github"
)

// setup is a gate of which all is set up on GitHub.
func setup(t *testing.T) (*scene, func() []plan.Finding) {
	t.Helper()
	s := newScene(t)
	s.question.Gate.Security, s.question.Gate.NotesDraft = "high", true
	s.question.Gate.Promotes = &platform.Promotes{Environment: "staging"}
	s.hub.Change(func(k *github.Known) {
		for _, name := range []string{"production-plan", "production-watch", "staging"} {
			k.Environments[name] = &github.Environment{Name: name, Policy: github.CustomBranches, Branches: []string{"main"}}
		}
		rollback := *k.Environments["production"]
		rollback.Name = "production-rollback"
		k.Environments["production-rollback"] = &rollback
		for _, e := range k.Environments {
			e.Apps = []string{"slipway-gate"}
		}
	})
	s.question.Gate.Rollback = &platform.GateRollback{Approvals: []platform.Approval{{Name: "on call", Environment: "production-rollback", Teams: []string{"leadership"}, Least: 1}}}
	s.question.Gate.Unreviewed = []platform.Unreviewed{{Environment: "production-plan"}}
	of := platform.Environment{Gate: s.question.Gate, GitHub: &platform.GitHub{Deployments: true, Issues: true}}
	return s, func() []plan.Finding { return gate.Setup(t.Context(), s.question.GitHub, "production", of) }
}

func TestSetup(t *testing.T) {
	t.Parallel()
	s, look := setup(t)
	if found := look(); len(plan.Failed(found)) > 0 || len(found) != 20 {
		t.Errorf("all is set up: %+v", found)
	}
	var made int
	s.hub.Change(func(k *github.Known) { made = len(k.Releases) })
	if made > 0 || len(s.hub.Deployments()) > 0 || len(s.hub.Issues()) > 0 {
		t.Error("looking has made something")
	}
	no := false
	for name, tt := range map[string]struct {
		change func(*github.Known)
		want   []string // findings that fail, each with its advice
	}{
		"missing": {func(k *github.Known) {
			delete(k.Environments, "production")
			delete(k.Environments, "production-watch")
		}, []string{
			"environment/production → gh api -X PUT repos/acme/platform/environments/production --input",
			"environment/production-watch → gh api -X PUT repos/acme/platform/environments/production-watch --input",
		}},
		"nowhere to roll back": {func(k *github.Known) { delete(k.Environments, "production-rollback") }, []string{
			"environment/production-rollback → gh api -X PUT repos/acme/platform/environments/production-rollback --input",
		}},
		"other branches": {func(k *github.Known) {
			k.Environments["production-oncall"].Policy, k.Environments["production-oncall"].Branches = github.CustomBranches, []string{"*"}
			k.Environments["staging"].Branches = nil
		}, []string{
			"environment/production-oncall → gh api -X POST repos/acme/platform/environments/production-oncall/deployment-branch-policies -f name=main, and take",
			"environment/staging → gh api -X PUT",
		}},
		"nobody is asked": {func(k *github.Known) { k.Environments["production-plan"].Apps = nil }, []string{"rule/production-plan → install the App of `slipway gate serve`, and turn its rule on"}},
		"waits":           {func(k *github.Known) { k.Environments["production-plan"].Users = []string{"tom"} }, []string{"environment/production-plan → gh api -X PUT"}},
		"bypassed": {func(k *github.Known) { k.Environments["production"].AdminsBypass = nil }, []string{
			"environment/production → turn off",
		}},
		"plan": {func(k *github.Known) {
			k.Environments["production"] = &github.Environment{Name: "production", AdminsBypass: &no, Policy: github.CustomBranches, Branches: []string{"main"}, Apps: []string{"slipway-gate"}}
			k.Visibility, k.Plan = "private", "team"
		}, []string{
			"environment/production → gh api -X PUT", "plan → make it a repository of GitHub Enterprise or a public one, or let people approve by comments",
		}},
		"unprotected": {func(k *github.Known) { k.Protected["main"] = false }, []string{
			"environment/production-oncall → gh api -X PUT repos/acme/platform/branches/main/protection", "branch/main → gh api -X PUT repos/acme/platform/branches/main/protection",
		}},
		"rights": {func(k *github.Known) {
			delete(k.Teams, "acme/leadership")
			k.Faults = []github.Fault{{Path: "/code-scanning/", Status: 403}, {Path: "/deployments", Status: 403}, {Path: "/comments", Status: 403}, {Path: "/actions/runs/", Status: 403}, {Path: "/releases", Status: 403}}
		}, []string{
			"team/leadership → give the step the token of a GitHub App", "runs → give the job `permissions: {actions: read}`", "security → turn code scanning on",
			"deployments → give the job `permissions: {deployments: write}`", "drafts → give the job `permissions: {contents: write}`", "issues → give the job `permissions: {issues: write}`",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, look := setup(t)
			s.hub.Change(tt.change)
			failed := plan.Failed(look())
			for i, f := range failed {
				if i < len(tt.want) && !strings.HasPrefix(f.ID+" → "+f.Advice, tt.want[i]) {
					t.Errorf("%s → %s, want %s", f.ID, f.Advice, tt.want[i])
				}
				if name == "plan" && f.ID == "environment/production" && !strings.Contains(f.Advice, "on GitHub Enterprise only") {
					t.Errorf("it does not say which plan: %s", f.Advice)
				}
			}
			if len(failed) != len(tt.want) {
				t.Errorf("%d findings: %+v", len(failed), failed)
			}
		})
	}
}

// TestDispatchSetup: nothing is started, and what is missing is named.
func TestDispatchSetup(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for _, tt := range []struct {
		status int
		ok     bool
		says   string
	}{
		{0, true, "it may start .github/workflows/rollback.yml"},
		{403, false, "permissions: {actions: write}"},
		{404, false, "gh api repos/acme/platform/actions/workflows"},
		{500, false, "permissions: {actions: write}"},
	} {
		s.hub.Change(func(k *github.Known) {
			k.Faults = nil
			if tt.status != 0 {
				k.Faults = []github.Fault{{Path: "/actions/workflows/rollback.yml/dispatches", Status: tt.status}}
			}
		})
		f := gate.DispatchSetup(t.Context(), s.question.GitHub, ".github/workflows/rollback.yml")
		if (f.Status == plan.Pass) != tt.ok || !strings.Contains(f.Text+f.Advice, tt.says) {
			t.Errorf("%d: %+v", tt.status, f)
		}
	}
	if started := s.hub.Started(); len(started) > 0 {
		t.Errorf("looking has started %+v", started)
	}
}

// gh is what the commands need of GitHub's own program.
const gh = `#!/bin/bash
set -e
shift
method=GET
while [ $# -gt 0 ]; do
  case "$1" in
    -X) method=$2; shift 2 ;;
    --input) body=$(cat); shift 2 ;;
    -f) body="{\"${2%%=*}\": \"${2#*=}\"}"; shift 2 ;;
    --jq) shift 2 ;;
    *) path=$1; shift ;;
  esac
done
case "$path" in IDS esac
curl --silent --show-error --fail -o /dev/null -X "$method" -H 'Authorization: Bearer x' -H 'Content-Type: application/json' --data "$body" "HUB/$path"
`

// The commands that are advised do what they say: run as they are, they set up a
// repository that has nothing, but for the one switch that GitHub's API lacks.
func TestSetupCommands(t *testing.T) {
	t.Parallel()
	s, look := setup(t)
	s.question.Gate.Unreviewed = nil // no command turns an App's rule on
	s.hub.Change(func(k *github.Known) {
		for name := range k.Environments {
			delete(k.Environments, name)
		}
		k.Protected["main"] = false
	})
	bin := t.TempDir()
	var ids strings.Builder
	for path, name := range map[string]string{"orgs/acme/teams/leadership": "leadership", "users/tom": "tom"} {
		fmt.Fprintf(&ids, "%s) echo %d; exit ;; ", path, github.ID(name))
	}
	script := strings.NewReplacer("IDS", ids.String(), "HUB", s.hub.URL).Replace(gh)
	if err := os.WriteFile(filepath.Join(bin, "gh"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	s.hub.Change(func(k *github.Known) { k.Teams["acme/incidents"] = map[string]string{"tom": "active"} }) // GitHub knows him
	for _, f := range plan.Failed(look()) {
		command, _, _ := strings.Cut(f.Advice, ", and then ")
		cmd := exec.CommandContext(t.Context(), "bash", "-c", command)
		cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s\n%s", f.ID, err, command, out)
		}
	}
	left := plan.Failed(look())
	if len(left) != 3 || slices.ContainsFunc(left, func(f plan.Finding) bool { return !strings.HasPrefix(f.Text, "administrators may bypass") }) {
		t.Errorf("left: %+v", left)
	}
}

package gate_test

import (
	"strings"
	"testing"

	"github.com/teei/slipway/internal/gate"
	"github.com/teei/slipway/internal/plan"
	"github.com/teei/slipway/testenv/github"
)

func TestSetup(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.question.Gate.Security = "high"
	if failed := plan.Failed(gate.Setup(t.Context(), s.question.GitHub, s.question.Gate)); len(failed) > 0 {
		t.Errorf("all is set up: %+v", failed)
	}
	s.hub.Change(func(k *github.Known) {
		delete(k.Environments, "production")
		k.Environments["production-oncall"].Policy, k.Environments["production-oncall"].Branches = github.CustomBranches, []string{"*"}
		delete(k.Teams, "acme/leadership")
		k.Faults = []github.Fault{{Path: "/code-scanning/", Status: 403}}
	})
	var got []string
	for _, f := range plan.Failed(gate.Setup(t.Context(), s.question.GitHub, s.question.Gate)) {
		got = append(got, f.ID+" → "+f.Advice)
	}
	want := []string{
		"environment/production → gh api -X PUT repos/acme/platform/environments/production --input",
		"team/leadership → give the step the token of a GitHub App",
		"environment/production-oncall → gh api -X POST repos/acme/platform/environments/production-oncall/deployment-branch-policies -f name=main",
		"security → turn code scanning on",
	}
	if len(got) != len(want) {
		t.Fatalf("%s", strings.Join(got, "\n"))
	}
	for i := range want {
		if !strings.HasPrefix(got[i], want[i]) {
			t.Errorf("%s, want %s", got[i], want[i])
		}
	}
}
